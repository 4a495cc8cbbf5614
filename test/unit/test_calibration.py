# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera's calibration is read as camera_calibration writes it, or refused with what is wrong."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import pytest
import yaml

from fer_ros.media.calibration import Calibration, load_calibration
from fer_ros.media.source_params import flip_image

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


# Mirrored images

TURN = cv2.Rodrigues(np.array([0.02, -0.1, 0.05]))[0]
K = (500.0, 0.0, 300.0, 0.0, 520.0, 250.0, 0.0, 0.0, 1.0)
P = (480.0, 0.0, 310.0, -40.0, 0.0, 490.0, 245.0, 7.0, 0.0, 0.0, 1.0, 0.0)


def calibration(model: str, *distortion: float) -> Calibration:
    return Calibration(640, 480, model, distortion, K, tuple(TURN.ravel()), P)


@pytest.mark.parametrize("flip", ["none", "horizontal", "vertical", "both"])
@pytest.mark.parametrize(("model", "distortion"), [
    ("plumb_bob", (0.1, -0.2, 0.01, -0.02, 0.03)),
    ("rational_polynomial", (0.1, -0.2, 0.01, -0.02, 0.03, 0.1, 0.02, 0.01, 0.01, -0.02, 0.015, 0.005)),
    ("rational_polynomial", (0.1, -0.2, 0.01, -0.02, 0.03, 0.1, 0.02, 0.01)),
])
def test_a_mirrored_camera_sees_a_mirrored_point_where_the_mirrored_image_has_it(flip, model, distortion):
    one = calibration(model, *distortion)
    two = one.flipped(flip)
    signs = np.array([-1 if flip in ("horizontal", "both") else 1, -1 if flip in ("vertical", "both") else 1, 1.0])
    point = np.array([0.3, -0.2, 1.0])

    def seen(camera, where):
        image = cv2.projectPoints(where.reshape(1, 3), np.zeros(3), np.zeros(3), np.reshape(camera.camera_matrix, (3, 3)),
                                  np.array(camera.distortion))[0].ravel()
        rectified = np.reshape(camera.projection, (3, 4)) @ [*(np.reshape(camera.rectification, (3, 3)) @ where), 1]
        return np.concatenate([image, rectified[:2] / rectified[2]])

    ends, sign = np.array([639, 479, 639, 479]), np.tile(signs[:2], 2)
    expected = np.where(sign < 0, ends - seen(one, point), seen(one, point))
    assert seen(two, signs * point) == pytest.approx(expected)
    assert two.flipped(flip).distortion == pytest.approx(distortion)


def test_the_pixel_of_a_mirrored_image_is_where_its_calibration_says():
    image = np.zeros((480, 640, 3), np.uint8)
    image[250, 300] = 255
    rows, columns = np.nonzero(flip_image(image, "both")[..., 0])
    matrix = calibration("plumb_bob").flipped("both").camera_matrix
    assert (matrix[2], matrix[5]) == (columns[0], rows[0])


def test_a_distortion_that_nobody_knows_how_to_mirror_is_not_published():
    assert calibration("odd", 0.1).flipped("horizontal") is None
    assert calibration("rational_polynomial", *[0.1] * 14).flipped("horizontal") is None
    assert calibration("odd", 0.1).flipped("none") is not None
    assert calibration("equidistant", 0.1, 0.2, 0.3, 0.4).flipped("both").distortion == (0.1, 0.2, 0.3, 0.4)
