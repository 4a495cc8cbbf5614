# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What someone who looks at the overlay relies on."""

from __future__ import annotations

import itertools
import math
import sys

import cv2
import numpy as np
import pytest

from fer_ros.drawing import overlay, places, tags
from fer_ros.drawing.overlay import OverlayStyle, draw_overlay
from fer_ros.drawing.palette import COLORS, text_color
from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.types import Box, Emotion

PROBABILITIES = np.array((0.05, 0.1, 0.0, 0.5, 0.15, 0.2, 0.0), np.float32)


def emotion(box: Box, label: str = "happy", probabilities: np.ndarray = PROBABILITIES, **changes) -> Emotion:
    values = {
        "face_id": "7",
        "box": box,
        "detection_score": 0.9,
        "label": label,
        "confidence": 0.5,
        "probabilities": probabilities,
        "raw_probabilities": probabilities,
    }
    return Emotion(**{**values, **changes})


def blank(width: int = 640, height: int = 480, level: int = 120) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def pixels_of(image: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((image == color).all(axis=2).sum())


def id_ink(image: np.ndarray) -> int:
    """Pixels of an id, the only thing near to white on a tag."""
    return int((image > 180).all(axis=2).sum())


def inside(image: np.ndarray, box: Box) -> np.ndarray:
    """The part of the image that a box covers."""
    left, top = max(0, math.ceil(box.cx - box.width / 2)), max(0, math.ceil(box.cy - box.height / 2))
    right, bottom = math.floor(box.cx + box.width / 2), math.floor(box.cy + box.height / 2)
    return image[top : max(bottom, 0), left : max(right, 0)]


def grid(count: int, width: int, height: int, size: int) -> list[Emotion]:
    columns = math.ceil(math.sqrt(count * width / height))
    rows = math.ceil(count / columns)
    faces = []
    for i in range(count):
        box = Box((i % columns + 0.5) * width / columns, (i // columns + 0.5) * height / rows, size, size)
        faces.append(emotion(box, EMOTIONS[i % 7], face_id=str(i)))
    return faces


def test_the_image_that_is_given_is_not_changed():
    image = blank()
    drawn = draw_overlay(image, [emotion(Box(300, 240, 100, 120))], fps=30.0, latency=0.02)
    assert (image == 120).all()
    assert (drawn != 120).any()
    image.flags.writeable = False  # as a view of a message's data is
    assert (draw_overlay(image, [emotion(Box(300, 240, 100, 120))], fps=30.0, latency=0.02) == drawn).all()


def test_without_faces_and_rates_nothing_is_drawn():
    assert (draw_overlay(blank(), []) == 120).all()
    assert (draw_overlay(blank(), [], fps=30.0, latency=0.02, style=OverlayStyle(show_fps=False)) == 120).all()


@pytest.mark.parametrize("label", [*EMOTIONS, UNCERTAIN])
def test_a_box_surrounds_the_face_in_the_color_of_its_label(label):
    drawn = draw_overlay(blank(), [emotion(Box(300, 240, 100, 120), label)], style=OverlayStyle(bars=False))
    for x, y in ((249, 240), (350, 240), (300, 300)):
        assert tuple(drawn[y, x]) == COLORS[label]


def test_the_face_itself_stays_visible_wherever_it_is_and_whatever_is_around_it():
    for x, y in itertools.product((-10, 40, 160, 320, 480, 600, 650), (-10, 60, 240, 420, 490)):
        faces = [emotion(Box(x, y, 90, 110)), emotion(Box(320, 240, 90, 110), "sad", face_id="8")]
        if abs(x - 320) < 91 and abs(y - 240) < 111:
            faces = faces[:1]
        drawn = draw_overlay(blank(), faces, fps=30.0, latency=0.02)
        for face in faces:
            # The line is drawn around the box; its casing takes one pixel of it.
            assert (inside(drawn, face.box._replace(width=84, height=104)) == 120).all(), (x, y, face.face_id)


def test_no_face_is_covered_in_a_crowd_and_every_label_is_shown():
    faces = grid(16, 1920, 1080, 140)
    drawn = draw_overlay(blank(1920, 1080), faces, fps=30.0, latency=0.02)
    for face in faces:
        assert (inside(drawn, face.box._replace(width=130, height=130)) == 120).all()
        tag = drawn[int(face.box.cy) - 100 : int(face.box.cy) - 75, int(face.box.cx) - 70 : int(face.box.cx) + 70]
        assert pixels_of(tag, COLORS[face.label]) > 500


def has_its_tag(image: np.ndarray, face: Emotion) -> bool:
    """Whether the colour of a face's label fills the ground of a word right above, below or on it."""
    box = face.box
    left, right = max(0, int(box.cx - box.width / 2) - 5), int(box.cx + box.width / 2) + 5
    for edge in (box.cy - box.height / 2, box.cy + box.height / 2):
        rows = image[max(0, int(edge) - 16) : int(edge) + 16, left:right]
        if ((rows == COLORS[face.label]).all(axis=2).sum(axis=1) >= 10).sum() >= 7:
            return True
    return False


@pytest.mark.parametrize("count", [33, 64])
def test_in_a_crowd_with_room_everybody_has_a_label_and_nobody_is_covered(count):
    faces = grid(count, 640, 480, 30)
    drawn = draw_overlay(blank(), faces, fps=30.0, latency=0.02)
    assert [face.face_id for face in faces if not has_its_tag(drawn, face)] == []
    for face in faces:
        assert (inside(drawn, face.box._replace(width=24, height=24)) == 120).all()


def test_in_a_crowd_without_room_a_label_is_left_out_rather_than_laid_over_somebody():
    """Shoulder to shoulder: words fit around the edge of the crowd alone, for what faces fit on are too small."""
    boxes = [Box(200 + 22 * (i % 10), 150 + 22 * (i // 10), 20, 20) for i in range(100)]
    faces = [emotion(box, EMOTIONS[i % 7], face_id=str(i)) for i, box in enumerate(boxes)]
    drawn = draw_overlay(blank(), faces, style=OverlayStyle(bars=False))
    for face in faces:
        assert (inside(drawn, face.box._replace(width=14, height=14)) == 120).all()
    assert any(has_its_tag(drawn, face) for face in faces[:10])


@pytest.mark.parametrize("count", [4, 5, 32])
def test_up_to_32_faces_everybody_has_a_label_even_if_it_hides_something(count):
    """One over another, so that there is no free place for all."""
    box, style = Box(60, 40, 60, 50), OverlayStyle(bars=False)
    faces = [emotion(box._replace(cx=box.cx + i / 2), "sad", face_id=str(i)) for i in range(count - 1)]
    faces.append(emotion(box._replace(cx=box.cx + count / 2), "happy"))  # drawn last, so that nothing hides its label
    assert has_its_tag(draw_overlay(blank(120, 80), faces, style=style), faces[-1])


def test_faces_are_compared_and_counted_to_the_same_picture(monkeypatch):
    """Up to a number of faces places are looked for in another way than above it."""
    rng = np.random.default_rng(3)
    for count in range(1, 12):
        boxes = rng.uniform((0, 0, 20, 20), (640, 480, 150, 150), (count, 4))
        faces = [emotion(Box(*box), EMOTIONS[i % 7], face_id=str(i)) for i, box in enumerate(boxes.tolist())]
        faces += faces[:2]  # twice the same box
        pictures = []
        for compared in (0, 100):
            monkeypatch.setattr(places, "_COMPARED", compared)
            pictures.append(draw_overlay(blank(), faces, fps=30.0, style=OverlayStyle(max_panels=20)))
        assert (pictures[0] == pictures[1]).all(), count


def test_a_tag_is_given_up_at_the_first_look_only_where_it_has_no_place(monkeypatch):
    """In a crowd most are; a look at each in turn must come to the same picture."""
    rng = np.random.default_rng(5)
    for count in (33, 80, 300):
        boxes = rng.uniform((-10, -10, 12, 12), (650, 490, 60, 60), (count, 4))
        faces = [emotion(Box(*box), EMOTIONS[i % 7], face_id=str(i)) for i, box in enumerate(boxes.tolist())]
        faces += faces[:5]  # twice the same box
        quick = draw_overlay(blank(), faces, fps=30.0)
        with monkeypatch.context() as patched:
            patched.setattr(places.Taken, "may_be_free", lambda self, places, most: np.ones(places.shape[:2], bool))
            assert (quick == draw_overlay(blank(), faces, fps=30.0)).all(), count
        with monkeypatch.context() as patched:
            patched.setattr(places.Taken, "may_be_free", lambda self, places, most: np.zeros(places.shape[:2], bool))
            assert (quick != draw_overlay(blank(), faces, fps=30.0)).any(), count


@pytest.mark.parametrize("outside", [True, False])
def test_the_corners_of_many_are_those_of_each(outside):
    rng = np.random.default_rng(1)
    frame = places.Rect(0, 0, 320, 240)
    first = rng.integers((-20, -20), (300, 220), (50, 2))
    rects = np.concatenate([first, first + rng.integers(5, 80, (50, 2))], axis=1)
    words = [tags.Tag("happy 97%"[: 1 + i % 9], "#1" if i % 2 else "", 7 + i % 5, (0, 0, 0)) for i in range(50)]
    found = tags.all_corners(np.array([tags.tag_size(tag) for tag in words]), rects, frame, outside=outside)
    for tag, rect, corners in zip(words, rects.tolist(), found.tolist(), strict=True):
        assert [list(place) for place in tags.corners(tag, places.Rect(*rect), frame, outside=outside)] == corners


@pytest.mark.parametrize("large", [False, True])
def test_how_often_a_pixel_is_covered_is_counted_right(large, monkeypatch):
    monkeypatch.setattr(places, "_SUMMED", 0 if large else 1000)  # each rectangle, or their corners
    rng = np.random.default_rng(0)
    frame, width, height = places.Rect(0, 0, 40, 30), *((30, 20) if large else (1, 1))
    corners = rng.integers(0, 30, (40, 2)).tolist()
    rects = [places.Rect(x, y, min(x + width, 40), min(y + height, 30)) for x, y in corners]
    expected = np.zeros((30, 40), int)
    for rect in rects:
        expected[rect.top : rect.bottom, rect.left : rect.right] += 1
    assert (places._coverage(frame, rects) == expected).all()
    assert expected.max() > 1 or not large


def test_eight_times_as_many_faces_do_not_take_much_more_than_eight_times_as_much_work():
    """Apart from each other, so that comparing a place with all faces would find none to stop at."""
    def calls(count: int) -> int:
        faces, made = grid(count, 1280, 960, 8), 0

        def see(frame: object, event: str, argument: object) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        draw_overlay(blank(1280, 960), faces, fps=30.0)  # what is kept for the next image is made
        sys.setprofile(see)
        try:
            draw_overlay(blank(1280, 960), faces, fps=30.0)
        finally:
            sys.setprofile(None)
        return made

    assert 0 < calls(800) < 12 * calls(100)


def test_the_stacked_bar_grows_with_the_image():
    def thickness(width: int, height: int) -> int:
        face = emotion(Box(width / 2, height / 2, height / 3, height / 3), UNCERTAIN)
        drawn = draw_overlay(blank(width, height), [face], style=OverlayStyle(max_panels=0))
        return int((drawn == COLORS["happy"]).all(axis=2).sum(axis=0).max())

    assert thickness(640, 480) >= 3
    assert thickness(1920, 1080) >= 1.8 * thickness(640, 480)


def test_the_winner_is_recognised_without_color(monkeypatch):
    monkeypatch.setattr(overlay, "color_of", lambda label: (220, 220, 220))
    monkeypatch.setattr(tags, "color_of", lambda label: (220, 220, 220))
    for cached in (overlay._panel_ground, tags.Tag.of):
        cached.cache_clear()
    box, even = Box(300, 240, 150, 180), np.full(7, 1 / 7, np.float32)
    with_tag = {}
    for label in EMOTIONS:
        drawn = draw_overlay(blank(), [emotion(box, label, even)])
        tag, panel = drawn[:148], drawn[148:, 380:]
        with_tag[label] = tag.tobytes(), panel.tobytes()
    for cached in (overlay._panel_ground, tags.Tag.of):
        cached.cache_clear()
    assert len({tag for tag, _ in with_tag.values()}) == 7, "two labels give the same tag"
    assert len({panel for _, panel in with_tag.values()}) == 7, "the winner's bar is not emphasized"


@pytest.mark.parametrize("color", COLORS.values(), ids=COLORS.keys())
def test_text_on_a_tag_has_the_contrast_that_wcag_asks_for(color):
    def luminance(bgr):
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in bgr)]
        return 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]

    dark, light = sorted((luminance(color), luminance(text_color(color))))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


# Machado, Oliveira & Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009),
# severity 1.0; linear red, green, blue.
COLOR_BLINDNESS = {
    "none": np.eye(3),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


@pytest.mark.parametrize("matrix", COLOR_BLINDNESS.values(), ids=COLOR_BLINDNESS.keys())
def test_colors_are_told_apart_by_color_blind_people(matrix):
    rgb = np.array(list(COLORS.values()), np.float64)[:, ::-1] / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix).T, 0, 1).astype(np.float32)
    lab = cv2.cvtColor(seen[None], cv2.COLOR_LRGB2Lab)[0]
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2)]
    assert min(distances) > 15  # 2 is a just noticeable difference


