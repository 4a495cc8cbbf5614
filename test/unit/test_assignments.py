# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""NODE.NAME=VALUE: which node and parameter are meant, in which type, and what is said where that is not clear."""

from __future__ import annotations

import pytest

from fer_ros.parameters.assignments import assigned, named_parameter, nodes_named, value_of
from fer_ros.parameters.graph_params import parameters_of

KNOWN = {f"{place}/{node}": parameters_of(node) for place, node in (
    ("/fer", "face_detector_node"), ("/fer", "emotion_node"), ("/fer", "overlay_node"), ("/camera", "camera_node"))}
TWO = {**KNOWN, "/left/fer/emotion_node": parameters_of("emotion_node")}


@pytest.mark.parametrize("text", ["emotion_node.label_hold=0.6", "/fer/emotion_node.label_hold=0.6", "label_hold=0.6",
                                  " emotion_node.label_hold =0.6", "label_hold=1", "label_hold=1", "label_hold=0.6"])
def test_a_parameter_is_named_with_its_node_or_alone(text):
    (node, values), = assigned([text], KNOWN).items()
    assert node == "/fer/emotion_node"
    assert list(values) == ["label_hold"]
    assert type(values["label_hold"]) is float


def test_the_last_of_several_wins_and_what_all_have_alike_is_set_in_all():
    found = assigned(["label_hold=1", "provider=cuda", "emotion_node.label_hold=2"], KNOWN)
    assert found == {"/fer/emotion_node": {"label_hold": 2.0, "provider": "cuda"},
                     "/fer/face_detector_node": {"provider": "cuda"}}


@pytest.mark.parametrize(("text", "words"), [
    ("emotion_node.lable_hold=1", "no parameter emotion_node.lable_hold: did you mean label_hold?"),
    ("lable_hold=1", "did you mean label_hold?"),
    ("emotoin_node.label_hold=1", "no node emotoin_node: did you mean emotion_node?"),
    ("/fer/emotoin_node.label_hold=1", "did you mean /fer/emotion_node?"),
    ("/left/fer/emotion_node.label_hold=1", "no node /left/fer/emotion_node: did you mean /fer/emotion_node?"),
    ("camera_node.label_hold=1", "no parameter camera_node.label_hold"),
    ("model=x.onnx", "face_detector_node and emotion_node, and not the same one in each"),
    ("max_faces=3", "and not the same one in each: name the node, face_detector_node.max_faces say"),
    ("label_hold", "label_hold is not NODE.NAME=VALUE"), ("=1", "is not NODE.NAME=VALUE"), ("", "is not NODE.NAME=VALUE"),
    ("label_hold=!!python/name:os.system x", "is not NAME=VALUE"), ("label_hold=[1", "is not NAME=VALUE"),
    ("label_hold=*x", "is not NAME=VALUE"),
    ("\x1b[2J.x=1", "there is no node ?[2J"), (f"{'x' * 10_000}=1", f"{'x' * 60} ..."),
])
def test_what_is_not_clear_is_refused_with_what_may_have_been_meant(text, words):
    with pytest.raises(ValueError, match=r".") as refused:
        assigned([text], KNOWN)
    assert words in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1500


def test_a_node_of_a_name_that_is_there_twice_is_named_in_full_where_one_is_meant():
    assert len(assigned(["label_hold=1"], TWO)) == 2
    with pytest.raises(ValueError, match=r"label_hold is of /fer/emotion_node, /left/fer/emotion_node: name one"):
        assigned(["label_hold=1"], TWO, several=False)
    assert list(assigned(["/left/fer/emotion_node.label_hold=1"], TWO, several=False)) == ["/left/fer/emotion_node"]
    assert nodes_named("emotion_node", TWO) == ["/fer/emotion_node", "/left/fer/emotion_node"]
    assert named_parameter("flip", TWO, several=False) == (["/camera/camera_node"], "flip")


@pytest.mark.parametrize(("text", "value"), [
    ("0", "0"), ("no", "no"), ("1e3", "1e3"), ("@camera.txt", "@camera.txt"), ("", ""), ("a: {b", "a: {b"), ("'x y'", "x y"),
    ('"no"', "no"), ("rtsp://u:${P}@cam/[1]", "rtsp://u:${P}@cam/[1]"), ("*x", "*x"),
])
def test_a_text_is_taken_as_it_is_written(text, value):
    assert value_of(parameters_of("camera_node")["source"], text) == value


@pytest.mark.parametrize(("node", "name", "text", "value"), [
    ("camera_node", "loop", "yes", True), ("camera_node", "loop", "off", False), ("camera_node", "width", "0x10", 16),
    ("camera_node", "fps", "15", 15.0), ("camera_node", "fps", "1e1", 10.0), ("camera_node", "width", "2.5", 2.5),
])
def test_another_value_is_what_it_would_be_in_a_parameter_file(node, name, text, value):
    found = value_of(parameters_of(node)[name], text)
    assert (found, type(found)) == (value, type(value))
