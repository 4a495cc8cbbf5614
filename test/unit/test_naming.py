# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from fer_ros.perception.naming import Naming
from fer_ros.types import Box, Face


def faces(*places: float, id: str = "") -> list[Face]:
    return [Face(Box(x, 200.0, 100.0, 120.0), 0.9, id=id) for x in places]


def test_faces_that_their_detector_follows_stay_as_they_are():
    named = faces(100, id="bf3d")
    assert Naming()(named, 1.0, 10) == named
    assert Naming()([], 1.0, 10) == []


def test_faces_without_ids_keep_the_id_that_they_get_and_their_boxes():
    naming = Naming()
    assert [(f.id, f.box.cx) for f in naming(faces(100, 400), 1.0, 10)] == [("1", 100), ("2", 400)]
    assert [(f.id, f.box.cx) for f in naming(faces(405, 110), 1.1, 10)] == [("2", 405), ("1", 110)]
    assert naming([], 1.2, 10) == []
    assert [f.id for f in naming(faces(115), 1.3, 10)] == ["1"]
    assert naming([], 9.0, 10) == []
    assert [f.id for f in naming(faces(115), 9.1, 10)] == ["3"], "who was away for long is somebody else"


def test_ids_that_are_given_begin_as_they_shall():
    naming = Naming("left_")
    assert [f.id for f in naming(faces(100), 1.0, 10)] == ["left_1"]
    naming.prefix = "right_"
    assert [f.id for f in naming(faces(100, 400), 1.1, 10)] == ["left_1", "right_2"]


def test_of_too_many_the_best_are_followed():
    many = [Face(Box(100.0 * i, 200.0, 50.0, 50.0), i / 100) for i in range(50)]
    kept = Naming()(many, 1.0, 3)
    assert [(f.score, f.id) for f in kept] == [(0.49, "1"), (0.48, "2"), (0.47, "3")]