@pytest.mark.parametrize(
    ("width", "height", "face", "least"),
    [(320, 240, 80, 7), (320, 240, 24, 7), (1920, 1080, 360, 14), (1920, 1080, 40, 9)],
)
def test_text_is_large_enough_to_read(width, height, face, least):
    """The height of a tag's letters, from the rows in which its ink differs from its ground."""
    box = Box(width / 2, height / 2, face, face)
    style = OverlayStyle(bars=False, show_ids=False)
    drawn = draw_overlay(blank(width, height), [emotion(box, "lllllll", confidence=math.nan)], style=style)
    ground = COLORS[UNCERTAIN][0]  # an unknown label's tag
    tag = drawn[: int(box.cy - box.height / 2), :, 0]
    rows = tag[(tag == ground).any(axis=1)]
    assert ((rows < ground / 2).sum(axis=1) >= 5).sum() >= least


def test_rates_are_shown_in_a_corner_that_covers_no_face():
    drawn = draw_overlay(blank(), [], fps=30.0, latency=0.02)
    assert (drawn[:40, :320] != 120).any() and (drawn[40:] == 120).all() and (drawn[:, 320:] == 120).all()
    assert (draw_overlay(blank(), [], fps=31.0, latency=0.02) != drawn).any()
    assert (draw_overlay(blank(), [], fps=30.0, latency=0.03) != drawn).any()
    assert (draw_overlay(blank(), [], fps=30.0) != drawn).any()
    face = emotion(Box(60, 60, 120, 120))
    drawn = draw_overlay(blank(), [face], fps=30.0, latency=0.02)
    assert (inside(drawn, Box(60, 60, 114, 114)) == 120).all()
    assert (drawn[:40, 560:] != 120).any()


