# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The measures of speed see the faces that are there, count right, and end in figures that agree with one another."""

from __future__ import annotations

import json
import os
import subprocess

import cv2
import numpy as np
import pytest

from fer_ros.bench import drawing, footage, throughput
from fer_ros.bench.timing import Spread, alternate, resident_memory
from fer_ros.cli import main
from fer_ros.perception.detector import DetectorParams, FaceDetector


@pytest.mark.parametrize(("faces", "columns"), [(0, 8), (1, 8), (16, 8), (32, 8), (1, 4), (8, 4)])
def test_as_many_faces_are_seen_as_are_wanted(faces, columns):
    pictures = footage.pictures(640, 480, faces, 3, columns)
    detector = FaceDetector(DetectorParams())
    assert [len(detector.detect(picture)) for picture in pictures] == [faces] * 3
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    assert (pictures[0] != pictures[1]).any() or not faces


@pytest.mark.parametrize(("faces", "columns"), [(33, 8), (9, 4)])
def test_more_than_fit_are_refused(faces, columns):
    with pytest.raises(ValueError, match=f"{faces} faces do not fit"):
        footage.pictures(640, 480, faces, 1, columns)


def test_a_film_is_what_was_given(tmp_path):
    pictures = footage.pictures(320, 240, 1, 4, 4)
    footage.film(tmp_path / "film.avi", pictures, 30)
    film = cv2.VideoCapture(str(tmp_path / "film.avi"))
    assert film.get(cv2.CAP_PROP_FPS) == 30
    for picture in pictures:
        ok, frame = film.read()
        assert ok
        assert np.abs(frame.astype(int) - picture).mean() < 12
    assert not film.read()[0]


def test_works_take_turns_and_the_warm_up_does_not_count(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def work(name, duration):
        calls.append(name)
        now[0] += duration if len(calls) > 4 else 100.0

    taken = alternate({"a": lambda: work("a", 1.0), "b": lambda: work("b", 3.0)}, rounds=5, warm_up=2)
    assert calls == ["a", "b"] * 7
    assert taken == {"a": Spread(1.0, 1.0), "b": Spread(3.0, 3.0)}


def test_of_a_work_that_is_not_always_the_same_the_mean_counts(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def work():
        calls.append(1)
        now[0] += 1.0 if len(calls) % 3 else 4.0

    assert alternate({"a": work}, rounds=4, warm_up=1, each=3) == {"a": Spread(2.0, 2.0)}
    assert len(calls) == 15


def test_works_go_on_for_some_seconds_and_for_their_rounds_at_least(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def work():
        calls.append(1)
        now[0] += 1.0

    assert alternate({"a": work}, rounds=2, warm_up=1, seconds=10.0) == {"a": Spread(1.0, 1.0)}
    assert len(calls) == 10
    alternate({"a": work}, rounds=20, warm_up=1, seconds=10.0)
    assert len(calls) == 31


def test_what_a_process_has_in_memory_is_counted_until_it_has_ended():
    before = resident_memory(os.getpid())
    kept = bytearray(b"x") * (50 * 2**20)
    assert 40 * 2**20 < resident_memory(os.getpid()) - before < 100 * 2**20, len(kept)
    done = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    assert resident_memory(int(done.stdout)) == 0


def test_a_spread_is_median_and_95th_percentile_in_milliseconds():
    assert Spread.of([i / 1000 for i in range(101)]) == Spread(pytest.approx(0.05), pytest.approx(0.095))
    assert str(Spread(0.0123, 0.5)) == "12.30 (500.00)"


def test_a_frame_is_measured_beside_its_networks():
    taken, seen = throughput.measure(footage.pictures(640, 480, 1, 2, 4), 3)
    assert seen == 1
    assert set(taken) == {"frame", "detector", "classifier", *throughput.STAGES}
    assert taken["frame"].p50 > taken["detect"].p50
    assert all(0 < spread.p50 <= spread.p95 for spread in taken.values())


def test_parameters_are_measured_beside_the_defaults(tmp_path):
    out = tmp_path / "out.json"
    run("throughput", "--faces", "8", "--frames", "3", "--set", "faces_per_frame=2", "--json", str(out))
    assert [row["what"] for row in json.loads(out.read_text())][-2:] == ["a frame, nothing set", "a frame, faces_per_frame=2"]


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["bench", *arguments])


def test_scale_tells_what_more_faces_and_pixels_cost(tmp_path, capsys):
    out = tmp_path / "out.json"
    run("scale", "--faces", "1", "8", "--pixels", "320x240", "640x480", "--cameras", "--rounds", "3", "--json", str(out))
    rows = json.loads(out.read_text())
    assert [(row["what"], row["value"], row["seen"]) for row in rows] == [
        ("faces", 1, 1), ("faces", 8, 8), ("pixels", 320 * 240, 1), ("pixels", 640 * 480, 1)]
    assert [rows[0]["ratio"], rows[2]["ratio"]] == [1, 1]
    assert rows[1]["ratio"] == pytest.approx(rows[1]["p50"] / rows[0]["p50"])
    assert "8 faces" in capsys.readouterr().out


@pytest.mark.training
def test_scale_can_be_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib (pip install 'fer_ros[train]', or make training)")
    run("scale", "--faces", "1", "2", "--pixels", "320x240", "--cameras", "--rounds", "2", "--plot", str(tmp_path / "a.png"))
    assert cv2.imread(str(tmp_path / "a.png")).shape[0] > 100


def test_the_overlay_is_measured_for_every_number_of_faces(tmp_path, capsys):
    out = tmp_path / "out.json"
    run("overlay", "--faces", "1", "40", "--size", "320x240", "--rounds", "3", "--json", str(out))
    few, many = json.loads(out.read_text())
    assert (few["faces"], many["faces"]) == (1, 40)
    assert 0 < few["p50"] < many["p50"] <= many["p95"]
    assert "ms a face" in capsys.readouterr().out


def test_a_crowd_has_as_many_faces_as_are_wanted_and_never_the_same_twice():
    faces = drawing.crowd(70, 640, 480)
    assert len({face.face_id for face in faces}) == len({face.box for face in faces}) == 70
    assert all(0 <= face.box.cx < 640 and 0 <= face.box.cy < 480 and face.box.is_usable() for face in faces)
    assert drawing.crowd(70, 640, 480) == faces
    assert drawing.crowd(70, 640, 480, seed=1) != faces


@pytest.mark.parametrize(("arguments", "text"), [
    (["latency", "--sizes", "640"], "is not WIDTHxHEIGHT"),
    (["latency", "--sizes", "20x20"], "is not WIDTHxHEIGHT"),
    (["footprint", "--faces", "40"], "is not a number of faces from 0 to 32"),
    (["soak", "--minutes", "0"], "not a positive number"),
    (["scale", "--faces", "100"], "at most 32 faces"),
    (["throughput", "--set", "emotion_node.model=none.onnx"], "none.onnx not found"),
    (["throughput", "--set", "speed=1"], "there is no parameter speed"),
])
def test_what_is_wrong_is_said(arguments, text, capsys):
    with pytest.raises(SystemExit, match=r"^[12]$"):
        main(["bench", *arguments])
    assert text in capsys.readouterr().err
