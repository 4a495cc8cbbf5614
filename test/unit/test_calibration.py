"""A camera's calibration is read as camera_calibration writes it, or refused with what is wrong."""

from __future__ import annotations

import copy

import pytest
import yaml

from fer_ros.media.calibration import load_calibration

GOOD = {
    "image_width": 640, "image_height": 480, "camera_name": "narrow_stereo", "distortion_model": "plumb_bob",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [500.5, 0, 320, 0, 501, 240, 0, 0, 1]},
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0, 0, 0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {"rows": 3, "cols": 4, "data": [500, 0, 320, 0, 0, 501, 240, 0, 0, 0, 1, 0]},
}


def test_every_number_arrives(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    found = load_calibration(path)
    assert (found.width, found.height, found.distortion_model) == (640, 480, "plumb_bob")
    assert found.camera_matrix == (500.5, 0, 320, 0, 501, 240, 0, 0, 1)
    assert found.distortion == (0.1, -0.2, 0, 0, 0)
    assert found.rectification == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert found.projection == (500, 0, 320, 0, 0, 501, 240, 0, 0, 0, 1, 0)
    assert all(type(value) is float for value in found.camera_matrix)


@pytest.mark.parametrize(("keys", "value", "reason"), [
    (["camera_matrix"], None, "missing or wrong"),
    (["camera_matrix", "data"], [1, 2, 3], r"\(3, 9, 12\) numbers"),
    (["projection_matrix", "data"], "twelve numbers", "missing or wrong"),
    (["projection_matrix", "data"], 12, "missing or wrong"),
    (["rectification_matrix", "data", 0], "one", "missing or wrong"),
    (["rectification_matrix", "data", 0], float("nan"), "not finite"),
    (["distortion_coefficients", "data", 0], float("inf"), "not finite"),
    (["image_width"], "wide", "missing or wrong"),
    (["image_width"], float("inf"), "missing or wrong"),
    (["image_height"], 0, "640x0"),
    (["image_height"], None, "missing or wrong"),
])
def test_what_is_missing_or_wrong_is_said(tmp_path, keys, value, reason):
    content = copy.deepcopy(GOOD)
    *path, last = keys
    place = content
    for key in path:
        place = place[key]
    place[last] = value
    file = tmp_path / "camera.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=reason) as caught:
        load_calibration(file)
    assert "camera.yaml" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"just words", b"[1, 2]", b"a: [", b"\xff\xfe\x00", b"a: &a [*a]",
                                     b"!!bool 3", b"!!timestamp x", b"!!int x", b'image_width: "\\u2028\\e[2J"',
                                     b'"\\u202e": 1', b"camera_matrix: {data: !!float x}"])
def test_a_file_that_is_no_calibration_is_refused(tmp_path, content):
    file = tmp_path / "camera.yaml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"camera\.yaml") as refused:
        load_calibration(file)
    assert str(refused.value).isprintable()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "nothing.yaml", tmp_path):
        with pytest.raises(ValueError, match="cannot be read"):
            load_calibration(path)