@pytest.mark.parametrize(
    ("fewer", "more"),
    [
        (OverlayStyle(bars=False), OverlayStyle()),
        (OverlayStyle(show_ids=False), OverlayStyle()),
        (OverlayStyle(show_fps=False), OverlayStyle()),
        (OverlayStyle(), OverlayStyle(text_scale=1.2)),
        (OverlayStyle(), OverlayStyle(line_scale=3.0)),
    ],
)
def test_every_style_parameter_changes_the_picture(fewer, more):
    def ink(style):
        return (
            (draw_overlay(blank(), [emotion(Box(300, 240, 150, 180))], fps=30.0, style=style) != 120).any(axis=2).sum()
        )

    assert ink(fewer) < ink(more)


@pytest.mark.parametrize(
    "box",
    [
        Box(math.nan, 100, 50, 50),
        Box(100, 100, math.inf, 50),
        Box(100, -math.inf, 50, 50),
        Box(100, 100, 0, 0),
        Box(100, 100, -40, 50),
        Box(-500, 100, 50, 50),
        Box(100, 1e30, 50, 50),
        Box(1e300, 1e300, 1e300, 1e300),
    ],
    ids=str,
)
def test_a_box_with_nothing_to_see_is_skipped_and_the_others_are_drawn(box):
    other = emotion(Box(300, 240, 100, 120))
    assert (draw_overlay(blank(), [emotion(box)]) == 120).all()
    assert (draw_overlay(blank(), [emotion(box), other]) == draw_overlay(blank(), [other])).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [10, 300])
