# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where things go on the overlay: over nobody's face, in one style, and calm from image to image."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer_ros.drawing import lettering, palette
from fer_ros.drawing.layout import OverlayLayout, Plan, status_texts
from fer_ros.drawing.lettering import without_middle
from fer_ros.drawing.overlay import OverlayStyle, draw_overlay
from fer_ros.drawing.palette import COLORS, contrast
from fer_ros.drawing.places import Rect
from fer_ros.drawing.scene import Scene
from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.types import Box, Emotion

FRAMES = [(320, 240), (640, 360), (640, 480), (1280, 720), (480, 854), (3840, 2160)]


def emotion(box: Box, face_id: str = "1", label: str = "happy", share: float = 0.5) -> Emotion:
    probabilities = np.full(7, (1 - share) / 6, np.float32)
    probabilities[3] = share
    return Emotion(face_id, box, 0.9, label, share, probabilities, probabilities)


def people(rng: np.random.Generator, width: int, height: int) -> list[Emotion]:
    """One to six of them, of any size, anywhere; one of them over the frame's border now and then."""
    count = int(rng.integers(1, 7))
    sizes = rng.uniform(0.12, 0.5 if count < 3 else 0.3, count) * min(width, height)
    return [emotion(Box(float(rng.uniform(0, width)), float(rng.uniform(0, height)), 0.8 * size, size), str(i), EMOTIONS[i])
            for i, size in enumerate(sizes.tolist())]


def scene(faces: list[Emotion], size: tuple[int, int], style: OverlayStyle | None = None) -> Scene:
    return Scene.of(Rect(0, 0, *size), faces, EMOTIONS, style or OverlayStyle())


def plan(faces: list[Emotion], size: tuple[int, int], layout: OverlayLayout | None = None, **style: object) -> Plan:
    return (layout or OverlayLayout()).plan(scene(faces, size, OverlayStyle(**style)), 24.0, 0.012)


def moved(faces: list[Emotion], dx: float = 0.0, dy: float = 0.0) -> list[Emotion]:
    return [replace(face, box=face.box._replace(cx=face.box.cx + dx, cy=face.box.cy + dy)) for face in faces]


def look(found: Plan) -> tuple[object, ...]:
    """What a viewer would see jump."""
    assert found.status is not None
    status = found.status.place.left > 0, found.status.place.top > 0
    return (*[None if panel is None else panel.side for panel in found.panels],
            *[None if tag is None else tag.corner for tag in found.tags], *status)


def is_inside(place: Rect, frame: tuple[int, int]) -> bool:
    return Rect(0, 0, *frame).contains(place)


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_panels_cover_no_face_no_word_and_no_other_panel_and_lie_in_the_picture(frame):
    rng, with_panels, without = np.random.default_rng(7), 0, 0
    for _ in range(150):
        faces = people(rng, *frame)
        shown, found = scene(faces, frame), plan(faces, frame)
        panels = [panel.place for panel in found.panels if panel is not None]
        others = [*(rect.clipped(shown.frame) for rect in shown.rects), *(tag.place for tag in found.tags if tag is not None)]
        others += [] if found.status is None else [found.status.place]
        for panel in panels:
            assert is_inside(panel, frame)
            assert not any(panel.meets(other) for other in others)
        assert not any(one.meets(other) for one, other in itertools.combinations(panels, 2))
        with_panels += bool(panels)
        without += not panels
    assert with_panels > 10 and without > 10, "too few of both to say anything"


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_all_faces_of_an_image_have_panels_of_one_size_or_none_has(frame):
    rng, seen = np.random.default_rng(11), set()
    for _ in range(150):
        faces = people(rng, *frame)
        found = plan(faces, frame)
        sizes = {None if panel is None else (panel.place.width, panel.place.height) for panel in found.panels}
        assert len(sizes) <= 1 and None not in sizes
        assert not (any(found.panels) and any(found.strips))
        assert len({tag.tag.height for tag in found.tags if tag is not None}) == 1
        seen |= sizes
    assert seen


