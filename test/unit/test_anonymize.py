# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Nobody can be recognised where that is asked for: every face of every frame is covered, and nothing else is touched."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import pytest

from fer_ros import Box, Emotion, Face, FaceDetector, open_source
from fer_ros.drawing.anonymize import Concealer, FaceCover, anonymize
from fer_ros.models.inference import InferenceParams
from fer_ros.parameters.params import build
from fer_ros.parameters.privacy_params import BOX, MODES, PrivacyParams
from fer_ros.perception.detector import DetectorParams
from fer_ros.perception.pipeline import FaceStage
from fer_ros.perception.tracker import TrackerParams

HIDING = MODES[1:]
PLAIN = 96
NAN, INF = math.nan, math.inf


@pytest.fixture
def noise() -> np.ndarray:
    """A picture in which every pixel differs from its neighbours."""
    return np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


def detail(image: np.ndarray) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(image.astype(int), axis=1)).mean())


def part(image: np.ndarray, box: Box) -> np.ndarray:
    """What a box covers of an image."""
    left, top, right, bottom = box.xyxy
    return image[max(math.floor(top), 0) : max(math.ceil(bottom), 0), max(math.floor(left), 0) : max(math.ceil(right), 0)]


# One picture.


@pytest.mark.parametrize("mode", HIDING)
def test_a_face_is_gone_and_the_rest_is_untouched(noise, mode):
    before, box = noise.copy(), Box(160, 120, 60, 80)
    hidden = anonymize(noise, [box], mode, margin=0.25)
    assert detail(part(hidden, box)) < 0.25 * detail(part(noise, box))
    place = np.zeros(noise.shape[:2], bool)
    place[60:180, 110:210] = True  # 20 pixels, a quarter of 80, more on every side
    assert (hidden[~place] == before[~place]).all()
    assert (hidden[place] != before[place]).any(axis=1).mean() > 0.9
    assert (noise == before).all()


@pytest.mark.parametrize("mode", HIDING)
@pytest.mark.parametrize("size", [48, 120, 600])
def test_what_tells_people_apart_is_gone_however_large_a_face_is(mode, size):
    """Recognition begins between 16 and 24 cells across a face: of a pattern of 16 hardly anything may be left."""
    pattern = np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (16, 16))
    face = cv2.resize(pattern, (size, size), interpolation=cv2.INTER_NEAREST)
    image = cv2.copyMakeBorder(face, size, size, size, size, cv2.BORDER_CONSTANT, value=128)
    hidden = part(anonymize(image, [Box(1.5 * size, 1.5 * size, size, size)], mode), Box(1.5 * size, 1.5 * size, size, size))
    likeness = 0.0 if mode == BOX else abs(np.corrcoef(hidden.ravel(), face.ravel())[0, 1])
    assert likeness < 0.35
    assert np.std(hidden) < 0.35 * np.std(face)


@pytest.mark.parametrize("mode", HIDING)
@pytest.mark.parametrize("box", [
    Box(0, 0, 80, 80), Box(319, 239, 80, 80), Box(-20, 120, 80, 80), Box(160, 250, 80, 60), Box(1, 1, 2, 2),
    Box(160, 120, 1, 1), Box(160, 120, 900, 900), Box(160, 120, 1e300, 1e300), Box(160, 120, 50, 1e9),
])
def test_a_face_at_the_border_or_of_any_size_is_covered(noise, mode, box):
    hidden = anonymize(noise, [box], mode)
    assert hidden.shape == noise.shape
    assert (part(hidden, box) != part(noise, box)).any(axis=2).mean() > 0.9


@pytest.mark.parametrize("box", [
    Box(NAN, 120, 60, 80), Box(160, INF, 60, 80), Box(160, 120, NAN, 80), Box(160, 120, 60, -INF), Box(160, 120, -60, 80),
    Box(160, 120, 0, 80), Box(160, 120, 0, 0), Box(160, 120, 60, 80, NAN),
])
def test_a_face_that_is_somewhere_hides_all_of_the_picture(noise, box):
    """Where it is nobody can say, and it must not be seen; nor may the others."""
    assert (anonymize(noise, [Box(40, 40, 20, 20), box], "box") == PLAIN).all()


def test_where_nobody_has_looked_all_is_covered(noise):
    for mode in HIDING:
        hidden = anonymize(noise, None, mode)
        assert detail(hidden) < 0.1 * detail(noise)
    assert (anonymize(noise, [], "box") == noise).all()


def test_more_faces_than_anybody_has_hide_all(noise):
    assert (anonymize(noise, [Box(10, 10, 5, 5)] * 100_000, "box") == PLAIN).all()


def test_a_rolled_face_is_covered_to_its_corners(noise):
    """A face of 60 x 100 that lies on its side, in the box that it would have upright."""
    hidden = anonymize(noise, [Box(160, 120, 60, 100, math.pi / 2)], "box", margin=0.0)
    assert (hidden[91:149, 111:209] == PLAIN).all()