def test_boxes_that_make_no_sense_change_nothing_for_the_others(count):
    odd = [math.nan, math.inf, -math.inf, -1e300, 1e300, 5e-324, 0.0, -40.0, 2.0**63]
    rng = np.random.default_rng(0)
    nonsense = [emotion(Box(*rng.choice(odd[:3], 2), *rng.choice(odd, 3))) for _ in range(count)]
    nonsense += [emotion(Box(*rng.choice(odd, 2), *rng.choice((math.nan, 0.0, -40.0, 5e-324), 2))) for _ in range(count)]
    faces = grid(6, 640, 480, 60)
    expected = draw_overlay(blank(), faces, fps=30.0)
    assert (draw_overlay(blank(), [*nonsense, *faces], fps=30.0) == expected).all()


@pytest.mark.filterwarnings("error")
def test_huge_boxes_in_a_crowd_hide_nobody():
    huge = [emotion(Box(320, 240, size, size)) for size in (700, 1e5, 1e9, 1e300)] * 20
    drawn = draw_overlay(blank(), huge)
    assert drawn.shape == (480, 640, 3)
    assert (drawn[20:460, 20:620] == 120).mean() > 0.95


@pytest.mark.parametrize(
    "changes",
    [
        {"probabilities": np.array([], np.float32)},
        {"probabilities": np.full(7, np.nan, np.float32)},
        {"probabilities": np.zeros(7, np.float32)},
        {"probabilities": np.full(7, 9.0, np.float32)},
        {"probabilities": np.full(5, 0.2, np.float32)},
        {"label": "bored"},
        {"label": ""},
        {"label": "\n\x00\u00fcber"},
        {"confidence": math.nan},
        {"confidence": 17.0},
        {"face_id": ""},
        {"face_id": "x" * 5000},
        {"box": Box(300, 240, 1e9, 1e9)},
        {"box": Box(320, 240, 640, 480)},
        {"box": Box(320, 240, 1, 1)},
        {"box": Box(320, 240, 100, 120, math.nan)},
    ],
    ids=str,
)
@pytest.mark.parametrize("max_panels", [0, 4])
@pytest.mark.filterwarnings("error")
def test_odd_values_do_not_raise(changes, max_panels):
    drawn = draw_overlay(
        blank(), [emotion(**{"box": Box(300, 240, 100, 120), **changes})], style=OverlayStyle(max_panels=max_panels)
    )
    assert drawn.shape == (480, 640, 3)


