# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`pip install .` into a fresh environment, isolated as a user runs it, and the graph from there."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fer_ros.models import model_files


@pytest.fixture(scope="module")
def environment(tmp_path_factory, sources, run) -> Path:
    folder = tmp_path_factory.mktemp("pip") / "venv"
    # not sys.executable -m venv: an environment made from within one is the same, but this is what a user types
    run(Path(sys.executable).resolve(), "-m", "venv", folder)
    run(folder / "bin" / "pip", "install", sources, timeout=900)
    return folder


def test_the_messages_import_and_keep_their_content(environment, run, tmp_path):
    code = """
        import fer_ros.msg, rclpy.serialization as s
        m = fer_ros.msg.EmotionArray(labels=["angry", "happy"], emotions=[fer_ros.msg.Emotion(probabilities=[0.25, 0.75])])
        print(list(s.deserialize_message(s.serialize_message(m), fer_ros.msg.EmotionArray).emotions[0].probabilities))
        m = fer_ros.msg.EmotionEvent(kind=fer_ros.msg.EmotionEvent.LEFT, previous_label="happy")
        m.lasted.sec = 7
        r = s.deserialize_message(s.serialize_message(m), fer_ros.msg.EmotionEvent)
        print(r.kind, r.previous_label, r.lasted.sec)
    """
    assert run(environment / "bin" / "python", "-c", textwrap.dedent(code), cwd=tmp_path) == "[0.25, 0.75]\n3 happy 7\n"


def test_the_front_door_is_open_and_typed(environment, run, tmp_path):
    code = """
        import fer_ros, pathlib
        from fer_ros import EMOTIONS, EmotionClassifier, Pipeline, open_source
        pipeline = Pipeline()
        print([one.label for one in pipeline(next(open_source("demo")).image)])
        print((pathlib.Path(fer_ros.__file__).parent / "py.typed").is_file())
    """
    assert run(environment / "bin" / "python", "-c", textwrap.dedent(code), cwd=tmp_path) == "['happy']\nTrue\n"


def test_models_and_configuration_are_installed_and_right(environment, sources):
    share = environment / "share" / "fer_ros"
    for entry in model_files.load_catalogue(share / "models" / "models.yaml").values():
        assert model_files.verify(entry, share / "models") == "ok", entry.file
    for folder in ("launch", "config", "demo"):
        wanted = {path.relative_to(sources) for path in (sources / folder).rglob("*") if path.is_file()}
        assert wanted
        assert all((share / path).is_file() for path in wanted)
    assert (environment / "share" / "ament_index" / "resource_index" / "packages" / "fer_ros").is_file()


def test_the_live_page_is_packed_and_its_extra_named(environment, run, repository, tmp_path):
    """Not from the source distribution: a file that is missing there would be missed by nobody here."""
    code = """
        import fer_ros, importlib.metadata as metadata, pathlib
        page = pathlib.Path(fer_ros.__file__).parent / "web" / "page"
        print(*sorted(path.name for path in page.iterdir()))
        print(*sorted(one for one in metadata.requires("fer_ros") if "web" in one.partition(";")[2]))
    """
    files, needed = run(environment / "bin" / "python", "-c", textwrap.dedent(code), cwd=tmp_path).splitlines()
    assert files.split() == sorted(path.name for path in (repository / "fer_ros" / "web" / "page").iterdir())
    assert re.findall(r"\b(aiohttp|segno)\b", needed) == ["aiohttp", "segno"]
    said = run(environment / "bin" / "fer-ros", "run", "--web", "--source", "demo", status=1, cwd=tmp_path,
               environment={"ROS_DOMAIN_ID": str(1 + os.getpid() % 90)})
    assert "pip install 'fer_ros[web]'" in said and "Traceback" not in said


def test_every_command_is_there_without_an_extra(environment, run, drawn_fer2013, tmp_path):
    """test/system/test_extras.py says the same of this environment, in more detail."""
    command = environment / "bin" / "fer-ros"
    top = run(command, "--help")
    names = re.findall(r"^    ([a-z]+) ", top, re.MULTILINE)
    assert {"run", "annotate", "train", "bench"} <= set(names), top
    for name in names:
        assert f"usage: fer-ros {name}" in run(command, name, "--help")
    data = drawn_fer2013(tmp_path / "data", each=2)
    run(command, "data", "info", "--data", data)
    run(command, "annotate", environment / "share" / "fer_ros" / "demo" / "demo.mp4", "-o", "a.mcap", "--table", "a.csv",
        cwd=tmp_path, timeout=300)
    assert "make training" in run(command, "evaluate", "--data", data, "--out", tmp_path / "report", status=1)