def test_a_stacked_bar_lies_on_no_other_face():
    rng = np.random.default_rng(2)
    for _ in range(100):
        faces = people(rng, 640, 480)
        shown, found = scene(faces, (640, 480)), plan(faces, (640, 480), max_panels=0)
        for i, strip in enumerate(found.strips):
            # Where two boxes overlap, what is on one may be on the other.
            others = [rect for rect in shown.rects if not rect.meets(shown.rects[i])]
            assert strip is None or not any(strip.meets(other) for other in others)


def jitter(faces: list[Emotion], images: int = 90, pixels: float = 3.0) -> list[list[Emotion]]:
    rng = np.random.default_rng(5)
    return [[moved([face], *rng.uniform(-pixels, pixels, 2))[0] for face in faces] for _ in range(images)]


def apart(faces: list[Emotion]) -> list[Emotion]:
    """Those of them whose boxes do not overlap."""
    kept: list[Emotion] = []
    for face, rect in zip(faces, scene(faces, (4000, 4000)).rects, strict=False):
        if not any(rect.grown(8).meets(other) for other in scene(kept, (4000, 4000)).rects):
            kept.append(face)
    return kept


def changes(looks: list[tuple[object, ...]]) -> int:
    return sum(one != other for one, other in itertools.pairwise(looks))


def test_boxes_that_tremble_move_nothing_from_side_to_side():
    """But where faces are so dense that what has a place in one image has none in the next."""
    rng, calm, jumps, without = np.random.default_rng(3), 0, 0, 0
    for _ in range(60):
        images = jitter(apart(people(rng, 640, 480)), 60)
        layout = OverlayLayout()
        jumped = changes([look(plan(faces, (640, 480), layout)) for faces in images])
        calm, jumps = calm + (jumped == 0), jumps + jumped
        without += changes([look(plan(faces, (640, 480))) for faces in images])
    assert calm >= 50
    assert without > 5 * jumps, "the pictures would have been as calm without a memory"


def without_ids(faces: list[Emotion]) -> list[Emotion]:
    return [replace(face, face_id="") for face in faces]


@pytest.mark.parametrize("known", [True, False], ids=["ids", "no ids"])
def test_a_panel_stays_on_its_side_when_a_better_one_gets_free(known):
    """A second face drives it from the right to somewhere else; when that face has gone, the panel stays."""
    one, other = emotion(Box(250, 200, 90, 110)), emotion(Box(420, 200, 90, 110), "2")
    layout, named = OverlayLayout(), (lambda faces: faces) if known else without_ids
    sides = []
    for faces in [[one]] * 3 + [[one, other]] * 20 + [[one]] * 40:
        found = plan(named(faces), (640, 480), layout)
        sides.append(found.panels[0] and found.panels[0].side)
    alone, beside, after = sides[0], sides[10], sides[-1]
    assert alone is not None and beside is not None
    assert beside != alone
    assert after == beside


def test_panels_go_at_once_and_come_back_when_there_was_room_for_a_while():
    one, near = emotion(Box(320, 240, 120, 150)), [emotion(Box(x, 240, 110, 140), str(x)) for x in (90, 205, 435, 550)]
    layout = OverlayLayout()
    assert any(plan([one], (640, 480), layout).panels)
    crowd = plan([one, *near], (640, 480), layout)
    assert not any(crowd.panels) and all(crowd.strips)
    back = [any(plan([one], (640, 480), layout).panels) for _ in range(70)]
    assert not any(back[:30]) and all(back[60:])
    assert changes([(shown,) for shown in back]) == 1


