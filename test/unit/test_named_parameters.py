# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""--set, --model and --detector: checked as the node would before anything starts, and stronger than any parameter file."""

from __future__ import annotations

from argparse import Namespace

import pytest

from fer_ros import cli
from fer_ros.commands import named_parameters
from fer_ros.graph import default_params_file, replay_graph, webcam_graph, with_named


def named(*changes, graph=None, file=None, own=named_parameters.NONE, model=None, detector=None):
    options = Namespace(changes=list(changes), model=model, detector=detector)
    return named_parameters.of(options, graph or webcam_graph({"source": "demo"}), file or default_params_file(), own)


def test_nothing_named_is_nothing_changed():
    assert named() == {}


def test_each_node_of_the_graph_gets_its_own():
    assert named("emotion_node.label_hold=1", "jpeg_quality=50", detector="centerface.onnx", model="emotion.onnx") == {
        "/fer/face_detector_node": {"model": "centerface.onnx"},
        "/fer/emotion_node": {"model": "emotion.onnx", "label_hold": 1.0}, "/fer/overlay_node": {"jpeg_quality": 50}}
    left = webcam_graph({}, namespace="left", composed=False)
    assert list(named("label_hold=1", graph=left)) == ["/left/fer/emotion_node"]
    assert list(named("replay_node.image_depth=3", graph=replay_graph({"bag": "x"}))) == ["/camera/replay_node"]


@pytest.mark.parametrize(("change", "words"), [
    ("emotion_node.label_hold=99", "emotion_node: label_hold must be from 0 to 10 s, not 99.0"),
    ("emotion_node.label_hold=high", "label_hold must be a float, not 'high'"),
    ("emotion_node.label_hold=nan", "label_hold must be a finite number"),
    ("smoothing=mena", "smoothing must be one of none, exponential, mean, not 'mena'"),
    ("jpeg_quality=50.5", "overlay_node: jpeg_quality must be an int"),
    ("camera_node.width=640", "width and height go together"),
    ("emotion_node.model=nope.onnx", "nope.onnx not found"), ("emotion_node.model=./nope.onnx", "nope.onnx not found"),
    ("face_detector_node.model=auto", "auto not found"),
    ("autostart=false", "cannot be set here"), ("emotion_node.diagnostics_period=2", "cannot be set here"),
    ("pipeline_node.cameras=a", "start one for each, with --namespace"),
    ("replay_node.rate=2", "there is no node replay_node"),
])
def test_what_a_node_would_refuse_is_refused_before_it_starts(change, words):
    with pytest.raises((ValueError, OSError), match=r".") as refused:
        named(change)
    assert words in str(refused.value)


def test_what_goes_together_is_looked_at_together_with_the_parameter_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**/camera_node:\n  ros__parameters:\n    height: 480\n    width: 640\n")
    assert named("camera_node.width=320", file=file) == {"/camera/camera_node": {"width": 320}}
    with pytest.raises(ValueError, match="width and height go together"):
        named("camera_node.width=0", file=file)


def test_what_has_an_argument_of_its_own_is_said_by_it():
    with pytest.raises(ValueError, match=r"camera_node\.source cannot be set here: that is what --source says"):
        named("camera_node.source=x", own={"camera_node.source": "that is what --source says"})
    with pytest.raises(ValueError, match="given twice"):
        named("emotion_node.model=emotion.onnx", model="emotion_int8.onnx")


def test_the_graph_hands_them_to_its_nodes_and_to_its_source():
    graph = webcam_graph({"source": "demo"})
    changed = with_named(graph, {"/camera/camera_node": {"flip": "both"}, "/pipeline_node": {"drop_frames": True}})
    assert changed.source is changed.nodes[-1]
    assert changed.source.named == {"source": "demo", "flip": "both"}
    assert changed.composed.named == {**graph.composed.named, "drop_frames": True}
    assert changed.nodes[:-1] == graph.nodes[:-1]
    assert with_named(webcam_graph({}, image="/x", composed=False), {}).source is None


@pytest.mark.parametrize("arguments", [
    ["run", "--image", ""], ["run", "--image", "/x", "--width", "3"], ["run", "--image", "/x", "--loop"],
    ["run", "--image", "no topic"], ["run", "--set", "x"], ["run", "--source", "demo", "--set", "camera_node.source=x"],
    ["run", "--image", "/x", "--set", "camera_node.flip=both"], ["run", "--model", "/nowhere/x.onnx"],
])
def test_wrong_arguments_are_told_in_a_line_before_anything_starts(arguments, capsys, monkeypatch):
    monkeypatch.setattr("fer_ros.commands.running.Run", None)  # nothing of it is made
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:9]) == ("", 1, "fer-ros: ")


def test_a_secret_is_not_repeated(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "--set", "rtsp://me:s3cret@cam/x"])
    err = capsys.readouterr().err
    assert "cam/x is not NODE.NAME=VALUE" in err
    assert "s3cret" not in err
