# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether face recognition still knows somebody is counted rightly; face-api itself is not needed."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from fer_ros.bench import peers, recognition
from fer_ros.bench.recognition import _Look, _rolled, _upright, anonymized, nearest, tally, views
from fer_ros.cli import main
from fer_ros.models.inference import InferenceParams
from fer_ros.parameters.privacy_params import PrivacyParams
from fer_ros.perception.detector import DetectorParams
from fer_ros.perception.pipeline import FaceStage
from fer_ros.perception.tracker import TrackerParams
from fer_ros.types import Box


def stages() -> FaceStage:
    return FaceStage(DetectorParams(), TrackerParams(), InferenceParams())


def look(clean, there, found=()) -> _Look:
    return _Look(np.full(128, clean), {"blur": np.full((1, 128), there)},
                 {"blur": np.array([np.full(128, value) for value in found]).reshape(-1, 128)})


def test_a_face_is_known_by_any_clean_look_at_the_same_person():
    step = 0.5 / np.sqrt(128)  # a distance of 0.5
    people = {"1": [look(0.0, 9.0), look(step, 9.0, found=[7.0, -step])],  # the other clean one is near; 1 is found again
              "2": [look(9.0, 0.0), look(9.0, 9.0 + step)]}  # near somebody else; near
    known = tally(people, ["blur"])
    assert (known.faces, known.clean) == (4, 4)
    assert (known.there, known.found, known.known) == ({"blur": 1}, {"blur": 1}, {"blur": 2})
    assert known.least("blur") == pytest.approx(0.5)
    both = known + known
    assert (both.faces, both.known["blur"], len(both.nearest["blur"])) == (8, 4, 8)


def test_who_is_not_known_when_clean_cannot_be_known_when_hidden():
    known = tally({"1": [look(0.0, 0.0), look(9.0, 0.0)], "2": [look(5.0, 5.0)]}, ["blur"])
    assert (known.faces, known.clean, known.known["blur"]) == (3, 0, 0)


def test_nothing_is_near_nobody():
    assert nearest(np.empty((0, 128)), np.zeros((1, 128))) == np.inf


def test_recognition_sees_the_same_frames_clean_and_hidden():
    modes = {mode: PrivacyParams(anonymize=mode) for mode in ("box", "blur")}
    seen = list(anonymized("demo", views("demo")["as it is"], modes, stages(), 12))
    assert 6 < len(seen) <= 12  # without those in which nobody is
    for image, faces, hidden in seen:
        x, y = round(faces[0].box.cx), round(faces[0].box.cy)
        assert (hidden["box"][y, x] == 96).all() and set(hidden) == set(modes)
        assert (hidden["blur"] == image).any() and (hidden["blur"] != image).any()


def test_faces_are_made_small_and_large_and_rolled(demo_images, tmp_path):
    picture = str(tmp_path / "face.png")
    cv2.imwrite(picture, demo_images[0])
    for name, view in views(picture).items():
        ((_, (face,), _),) = anonymized(picture, view, {"box": PrivacyParams(anonymize="box")}, stages(), 6)
        size = max(face.box.width, face.box.height)
        if name == "small":
            assert size == pytest.approx(40, rel=0.2)
        elif name == "large":
            assert size == pytest.approx(320, rel=0.2)
        elif name == "as it is":
            upright = face.box
        else:  # what turns it back shows the face again where it was
            turned = view.change(demo_images[0])
            x, y = (slice(round(at) - 20, round(at) + 20) for at in upright[:2])
            assert np.abs(_rolled(turned, -view.roll)[y, x].astype(int) - demo_images[0][y, x]).mean() < 8
            assert np.abs(turned[y, x].astype(int) - demo_images[0][y, x]).mean() > 16
            assert _upright(face.box, turned, view.roll)[:2] == pytest.approx(upright[:2], abs=20)


def test_a_recognizer_is_asked_about_every_face(tmp_path, monkeypatch):
    (tmp_path / "peer.py").write_text(
        "import json, os, sys\nimport numpy as np\nprint(json.dumps({'ready': 1}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    r = json.loads(line)\n"
        "    read = lambda name: np.fromfile(os.path.join(sys.argv[1], name), np.uint8).reshape(r['height'], r['width'], 3)\n"
        "    at = lambda image: [[float(image[int(y + h / 2), int(x + w / 2)].mean())] * 128 for x, y, w, h in r['boxes']]\n"
        "    hidden = {mode: {'there': at(read(name)), 'found': []} for mode, name in r['hidden'].items()}\n"
        "    print(json.dumps({'blank': [-9.0] * 128, 'clean': at(read(r['clean'])), 'hidden': hidden}), flush=True)\n")
    monkeypatch.setattr(peers, "_SCRIPTS", tmp_path)
    monkeypatch.setattr(recognition, "RECOGNIZER", peers.Peer("a peer", "peer.py"))
    known = recognition.measure("demo", views("demo")["as it is"], {"box": PrivacyParams(anonymize="box")}, 6, tmp_path,
                                [0], stages())
    assert known.faces > 4 and known.known == {"box": 0}
    assert all(distance > 1 for distance in known.nearest["box"])


def test_only_faces_that_recognition_can_tell_count_and_only_by_what_is_there(tmp_path):
    class Recognizer:
        def answer(self, request):
            other = {"at": [300, 60], "descriptor": [1.0] * 128}
            there = {"at": [60, 60], "descriptor": [2.0] * 128}
            return {"blank": [5.0] * 128, "clean": [[0.0] * 128, None, [5.01] * 128],
                    "hidden": {"blur": {"there": [[3.0] * 128, None, [3.0] * 128], "found": [there, other]}}}

    people, image = {}, np.zeros((100, 400, 3), np.uint8)
    boxes = {"near": Box(60, 60, 40, 40), "far": Box(300, 60, 40, 40), "from behind": Box(200, 60, 40, 40)}
    recognition._look(Recognizer(), tmp_path, image, boxes, {"blur": image}, people)
    ((look,),) = people.values()
    assert list(people) == ["near"] and look.found["blur"].tolist() == [[2.0] * 128]


def test_without_node_it_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peers.shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["fer-ros"])
    with pytest.raises(SystemExit) as ended:
        main(["bench", "privacy", "demo", "--env", str(tmp_path)])
    assert ended.value.code == 1 and "needs Node.js and npm" in capsys.readouterr().err