def test_faces_that_are_found_in_every_other_image_do_not_make_the_style_flicker():
    four = [emotion(Box(150 + 300 * i, 200, 130, 160), str(i)) for i in range(4)]
    fifth = emotion(Box(320, 600, 90, 110), "9")
    layout = OverlayLayout()
    style = [any(plan([*four, fifth] if i % 2 else four, (1280, 720), layout).panels) for i in range(60)]
    assert style[0] and not any(style[1:])


def test_who_comes_after_everybody_has_gone_has_a_panel_at_once():
    near = [emotion(Box(60 + 110 * i, 240, 110, 140), str(i)) for i in range(6)]
    layout = OverlayLayout()
    assert not any(plan(near, (640, 480), layout).panels)
    for _ in range(60):
        plan([], (640, 480), layout)
    assert any(plan([emotion(Box(320, 240, 120, 150), "8")], (640, 480), layout).panels)


def test_the_panel_of_a_face_that_walks_by_changes_its_side_once_or_twice():
    layout = OverlayLayout()
    looks = [look(plan([emotion(Box(x, 240, 110, 140))], (640, 480), layout)) for x in range(40, 600, 4)]
    assert changes(looks) <= 3
    assert all(side is not None for side, *_ in looks)


def test_a_tag_and_the_rate_go_back_to_their_places_when_these_have_been_free_for_a_while():
    """A face at the upper edge has its tag below; the rate makes room for one in the corner."""
    layout, places = OverlayLayout(), []
    for faces in [[emotion(Box(60, 50, 90, 110))]] + [[emotion(Box(250, 240, 90, 110))]] * 60:
        found = plan(faces, (640, 480), layout)
        assert found.tags[0] is not None and found.status is not None
        places.append((found.tags[0].corner, found.status.place.left == 0 and found.status.place.top == 0))
    assert places[0] == places[20] == (2, False)
    assert places[-1] == (0, True)
    assert changes(places) <= 2


def test_a_tag_on_a_face_leaves_it_when_there_has_been_room_beside_it():
    near = [emotion(Box(x, y, 60, 70), str(x)) for x, y in ((100, 60), (100, 200), (30, 130), (170, 130))]
    middle, layout = emotion(Box(100, 130, 60, 60), "1", "surprise"), OverlayLayout()
    crowded = plan([middle, *near], (200, 260), layout).tags[0]
    assert crowded is not None and (crowded.corner is None or crowded.corner >= 4)
    tags = [plan([middle], (200, 260), layout).tags[0] for _ in range(60)]
    assert tags[-1] is not None and tags[-1].corner is not None and tags[-1].corner < 4


def test_the_same_images_give_the_same_pictures():
    images = jitter([emotion(Box(250, 200, 90, 110)), emotion(Box(420, 220, 90, 110), "2")], 20)
    image = np.full((480, 640, 3), 120, np.uint8)
    one, other = OverlayLayout(), OverlayLayout()
    for faces in images:
        assert (draw_overlay(image, faces, layout=one) == draw_overlay(image, faces, layout=other)).all()


def test_a_layout_does_not_grow_with_the_people_whom_it_has_seen():
    layout = OverlayLayout()
    for i in range(300):
        plan([emotion(Box(320, 240, 110, 140), str(i)), emotion(Box(100, 240, 60, 80), "")], (640, 480), layout)
    assert len(layout._kept) < 30


def test_two_faces_that_leave_one_place_for_both_give_it_to_who_has_no_other():
    """The left one could have its panel on three sides, the one in the corner on one."""
    corner, free = emotion(Box(590, 400, 90, 140), "2"), emotion(Box(300, 400, 90, 140))
    for faces in ([free, corner], [corner, free]):
        panels = plan(faces, (640, 480)).panels
        assert len(panels) == 2 and all(panels)


# What is written.


def written(image: np.ndarray, word: np.ndarray) -> bool:
    """Whether a word stands anywhere in an image, to the pixel."""
    return float(cv2.matchTemplate(image, word, cv2.TM_SQDIFF).min()) < 0.5 * word.size  # but for rounding


