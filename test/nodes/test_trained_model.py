# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From FER2013's files to a node that answers, as a user types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray

from fer_ros.msg import EmotionArray
from fer_ros.nodes.emotion import EmotionNode

pytest.importorskip("torch", reason="training needs torch (pip install 'fer_ros[train]', or make training)")
pytest.importorskip("onnxscript", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")
pytestmark = pytest.mark.training

RUN = ["--set", "architecture=tiny", "--set", "batch=16", "--device", "cpu", "--threads", "1"]


def fer_ros(*arguments: object, code: int = 0) -> str:
    """What a command prints."""
    # From a folder in which no source tree is found before the installed package.
    done = subprocess.run([sys.executable, "-m", "fer_ros.cli", *map(str, arguments)], capture_output=True, text=True,
                          cwd=sys.prefix, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(drawn_fer2013, tmp_path_factory) -> Path:
    """A folder in which everything was done: data, run, model, report."""
    folder = tmp_path_factory.mktemp("made")
    data = drawn_fer2013(folder / "data")
    (folder / "model").mkdir()
    (folder / "model" / "models.yaml").write_text("models:\n  - id: emotion\n    file: emotion.onnx\n    sha256: 0\n")
    table = fer_ros("data", "info", "--data", data)
    assert "angry" in table
    fer_ros("data", "plot", "--data", data, "--out", folder / "plots")
    fer_ros("train", "--data", data, "--out", folder / "run", *RUN, "--set", "epochs=2", "--set", "optimizer=adamw")
    fer_ros("export", folder / "run", "--data", data, "--out", folder / "model", "--name", "tiny-test", "--int8")
    fer_ros("evaluate", folder / "model" / "emotion.onnx", "--data", data, "--out", folder / "report",
            "--card", folder / "CARD.md")
    return folder


def test_the_whole_way_leaves_its_files(made):
    def names(folder: str) -> set[str]:
        return {path.name for path in (made / folder).iterdir()}

    assert names("plots") == {"classes.png", "examples.png", "augmented.png"}
    assert {"best.pt", "checkpoint.pt", "history.csv", "curves.png", "network.png", "network.txt", "recipe.yaml",
            "tensorboard"} <= names("run")
    assert any(name.startswith("events.out.tfevents") for name in names("run/tensorboard"))
    assert {"emotion.onnx", "models.yaml"} <= names("model")
    assert not any(name.startswith(".") for name in names("model"))
    assert {"report.json", "reliability.png", "robustness.png"} <= names("report")
    assert "tiny-test" in (made / "CARD.md").read_text()
    assert "sha256: 0\n" not in (made / "model" / "models.yaml").read_text()


def test_the_exported_model_says_where_it_comes_from(made):
    from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier

    entries = EmotionClassifier(ClassifierParams(model=str(made / "model" / "emotion.onnx"))).metadata.entries
    assert entries["name"] == "tiny-test"
    assert entries["outputs"] == "ferplus,fer2013"
    assert "architecture: tiny" in entries["recipe"]
    assert len(entries["trained.data"]) == 64
    assert entries["trained.training_faces"] == "84"
    assert entries["trained.commit"]
    content = (made / "model" / "emotion.onnx").read_bytes()
    assert str(Path(sys.prefix)).encode() not in content  # nothing of the machine that exported it


@pytest.mark.parametrize("answer", ["", "fer2013"])
def test_the_node_answers_with_it(bench, made, message_of, answer):
    heard = bench.listen(EmotionArray, "emotions")
    bench.add(EmotionNode, model=str(made / "model" / "emotion.onnx"), answer=answer)
    send_image, send_faces = bench.speak(Image, "image"), bench.speak(Detection2DArray, "faces")
    picture = np.full((240, 320, 3), 90, np.uint8)
    cv2.circle(picture, (160, 120), 50, (180, 180, 180), -1)
    image = message_of(picture)
    face = Detection2D(header=image.header, id="1")
    face.bbox.center.position.x, face.bbox.center.position.y = 160.0, 120.0
    face.bbox.size_x = face.bbox.size_y = 100.0
    send_image(image)
    send_faces(Detection2DArray(header=image.header, detections=[face]))
    bench.wait_for(lambda: heard, "emotions")
    assert heard[0].model == "tiny-test"
    assert sum(heard[0].emotions[0].probabilities) == pytest.approx(1, abs=1e-5)
    assert len(heard[0].emotions[0].probabilities) == 7


def test_an_answer_that_the_model_does_not_have_ends_configuration(bench, made):
    node = bench.add(EmotionNode, start=False, model=str(made / "model" / "emotion.onnx"), answer="fernet")
    assert node.trigger_configure().name == "FAILURE"


def test_a_finished_run_says_so_and_another_recipe_is_refused(made):
    data = made / "data"
    assert "is finished: 2 epochs" in fer_ros("train", "--data", data, "--out", made / "run")
    text = fer_ros("train", "--data", data, "--out", made / "run", "--set", "learning_rate=0.5", code=1)
    assert "fer-ros: " in text
    assert "learning_rate is" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(("arguments", "problem"), [
    (("train", "--data", "{made}/run", "--out", "{made}/other"), "neither fer2013.csv nor"),
    (("train", "--data", "{made}/data", "--out", "{made}/other", "--recipe", "best"), "no recipe best"),
    (("train", "--data", "{made}/data", "--out", "{made}/other", "--device", "quantum"), "device quantum"),
    (("train", "--data", "{made}/data", "--out", "{made}/other", "--recipe", "distilled"), "--teacher"),
    (("train", "--data", "{made}/data", "--out", "{made}/other", "--teacher", "{made}"), "best.pt not found"),
    (("export", "{made}/data", "--data", "{made}/data", "--out", "{made}/other"), "best.pt not found"),
    (("evaluate", "{made}/CARD.md", "--data", "{made}/data", "--out", "{made}/other"), "is not an ONNX model"),
    (("evaluate", "nothing.onnx", "--data", "{made}/data", "--out", "{made}/other"), "nothing.onnx not found"),
    (("data", "info", "--data", "{made}/nowhere"), "is not a folder"),
])
def test_what_cannot_be_done_is_one_clear_line(made, arguments, problem):
    text = fer_ros(*(argument.format(made=made) for argument in arguments), code=1)
    assert problem in text
    assert "Traceback" not in text
    assert not (made / "other").exists() or not list((made / "other").glob("*.onnx"))


@pytest.mark.parametrize("option", [("--fraction", "2"), ("--fraction", "half"), ("--threads", "-1"), ("--threads", "9999")])
def test_a_wrong_number_is_refused_at_once(made, option):
    text = fer_ros("train", "--data", made / "data", "--out", made / "other", "=".join(option), code=2)
    assert f"'{option[1]}' is not a" in text
    assert not (made / "other").exists()


def test_ctrl_c_stops_a_run_and_the_same_command_goes_on(made):
    command = [sys.executable, "-m", "fer_ros.cli", "train", "--data", str(made / "data"), "--out", str(made / "long"), *RUN]
    run = subprocess.Popen([*command, "--set", "epochs=10000"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           cwd=sys.prefix, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        for line in run.stdout:
            if "epoch     2" in line:
                run.send_signal(signal.SIGINT)
                break
        rest = run.stdout.read()
        assert run.wait() == 130
    finally:
        run.kill()
        run.wait()
        run.stdout.close()
    assert "the same command goes on" in rest
    assert "Traceback" not in rest
    assert (made / "long" / "checkpoint.pt").is_file()
    assert not list((made / "long").glob(".*"))


def test_a_file_is_no_folder_to_write_to(made):
    for command in ("train",), ("evaluate",), ("export", made / "run"), ("data", "plot"):
        text = fer_ros(*command, "--data", made / "data", "--out", made / "CARD.md" / "deep", code=2)
        assert f"{made / 'CARD.md'} is a file, not a folder" in text


def test_another_data_set_does_not_fit_the_run(made, drawn_fer2013, tmp_path):
    other = drawn_fer2013(tmp_path / "d", each=4)
    text = fer_ros("export", made / "run", "--data", other, "--out", tmp_path / "m", code=1)
    assert "is not the data that" in text
    assert not list((tmp_path / "m").glob("*.onnx"))
