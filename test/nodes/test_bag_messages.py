# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What `fer-ros annotate` writes is what a node would have published."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.rosbag2 import Reader
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.bags.annotate import Annotator
from fer_ros.bags.reader import Frame
from fer_ros.bags.writer import ResultWriter
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS
from fer_ros.ros.messages import box_from_message, emotions_to_message, event_to_message, faces_to_message
from fer_ros.types import Box, Emotion, Face
from fer_ros.types import EmotionEvent as Event


def test_messages_are_equal_to_the_last_field(demo_images, tmp_path):
    annotator = Annotator(parameters(PARAMS, []))
    found = []
    with ResultWriter(tmp_path / "out.mcap", {"faces": "/faces", "emotions": "/emotions"}, annotator.model) as writer:
        for i in (0, 1, 22, 40):  # with one face, with none, with two
            found.append(annotator(Frame(1_700_000_000_123_456_789 + i, i, "eye", i, demo_images[i])))
            writer.write(found[-1].frame, found[-1].faces, found[-1].emotions)
    assert {len(one.faces) for one in found} == {0, 1, 2}
    with Reader(tmp_path / "out.mcap") as reader:
        data = [(connection.topic, bytes(content)) for connection, _, content in reader.messages()]
    for one in found:
        header = Header(frame_id="eye")
        header.stamp.sec, header.stamp.nanosec = divmod(one.frame.stamp, 10**9)
        (_, faces), (_, emotions), *data = data
        assert deserialize_message(faces, Detection2DArray) == faces_to_message(one.faces, header)
        assert deserialize_message(emotions, EmotionArray) == emotions_to_message(one.emotions, header, annotator.model)


def test_events_are_equal_to_the_last_field(demo_images, tmp_path):
    annotator, events = Annotator(parameters(PARAMS, [], {"appear_hold": 0.0})), []
    topics = {"faces": "/faces", "emotions": "/emotions", "events": "/events"}
    with ResultWriter(tmp_path / "out.mcap", topics, annotator.model) as writer:
        for i in range(10):
            found = annotator(Frame(1_700_000_000_123_456_789 + i * 10**8, i, "eye", i, demo_images[0]))
            writer.write(found.frame, found.faces, found.emotions)
            events += found.events
            writer.write_events(found.events, found.frame)
        events += (end := annotator.end())
        writer.write_events(end, found.frame)
    assert [event.kind for event in events] == ["appeared", "left"]
    with Reader(tmp_path / "out.mcap") as reader:
        data = [bytes(content) for connection, _, content in reader.messages() if connection.topic == "/events"]
    for event, written in zip(events, data, strict=True):
        header = Header(frame_id="eye")
        header.stamp.sec, header.stamp.nanosec = divmod(event.frame.stamp, 10**9)
        assert deserialize_message(written, EmotionEvent) == event_to_message(event, header)


@pytest.mark.parametrize("number", [int, float, np.float32, np.float64, np.int64, np.uint8])
def test_a_number_is_sent_as_that_number_whatever_its_type(tmp_path, number):
    box = Box(*map(number, (100, 80, 30, 40, 1)))
    probabilities = np.eye(7)[3].astype(number)
    faces = [Face(box, number(1), id="1")]
    emotions = [Emotion("1", box, number(1), "happy", number(1), probabilities, probabilities)]
    frame = Frame(5, 5, "eye", 0, np.empty((0, 0, 3), np.uint8))
    event = Event("changed", "1", 0.0, "happy", "sad", number(1), number(2), frame)
    topics = {"faces": "/faces", "emotions": "/emotions", "events": "/events"}
    with ResultWriter(tmp_path / "out.mcap", topics, "a model") as writer:
        writer.write(frame, faces, emotions)
        writer.write_events([event], frame)
    with Reader(tmp_path / "out.mcap") as reader:
        written = {connection.topic: bytes(content) for connection, _, content in reader.messages()}
    header = Header(frame_id="eye")
    header.stamp.nanosec = 5
    for topic, message in (("/faces", faces_to_message(faces, header)),
                           ("/emotions", emotions_to_message(emotions, header, "a model")),
                           ("/events", event_to_message(event, header))):
        sent = deserialize_message(serialize_message(message), type(message))
        assert sent == deserialize_message(written[topic], type(message))
        one = sent.detections[0] if topic == "/faces" else sent.emotions[0] if topic == "/emotions" else sent
        if topic == "/events":
            assert (one.kind, one.confidence, one.lasted.sec) == (EmotionEvent.CHANGED, 1.0, 2)
            continue
        assert box_from_message(one.bbox) == (100, 80, 30, 40, 1)
        if topic == "/emotions":
            assert (one.detection_score, one.confidence, list(one.probabilities)) == (1.0, 1.0, [0, 0, 0, 1, 0, 0, 0])
        else:
            assert one.results[0].hypothesis.score == 1.0
