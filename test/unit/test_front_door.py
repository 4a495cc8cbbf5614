# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`from fer_ros import ...`: what a Python program without ROS relies on."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import pydoc
import re
import shutil
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

import fer_ros
from fer_ros import EMOTIONS, Box, Emotion, Pipeline, draw_overlay, open_source
from fer_ros.parameters.params import specs
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS, EmotionStage, FaceStage

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"Pipeline", "Face", "Emotion", "Box", "EMOTIONS", "open_source", "draw_overlay", "EmotionClassifier", "FaceDetector",
         "__version__"}


def python(code: str, folder: Path) -> str:
    """What a program prints in a fresh process that has nothing of ROS: no variable, and no library that could be imported."""
    ros = ("AMENT", "COLCON", "CMAKE", "ROS", "RMW", "FASTRTPS", "FASTDDS", "_ROS", "PYTHONPATH", "LD_LIBRARY_PATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ros)}
    without = "import sys\nfor name in ('rclpy', 'rosidl_parser', 'sensor_msgs', 'std_msgs'):\n    sys.modules[name] = None\n"
    done = subprocess.run([sys.executable, "-c", without + textwrap.dedent(code)], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# What is there


def test_the_names_are_there_and_listed():
    assert set(fer_ros.__all__) == NAMES
    assert set(dir(fer_ros)) >= NAMES
    scope: dict[str, object] = {}
    exec("from fer_ros import *", scope)
    assert scope.keys() >= NAMES
    for name in NAMES - {"__version__", "EMOTIONS"}:
        assert scope[name].__name__ == name
        assert len(scope[name].__doc__) > 100
    with pytest.raises(AttributeError, match="no attribute 'Pipelin'"):
        fer_ros.Pipelin  # noqa: B018
    with pytest.raises(ImportError, match="Pipelin"):
        exec("from fer_ros import Pipelin")


def test_type_checkers_are_told_where_each_name_is():
    """They do not see what `__getattr__` does."""
    told = re.search(r"if TYPE_CHECKING:\n(.*?)\n\n", Path(fer_ros.__file__).read_text(encoding="utf-8"), re.DOTALL)[1]
    found = {name.strip(): module for module, names in re.findall(r"from ([\w.]+) import (.*)", told)
             for name in names.split(",")}
    assert found == fer_ros._PLACES
    assert {*found, "__version__"} == NAMES
    assert (Path(fer_ros.__file__).parent / "py.typed").is_file()  # installed, too


def test_importing_is_light_and_starts_no_ros(tmp_path):
    printed = python("""
        import fer_ros
        print(*[name for name in ("numpy", "cv2") if name in sys.modules])
        from fer_ros import Box, EmotionClassifier, FaceDetector, Pipeline, draw_overlay, open_source
        heavy = ("onnxruntime", "torch", "scipy", "rosbags")
        print(*[name for name in heavy if name in sys.modules])
        print(*[name for name in sys.modules if name.startswith(("fer_ros.ros", "fer_ros.nodes", "fer_ros.msg"))])
    """, tmp_path)
    assert printed == "\n\n\n"


# What is written about it


@pytest.mark.parametrize("name", sorted({*fer_ros._PLACES.values(), "fer_ros.drawing.anonymize", "fer_ros.media.encodings",
                                         "fer_ros.perception.assignment"}))
def test_the_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0
    assert tried > 0 or name in ("fer_ros.labels", "fer_ros.version")


def test_every_name_shows_an_example():
    for name in NAMES - {"__version__", "EMOTIONS"}:
        assert ">>> " in getattr(fer_ros, name).__doc__, name


def test_help_reads_like_a_manual():
    text = pydoc.render_doc(fer_ros, renderer=pydoc.plaintext)
    for name in {*NAMES, fer_ros.__version__} - {"__version__"}:
        assert name in text
    for spec in (spec for groups in PARAMS.values() for group in groups for spec in specs(group)):
        assert f"{spec.name} ({spec.type.__name__}, " in fer_ros.Pipeline.__doc__, spec.name
    assert "Longer side of the image that the network sees" in text
    assert "Pipeline(*,model:str='auto'" in "".join(text.replace("|", "").split())  # from 3.13 on each has a line


@pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="only where the source tree is")
def test_the_example_of_the_readme_runs_without_ros(share, tmp_path):
    """In a fresh process, as a user pastes it; the package's own docstring begins with it too."""
    code = re.search(r"```python\n(from fer_ros import Pipeline.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    assert textwrap.indent(code, "    ").rstrip() in fer_ros.__doc__
    shutil.copy(share / "demo" / "demo.mp4", tmp_path / "video.mp4")
    printed = python(code, tmp_path).splitlines()
    stamps = [float(line.split()[0]) for line in printed if re.match(r"\d+\.\d+ \d+ [a-z]+ 0\.\d+ \[", line)]
    assert len(stamps) > 300
    assert stamps == sorted(stamps)
    assert stamps[-1] > 11
    assert sum(" happy " in line for line in printed) > 290


# The pipeline


@pytest.fixture(scope="module")
def clip() -> list:
    """The first second of the demo clip, with its stamps."""
    return [frame for frame, _ in zip(open_source("demo"), range(30), strict=False)]


@pytest.fixture(scope="module")
def crowd(demo_frames) -> np.ndarray:
    """Eight faces."""
    face = cv2.resize(demo_frames[0][60:300, 180:420], (160, 160))
    return np.tile(face, (2, 4, 1))


def test_it_says_what_its_stages_say(clip):
    pipeline, stages = Pipeline(), {name: parameters(PARAMS, [])[name] for name in PARAMS}
    faces, emotions = FaceStage.of(stages["face_detector_node"]), EmotionStage.of(stages["emotion_node"])
    for frame in clip:
        expected = emotions(frame.image, faces(frame.image, frame.stamp), frame.stamp)
        assert pipeline(frame.image, frame.stamp) == expected
    assert [(one.face_id, one.label) for one in expected] == [("1", "happy")]
    assert isinstance(expected[0], Emotion)


@pytest.mark.parametrize(("given", "of"), [
    ({"inference_size": 640}, lambda p: p.faces.detector.params.inference_size == 640),
    ({"inference_size": np.int64(640)}, lambda p: p.faces.detector.params.inference_size == 640),
    ({"track_timeout": 2}, lambda p: p.faces.tracker.params.track_timeout == 2.0),
    ({"confidence_threshold": 0.1}, lambda p: p.emotions.smoother.params.confidence_threshold == 0.1),
    ({"align": False}, lambda p: not p.emotions.align.align),
    ({"faces_per_frame": 0}, lambda p: p.emotions.faces_per_frame == 0),
    ({"max_faces": 5}, lambda p: (p.emotions.max_faces, p.faces.detector.params.max_faces) == (5, 5)),
    ({"model": "emotion.onnx"}, lambda p: p.emotions.classifier.path.name == "emotion.onnx"),
    ({"detector_model": "centerface.onnx"}, lambda p: p.faces.detector.params.model == "centerface.onnx"),
])
def test_any_parameter_of_a_stage_is_given_by_name(given, of):
    assert of(Pipeline(**given))


def test_every_parameter_is_taken_and_shown():
    names = {spec.name for groups in PARAMS.values() for group in groups for spec in specs(group)}
    assert set(inspect.signature(Pipeline).parameters) == {*names, "detector_model"}
    assert Pipeline(**{name: one.default for name, one in inspect.signature(Pipeline).parameters.items()})


@pytest.mark.parametrize(("given", "error", "text"), [
    ({"inference_sise": 640}, TypeError, r"^there is no parameter inference_sise: did you mean inference_size\?$"),
    ({"time_constnat": 1.0}, ValueError, "did you mean time_constant"), ({"detector": "x"}, TypeError, "detector_model"),
    ({"inference_size": 10}, ValueError, "^inference_size must be 0, or from 64 to 2048 px, not 10$"),
    ({"inference_size": "big"}, ValueError, "^inference_size must be an int, not 'big'$"),
    ({"time_constant": float("nan")}, ValueError, "^time_constant must be a finite number"),
    ({"smoothing": "some"}, ValueError, "^smoothing must be one of none, exponential, mean, not 'some'$"),
    ({"threads": None}, ValueError, "^threads must be an int, not None$"),
    ({"model": "nothing.onnx"}, FileNotFoundError, "not found"),
    ({"detector_model": "emotion.onnx"}, ValueError, "neither a YuNet"), ({"provider": "tpu"}, ValueError, "one of cpu"),
])
def test_a_wrong_parameter_gives_one_clear_error(given, error, text):
    with pytest.raises(error, match=text) as raised:
        Pipeline(**given)
    assert "\n" not in str(raised.value)


def test_parameters_are_not_taken_by_position():
    with pytest.raises(TypeError, match="positional"):
        Pipeline("emotion.onnx")


def test_an_image_without_a_stamp_is_a_picture_of_its_own(clip):
    """Whatever was seen before it, and whatever comes after it."""
    alone = Pipeline()(clip[-1].image)
    assert [(one.face_id, one.label) for one in alone] == [("", "happy")]
    assert (alone[0].probabilities == alone[0].raw_probabilities).all()
    one, other = Pipeline(), Pipeline()
    nobody = np.zeros((480, 640, 3), np.uint8)
    for frame in clip:
        assert one(clip[-1].image) == alone
        assert one(nobody) == []
        assert one(frame.image, frame.stamp) == other(frame.image, frame.stamp)


def test_of_a_picture_every_face_is_classified(crowd):
    found = Pipeline(faces_per_frame=1)(crowd)
    assert len(found) == 8
    assert {one.label for one in found} == {"happy"}


def test_what_is_told_of_the_colours_makes_no_difference(clip):
    pipeline, image = Pipeline(), clip[0].image
    expected = pipeline(image)
    assert pipeline(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), encoding="rgb8") == expected
    assert pipeline(image[..., ::-1], encoding="rgb8") == expected
    assert pipeline(cv2.cvtColor(image, cv2.COLOR_BGR2RGBA), encoding="rgba8") == expected
    assert pipeline(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)) == expected
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    assert pipeline(grey) == pipeline(grey[..., None]) == pipeline(grey, encoding="mono8")
    assert [one.label for one in pipeline(grey)] == ["happy"]
    assert pipeline(np.asfortranarray(image)) == expected