def word(text: str, height: int, ground: palette.Color = palette.PANEL, ink: palette.Color = palette.WHITE) -> np.ndarray:
    return lettering.text_on(ground, text, height, 0, 0, lettering.text_rows(height), ink)


def test_a_panel_says_each_probability_in_percent():
    face = emotion(Box(250, 240, 130, 160), share=0.82)
    drawn = draw_overlay(np.full((480, 640, 3), 120, np.uint8), [face])
    height = scene([face], (640, 480)).sizes.text
    assert written(drawn, word("82%", height, palette.PANEL_CHOSEN))
    assert written(drawn, word("3%", height, palette.PANEL, palette.PANEL_TEXT))
    assert not written(drawn, word("83%", height, palette.PANEL_CHOSEN))


@pytest.mark.parametrize("frame", [(320, 240), (640, 360), (3840, 2160)], ids=str)
def test_the_rate_is_said_in_words(frame):
    drawn = draw_overlay(np.full((frame[1], frame[0], 3), 120, np.uint8), [], fps=24.2, latency=0.0123)
    height = scene([], frame).sizes.text
    for text in ("24 fps,", "12 ms", "from capture to answer"):
        assert written(drawn, word(text, height)), text


@pytest.mark.parametrize(("fps", "latency", "longest", "shortest"), [
    (24.2, 0.0123, "24 fps, 12 ms from capture to answer", "24 fps"),
    (9.9, 1.5, "9.9 fps, 1500 ms from capture to answer", "9.9 fps"),
    (None, 12.0, "12 s from capture to answer", "12 s"),
    (30.0, None, "30 fps", "30 fps"),
    (None, None, None, None),
])
def test_what_is_not_known_of_the_rate_is_left_out(fps, latency, longest, shortest):
    texts = [" ".join(parts) for parts in status_texts(fps, latency)]
    assert texts[:1] == [longest][: len(texts)] and texts[-1:] == [shortest][: len(texts)]
    assert bool(texts) == (longest is not None)


def test_long_names_of_a_model_are_told_apart():
    for names in ([f"{name}_expression_of_the_model" for name in EMOTIONS], [f"expression_of_a_{name}" for name in EMOTIONS]):
        short = [without_middle(name, 16) for name in names]
        assert len(set(short)) == 7 and max(map(len, short)) <= 16


@pytest.mark.parametrize(("frame", "text", "small"), [
    ((320, 240), 8, 8), ((640, 360), 9, 8), ((640, 480), 10, 8), ((1280, 720), 13, 10), ((1920, 1080), 18, 13),
    ((3840, 2160), 32, 24), ((480, 854), 9, 8),
], ids=str)
def test_capitals_are_so_many_pixels_high(frame, text, small):
    sizes = scene([], frame).sizes
    assert sizes.text >= text and sizes.small_text >= small
    capital = lettering.text_mask("H", sizes.text)
    assert (capital.max(axis=1) > 0.5).sum() >= text - 1
    assert sizes.text < 0.04 * min(frame)


# Colours.


@pytest.mark.parametrize("label", [*EMOTIONS, UNCERTAIN])
def test_bars_stand_out_from_the_panel_and_from_what_is_empty(label):
    for ground in (palette.PANEL, palette.TRACK, palette.TRACK_CHOSEN, palette.INK):
        assert contrast(COLORS[label], ground) >= 3  # WCAG 2.1, 1.4.11


def test_text_on_panels_is_read():
    pairs = (palette.PANEL_TEXT, palette.PANEL), (palette.WHITE, palette.PANEL_CHOSEN), (palette.WHITE, palette.PANEL)
    for ink, ground in pairs:
        assert contrast(ink, ground) >= 7  # WCAG 2.1, 1.4.6


def test_neutral_is_grey_and_the_contrast_of_black_and_white_is_21():
    assert len(set(COLORS["neutral"])) == 1
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