def test_faces_emotions_and_boxes_are_all_taken(noise):
    box, seven = Box(100, 100, 40, 50), np.full(7, 1 / 7, np.float32)
    some = [box, Face(box, 0.9), Emotion("1", box, 0.9, "happy", 0.9, seven, seven)]
    first, second, third = (anonymize(noise, [one], "pixelate") for one in some)
    assert (first == second).all() and (first == third).all() and (first != noise).any()
    with pytest.raises(TypeError, match="a Box, a Face or an Emotion, not tuple"):
        anonymize(noise, [(1, 2, 3, 4)], "blur")


@pytest.mark.parametrize("mode", HIDING)
def test_grey_and_strided_and_read_only_images_are_taken(noise, mode):
    box = Box(100, 100, 40, 50)
    grey = noise[..., 0]
    assert anonymize(grey, [box], mode).shape == (240, 320)
    noise.flags.writeable = False
    turned = anonymize(noise[:, ::-1], [box], mode)
    assert (part(turned, box) != part(noise[:, ::-1], box)).any()
    assert anonymize(np.zeros((0, 5, 3), np.uint8), [box], mode).shape == (0, 5, 3)
    assert anonymize(noise[:1, :1], [Box(0, 0, 1, 1)], mode).shape == (1, 1, 3)


def test_nothing_is_done_and_copied_where_nothing_is_asked_for(noise):
    assert anonymize(noise, [Box(100, 100, 40, 50)], "none") is noise


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"mode": "pixelated"}, "none, blur, pixelate, box, not by 'pixelated'"), ({"margin": NAN}, "margin"),
    ({"margin": -1}, "margin"), ({"cells": 0}, "at least one cell"),
])
def test_what_is_wrong_is_said(noise, arguments, reason):
    with pytest.raises(ValueError, match=reason):
        anonymize(noise, [], **arguments)
    with pytest.raises(ValueError, match="float64"):
        anonymize(noise / 255, [])


def test_an_unknown_mode_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="anonymize must be one of none, blur, pixelate, box, not 'mosaic'"):
        build(PrivacyParams, {"anonymize": "mosaic"})


# Streams.


def at(x: float, name: str = "1", size: float = 40.0) -> Face:
    return Face(Box(x, 100, size, size), 0.9, id=name)


def covers(places: list[Box] | None, box: Box) -> bool:
    return places is None or any(p.xyxy[0] <= box.xyxy[0] and p.xyxy[1] <= box.xyxy[1] and p.xyxy[2] >= box.xyxy[2]
                                 and p.xyxy[3] >= box.xyxy[3] for p in places)


def test_a_face_that_is_missed_stays_covered_where_it_may_have_gone():
    cover = FaceCover(hold=1.0)
    for i in range(10):
        cover([at(100 + 6 * i)], i / 30)
    areas = []
    for i in range(10, 38):
        places = cover([], i / 30)
        assert covers(places, at(100 + 6 * min(i, 20)).box)  # it walks on, and stops
        areas.append(places[0].area)
    assert areas == sorted(areas) and areas[-1] > 2 * areas[0]
    assert cover([], 40 / 30) == []


def test_a_fast_face_has_a_wider_margin():
    still, fast = FaceCover(), FaceCover()
    for i in range(10):
        a, b = still([at(100)], i / 30), fast([at(100 + 20 * i)], i / 30)
    assert a == [at(100).box]
    assert b[0].width > 60 and b[0].cx == 280


def test_the_place_of_a_still_face_that_is_missed_grows():
    cover = FaceCover()
    for i in range(10):
        cover([at(100)], i / 30)
    widths = [cover([], 0.3 + 0.1 * i)[0].width for i in range(1, 9)]
    assert widths == sorted(widths) and widths[0] > 42 and 60 < widths[-1] < 100


@pytest.mark.parametrize("name", ["1", ""])
def test_a_face_that_is_still_there_is_covered_once(name):
    cover = FaceCover()
    for i in range(30):
        assert len(cover([at(100 + i, name)], i / 30)) == 1


def test_two_who_change_their_ids_are_both_covered():
    """A tracker takes one for the other, whom it does not see: both places stay covered."""
    cover = FaceCover()
    cover([at(100, "1"), at(300, "2")], 0.0)
    places = cover([at(300, "1")], 1 / 30)
    assert covers(places, at(100).box) and covers(places, at(300).box)
    assert max(place.width for place in places) < 80  # a jump of the id is no speed


def test_without_a_look_all_is_covered_when_asked_for_and_what_is_known_for_a_while():
    assert FaceCover()(None, 0.0) == []
    cover = FaceCover(stale=0.5, unsearched=True)
    assert cover(None, 0.0) is None
    cover([at(100)], 1.0)
    assert covers(cover(None, 1.4), at(100).box) and cover(None, 1.4) is not None
    assert cover(None, 1.6) is None
    assert cover([], 1.7) is not None