@pytest.mark.parametrize(("image", "error", "text"), [
    (None, TypeError, "not None"), ("video.mp4", TypeError, "not str: open_source reads a file"), ([1], TypeError, "not list"),
    (np.zeros((4, 4, 3)), ValueError, "float64"), (np.full((4, 4, 3), np.nan), ValueError, "float64"),
    (np.zeros((4, 4, 3), np.uint16), ValueError, "uint16"), (np.zeros((0, 4, 3), np.uint8), ValueError, "no pixels"),
    (np.zeros((2, 4, 4, 3), np.uint8), ValueError, "shape"), (np.array("a.jpg"), ValueError, "the image is <U5"),
])
def test_what_is_no_image_is_refused(pipeline, image, error, text):
    for stamp in (None, 0.0):
        with pytest.raises(error, match=text):
            pipeline(image, stamp)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.mark.parametrize(("stamp", "error"), [
    ("0.1", TypeError), (True, TypeError), ([0.1], TypeError), (1j, TypeError), (np.array([1.0]), TypeError),
    (float("nan"), ValueError), (float("inf"), ValueError), (np.float32("nan"), ValueError), (10**400, ValueError),
])
def test_what_is_no_stamp_is_refused(pipeline, stamp, error):
    with pytest.raises(error, match=r"^the stamp must be a (finite )?number of seconds, not "):
        pipeline(np.zeros((64, 64, 3), np.uint8), stamp)