def test_a_long_id_is_shown_by_its_end():
    def drawn(face_id):
        return draw_overlay(blank(), [emotion(Box(300, 240, 100, 120), face_id=face_id)])

    assert (drawn("face_tracker_000001") == drawn("another_prefix_000001")).all()
    assert (drawn("face_tracker_000001") != drawn("face_tracker_000002")).any()


def test_a_confidence_that_is_not_a_number_is_left_out():
    def tag_pixels(confidence):
        face = emotion(Box(300, 240, 100, 120), confidence=confidence)
        return (draw_overlay(blank(), [face], style=OverlayStyle(bars=False)) != 120).any(axis=2).sum()

    # "7%" is narrower than "nan%".
    assert tag_pixels(math.nan) < tag_pixels(0.07)


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1.0])
def test_rates_that_make_no_sense_are_left_out(rate):
    assert (draw_overlay(blank(), [], fps=rate, latency=rate) == 120).all()


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (0, 0), (3, 2000), (2000, 3), (40, 60)], ids=str)
@pytest.mark.parametrize("rate", [None, 0.0, 29.97, -1.0, math.nan, math.inf, 1e12])
def test_odd_sizes_and_rates_do_not_raise(size, rate):
    image = blank(*size)
    faces = [emotion(Box(8, 8, 10, 10)), emotion(Box(size[0] / 2, size[1] / 2, size[0], size[1]))]
    assert draw_overlay(image, faces, fps=rate, latency=rate).shape == image.shape


def test_any_memory_layout_gives_the_same_picture():
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    faces = [emotion(Box(300, 240, 100, 120))]
    expected = draw_overlay(image, faces, fps=30.0)
    padded = np.zeros((480, 700, 3), np.uint8)
    padded[:, 20:660] = image
    assert (draw_overlay(padded[:, 20:660], faces, fps=30.0) == expected).all()
    assert (draw_overlay(image[..., ::-1].copy()[..., ::-1], faces, fps=30.0) == expected).all()
    assert (draw_overlay(np.asfortranarray(image), faces, fps=30.0) == expected).all()


def test_no_labels_draw_no_bars():
    box = Box(300, 240, 100, 120)
    without = draw_overlay(blank(), [emotion(box)], style=OverlayStyle(bars=False))
    assert (draw_overlay(blank(), [emotion(box)], []) == without).all()


@pytest.mark.parametrize("image", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4))])
def test_what_is_no_image_of_bytes_is_refused(image):
    with pytest.raises(ValueError, match=r"HxWx3 uint8|the image"):
        draw_overlay(image, [])


def test_grey_and_bgra_are_understood_as_by_the_pipeline():
    faces, grey = [emotion(Box(300, 240, 100, 120))], np.full((480, 640), 90, np.uint8)
    expected = draw_overlay(cv2.merge([grey] * 3), faces)
    assert (draw_overlay(grey, faces) == expected).all()
    assert (draw_overlay(grey[..., None], faces) == expected).all()
    assert (draw_overlay(cv2.merge([grey, grey, grey, np.zeros_like(grey)]), faces) == expected).all()