def test_nothing_installed_names_the_folder_it_was_built_in(environment):
    for name in ("fer_ros", "vision_msgs", "hri_msgs"):
        for path in (environment / "share" / name).rglob("*.cmake"):
            assert "pip-build-env" not in path.read_text() and "/tmp/fer_ros-" not in path.read_text(), path


def test_vision_msgs_has_the_types_of_the_official_package(environment):
    # RIHS01 of ros-perception/vision_msgs 4.1.1, generated from its own definitions.
    official = {
        "BoundingBox2D": "008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f",
        "Detection2D": "0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea",
        "Detection2DArray": "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
        "ObjectHypothesis": "51da43cec11c01957a64d1e05a24acd18aae7745ec30b74348ad5f6d634f7f90",
        "ObjectHypothesisWithPose": "41c12344c0396c48b81df12467c192d99b2a0eb1463c5c37194e4223251c80bc",
        "Point2D": "eab0e83f44ab4de92ceaf76dd7d0e7638f2bdd1d16ffbe16c7a136c48e407247",
        "Pose2D": "b0b5d1d7b4c20dd4fcde3ed1d4b289a919290572007d67a97043814db25d3648",
    }
    assert type_hashes(environment, "vision_msgs") == official


def test_hri_msgs_has_the_types_of_the_official_package(environment):
    # RIHS01 of ros4hri/hri_msgs 2.0.0, generated from its own definitions; its changelog names no change of these up to 2.3.2.
    official = {
        "Expression": "411b88e0604397d44775d8ec6a4bc69398fb0dfbfe864c33a40fa99ee85f1b00",
        "IdsList": "7e0812d1ac945c98fd3e393568d581ad0ab567f37b24eff633eab778c1bfe62d",
        "NormalizedRegionOfInterest2D": "2e50c93f1ca166ee77af9a5424dc951ae4e452b740162a7f83c082d917dcaff5",
    }
    assert type_hashes(environment, "hri_msgs") == official


def type_hashes(environment, package) -> dict[str, str]:
    """Of each message of a package that is installed."""
    found = {}
    for path in (environment / "share" / package / "msg").glob("*.json"):
        hashes = {item["type_name"]: item["hash_string"] for item in json.loads(path.read_text())["type_hashes"]}
        found[path.stem] = hashes[f"{package}/msg/{path.stem}"].removeprefix("RIHS01_")
    return found


def test_fer_ros_run_publishes_emotions_that_another_process_receives(environment, run, tmp_path):
    listener = """
        import sys, time, rclpy
        from fer_ros.msg import EmotionArray
        rclpy.init()
        node = rclpy.create_node("listener")
        got = []
        node.create_subscription(EmotionArray, "/fer/emotions", got.append, 10)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not any(m.emotions for m in got):
            rclpy.spin_once(node, timeout_sec=0.2)
        [message] = [m for m in got if m.emotions][:1] or sys.exit(f"{len(got)} messages, none with a face")
        face = message.emotions[0]
        assert list(message.labels) == "angry disgust fear happy sad surprise neutral".split(), message.labels
        assert abs(sum(face.probabilities) - 1) < 1e-3, face
        assert message.header.stamp.sec > 0, message.header
        print("received", face.label)
    """
    domain = {"ROS_DOMAIN_ID": str(1 + os.getpid() % 90)}
    with subprocess.Popen(
        # `env -i` would take HOME from ROS's logging; the traces of this environment go as everywhere here
        ["env", *(f"--unset={name}" for name in ("LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE", "PYTHONPATH")),
         environment / "bin" / "fer-ros", "run", "--source", "demo"],
        env={**os.environ, **domain}, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as graph:  # fmt: skip
        try:
            listened = run(
                environment / "bin" / "python", "-c", textwrap.dedent(listener), environment=domain, timeout=90, cwd=tmp_path
            )
            assert listened.startswith("received "), listened
            graph.send_signal(signal.SIGINT)
            deadline = time.monotonic() + 30
            while graph.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            assert graph.returncode == 0
        finally:
            if graph.poll() is None:
                os.killpg(graph.pid, signal.SIGKILL)


def test_uninstalling_takes_everything_away_again(environment, run):
    """Last of this file."""
    run(environment / "bin" / "pip", "uninstall", "--yes", "fer_ros")
    files = [path for path in environment.rglob("*") if path.is_file()]
    assert [path for path in files if any(name in path.name for name in ("fer_ros", "vision_msgs", "hri_msgs"))] == []