@pytest.mark.parametrize("stamp", [0, -5.0, np.float32(0.5), np.int64(3), Fraction(1, 3), 1.7e9, 1e300])
def test_any_number_is_a_stamp(pipeline, stamp):
    pipeline.reset()
    assert pipeline(np.zeros((64, 64, 3), np.uint8), stamp) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 40_000), (40_000, 1, 3), (8, 8), (3, 500, 3), (33_000, 70)])
def test_pictures_of_odd_shapes_show_nobody(pipeline, shape):
    assert pipeline(np.zeros(shape, np.uint8)) == []


def test_after_a_reset_nobody_is_known(clip):
    pipeline, fresh = Pipeline(), Pipeline()
    for frame in clip:
        pipeline(frame.image, frame.stamp)
    pipeline.reset()
    again = [pipeline(frame.image, frame.stamp) for frame in clip]
    first = [fresh(frame.image, frame.stamp) for frame in clip]
    assert {one.face_id for emotions in again for one in emotions} == {"2"}  # nobody's id comes twice
    for one, other in zip(again, first, strict=True):
        assert [(e.box, e.label) for e in one] == [(e.box, e.label) for e in other]
        assert all((a.probabilities == b.probabilities).all() for a, b in zip(one, other, strict=True))


def test_emotions_are_plain_values(clip):
    one, other = (Pipeline()(clip[0].image, 0.0) for _ in range(2))
    assert one == other
    assert {*one} == {*other}
    assert isinstance(one[0].box, Box)
    rows = [{"stamp": 0.0, **emotion.to_row()} for emotion in one]
    assert list(rows[0])[:2] == ["stamp", "face_id"]
    assert set(EMOTIONS) < set(rows[0])