def test_a_face_of_which_nobody_says_where_it_is_hides_that_frame_alone():
    cover = FaceCover()
    assert cover([at(100), Face(Box(NAN, 1, 2, 3), 0.9)], 0.0) is None
    assert covers(cover([at(100)], 0.1), at(100).box)


def test_a_recording_that_starts_again_starts_anew():
    cover = FaceCover()
    cover([at(100)], 10.0)
    assert cover([], 0.0) == []


def test_many_faces_of_many_frames_are_no_burden():
    cover = FaceCover()
    for i in range(20):
        places = cover([at(37 * k + 1000 * i, str(i * 1000 + k)) for k in range(400)], i / 30)
    assert len(places) <= 513
    assert len(shown(Concealer(PrivacyParams(anonymize=BOX)), [([at(37 * k, str(k)) for k in range(300)], i / 30)
                                                              for i in range(20)])) == 20


def shown(concealer: Concealer, frames: list[tuple[list[Face] | None, float]], shape=(200, 640)) -> list[np.ndarray]:
    """What comes of black frames, in order."""
    image, found = np.zeros(shape, np.uint8), []
    for number, (faces, stamp) in enumerate(frames):
        found += concealer.add(image, faces, stamp, number)
    found += concealer.flush()
    assert [number for _, number in found] == list(range(len(frames)))
    return [picture for picture, _ in found]


def test_a_face_is_covered_from_before_it_was_found():
    params = PrivacyParams(anonymize="box", anonymize_delay=0.3)
    pictures = shown(Concealer(params), [([], i / 30) for i in range(20)] + [([at(100)], i / 30) for i in range(20, 30)])
    hidden = [bool((part(picture, at(100).box) == PLAIN).all()) for picture in pictures]
    assert not any(hidden[:11]) and all(hidden[12:])  # number 11 came 0.3 s before number 20, which was found
    pictures = shown(Concealer(PrivacyParams(anonymize="box", anonymize_delay=0.0)), [([], 0.0), ([at(100)], 0.1)])
    assert [(part(picture, at(100).box) == PLAIN).all() for picture in pictures] == [False, True]


def test_a_face_that_leaves_and_comes_back_is_covered_all_the_time():
    """It walks out to the left, is hidden for half a second, and comes back."""
    xs = [*np.linspace(150, -20, 20), *[None] * 15, *np.linspace(-20, 150, 20)]
    frames = [([] if x is None or x < 0 else [at(x)], i / 30) for i, x in enumerate(xs)]
    for picture, x in zip(shown(Concealer(PrivacyParams(anonymize="box")), frames), xs, strict=True):
        if x is not None and x > -20:  # a part of it is in the picture, found or not
            assert (part(picture, at(x).box) == PLAIN).all()


def test_parameters_change_while_frames_come(noise):
    concealer: Concealer[int] = Concealer(PrivacyParams(anonymize="box", anonymize_delay=0.0))
    (first, _), = concealer.add(noise, [at(100)], 0.0, 0)
    concealer.params = PrivacyParams(anonymize="box", anonymize_delay=0.0, anonymize_margin=1.0)
    (second, _), = concealer.add(noise, [at(100)], 0.1, 1)
    assert (second == PLAIN).sum() > 2 * (first == PLAIN).sum()


def uncovered(video: str, frames: int, **parameters) -> tuple[int, list]:
    """Faces that a detector finds in the clean frames of a video, and those of them that can be seen when it is played."""
    detector = DetectorParams(**parameters)
    stage, look = FaceStage(detector, TrackerParams(), InferenceParams()), FaceDetector(inference_size=detector.inference_size)
    concealer: Concealer[np.ndarray] = Concealer(PrivacyParams(anonymize=BOX))
    found, seen = 0, []
    with open_source(video) as source:
        out = itertools.chain.from_iterable(
            concealer.add(frame.image, stage(frame.image, frame.stamp), frame.stamp, frame.image)
            for frame in itertools.islice(source, frames))
        for number, (picture, clean) in enumerate(itertools.chain(out, (one for _ in [0] for one in concealer.flush()))):
            for face in look(clean):
                found += 1
                if (part(picture, face.box) == PLAIN).all(axis=2).mean() < 0.999:
                    seen.append((number, face.box))
    return found, seen


@pytest.mark.parametrize("parameters", [{}, {"detect_every": 4}])
def test_every_face_of_every_frame_of_the_demo_is_covered(parameters):
    found, seen = uncovered("demo", 300, **parameters)
    assert found > 200 and not seen


@pytest.mark.parametrize(("name", "parameters"), [
    ("neutral_smile_neutral.mp4", {}), ("sad_surprise_happy.mp4", {"detect_every": 3}), ("face_then_no_face.mov", {}),
    ("crowd_1080p.mp4", {"inference_size": 640}),
])
def test_every_face_of_every_frame_of_a_recording_is_covered(recordings, name, parameters):
    found, seen = uncovered(str(recordings / name), 100, **parameters)
    assert found > 50 and not seen