def test_nothing_that_was_answered_changes_later(clip):
    pipeline = Pipeline()
    first = pipeline(clip[0].image, clip[0].stamp)
    before = [emotion.to_dict() for emotion in first]
    for frame in clip[1:10]:
        pipeline(frame.image, frame.stamp)
    assert [emotion.to_dict() for emotion in first] == before


# The overlay


def test_the_overlay_is_drawn_onto_what_is_told(pipeline, clip):
    image = clip[0].image
    emotions = pipeline(image)
    drawn = draw_overlay(image, emotions)
    assert (draw_overlay(image[..., ::-1], emotions, encoding="rgb8") == drawn).all()
    assert draw_overlay(image[..., 0], emotions, encoding="mono8").shape == image.shape
    with pytest.raises(TypeError, match="open_source reads a file"):
        draw_overlay("photo.jpg", emotions)
    with pytest.raises(TypeError, match="what is an Emotion, not Face"):
        draw_overlay(image, pipeline.faces.detector(image))
    assert (draw_overlay(image, (one for one in emotions)) == drawn).all()


@pytest.mark.parametrize(("given", "text"), [
    ({"emotions": None}, "emotions are those of all faces .* not None"), ({"style": "x"}, "style is an OverlayStyle, not str"),
    ({"style": None}, "style is an OverlayStyle, not None"), ({"layout": 3}, r"layout is an OverlayLayout, .* not int"),
    ({"fps": "30"}, "fps is a number, or None .* not str"), ({"latency": [1]}, "latency is a number"),
    ({"labels": None}, "labels are the names"), ({"labels": "happy"}, "labels are the names .* not str"),
])
def test_a_wrong_argument_of_the_overlay_is_named(clip, given, text):
    with pytest.raises(TypeError, match=text):
        draw_overlay(**{"image": clip[0].image, "emotions": [], **given})


def test_one_emotion_alone_is_not_drawn_in_silence(pipeline, clip):
    emotion, = pipeline(clip[0].image)
    with pytest.raises(TypeError, match=r"emotions are those of all faces .* not one Emotion"):
        draw_overlay(clip[0].image, emotion)


@pytest.mark.skipif(not (ROOT / "examples").is_dir(), reason="only where the source tree is")
def test_the_example_without_ros_tells_how_long_each_face_shows_what(tmp_path):
    script = ROOT / "examples" / "summarise_video.py"
    printed = python(f"""
        import runpy
        sys.argv = ["summarise_video.py", "demo"]
        try:
            runpy.run_path({str(script)!r}, run_name="__main__")
        except SystemExit as end:
            print("status", end.code)
    """, tmp_path)
    faces = re.findall(r"^face (\d+): happy (\d+\.\d) s", printed, re.MULTILINE)
    assert faces[0][0] == "1"
    assert 4 < float(faces[0][1]) < 6
    assert printed.endswith("status 0\n")
    done = subprocess.run([sys.executable, str(script), "no.mp4"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("summarise_video: source 'no.mp4' does not exist")
