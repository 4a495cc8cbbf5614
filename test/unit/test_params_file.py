# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A parameter file does what it says, or it is said where it does not."""

from __future__ import annotations

import difflib

import pytest

from fer_ros.parameters import params_file
from fer_ros.parameters.graph_params import NODES, parameters_of, places
from fer_ros.parameters.params_file import ParameterFile, Section, check, parameters, typed, unmatched, without_effect
from fer_ros.perception.pipeline import PARAMS


@pytest.fixture
def mine(tmp_path):
    """Writes a parameter file."""
    def write(text: str):
        file = tmp_path / "mine.yaml"
        file.write_text(text)
        return file

    return write


def of(node: str, text: str) -> str:
    return f"{node}:\n  ros__parameters:\n    {text}\n"


WITHOUT_EFFECT = {
    "misspelt": (of("/**/emotion_node", "confidence_treshold: 0.9"),
                 "mine.yaml:3: emotion_node has no parameter confidence_treshold: did you mean confidence_threshold?"),
    "misspelt for all": (of("/**", "confidence_treshold: 0.9"), "did you mean confidence_threshold?"),
    "another node's": (of("/**/emotion_node", "score_threshold: 0.9"), "it is a parameter of face_detector_node"),
    "nested": (of("/**/emotion_node", "image: {depth: 3}"), "no parameter image.depth: did you mean image_depth?"),
    "dotted": (of("/**/emotion_node", "image.depth: 3"), "no parameter image.depth: did you mean image_depth?"),
    "no such node": (of("/**/emotions_node", "max_faces: 3"),
                     "mine.yaml:1: no node is named /**/emotions_node: did you mean /**/emotion_node?"),
    "strange node": (of("/nav", "max_faces: 3"), "no node is named /nav: there are"),
    "no ros__parameters": ("/**/emotion_node:\n  max_faces: 3\n", "mine.yaml:2: ros__parameters is missing between "
                           "/**/emotion_node and max_faces"),
    "misspelt ros__parameters": ("/**/emotion_node:\n  ros_parameters:\n    max_faces: 3\n", "did you mean ros__parameters?"),
    "no node": ("max_faces: 3\n", "max_faces stands below no node"),
    "ros__parameters alone": ("ros__parameters: {max_faces: 3}\n", "ros__parameters stands below no node"),
    "wrong type": (of("/**", "score_threshold: high"), "score_threshold must be a float, not 'high'"),
    "wrong type of one node": (of("/**/emotion_node", "max_faces: many"), "emotion_node: max_faces must be an int"),
    "wrong type by full name": (of("/fer/emotion_node", "align: 1"), "align must be a bool, not 1"),
    "wrong type, nested": ("fer: {emotion_node: {ros__parameters: {align: 'true'}}}",
                           "align must be a bool, not 'true': write it without quotes"),
    "number for text": (of("/**/camera_node", "frame_id: 1.5"), "put it in quotes"),
    "truth value for text": (of("/**/camera_node", "flip: no"), "flip must be a str, not False: put it in quotes"),
    "float for int": (of("/**/emotion_node", "max_faces: 3.0"), "max_faces must be an int, not 3.0: write 3"),
    "out of range": (of("/**/emotion_node", "max_faces: 0"), "max_faces must be from 1 to 1000, not 0"),
    "no choice": (of("/**/emotion_node", "provider: gpu"), "provider must be one of cpu"),
    "not finite": (of("/**/emotion_node", "time_constant: .nan"), "time_constant must be a finite number"),
    "list for a value": (of("/**/emotion_node", "max_faces: [3]"), "write the value alone, without brackets"),
    "list for parameters": ("/**/emotion_node: {ros__parameters: [1]}", "is not a list of `name: value`"),
    "list for a node": ("/**/emotion_node: [1]", "ros__parameters is missing|stands below no node"),
    "no value": (of("/**/emotion_node", "model:"), 'model has no value: leave it out, or write ""'),
    "null": (of("/**/camera_node", "camera_info_file: ~"), "camera_info_file has no value"),
    "no parameters": ("/**/emotion_node:\n  ros__parameters:\n", "ros__parameters of /**/emotion_node holds nothing"),
    "nothing below a node": ("/**/emotion_node:\n", "/**/emotion_node holds nothing"),
    "twice": (of("/**/emotion_node", "max_faces: 3\n    max_faces: 4"), "mine.yaml:4: max_faces is there already, in line 3"),
    "node twice": (of("/**/emotion_node", "max_faces: 3") * 2, "/**/emotion_node is there already, in line 1"),
    "alias": (of("/**/emotion_node", "max_faces: &a 3\n    cache_size: *a"),
              "line 4: .a stands for what is written elsewhere"),
    "tag": (of("/**/emotion_node", "max_faces: !!int '3'"), "the tag !!int is nothing that ROS reads"),
    "beside ros__parameters": ("/**/emotion_node: {ros__parameters: {max_faces: 3}, x: {y: 1}}", "and other things"),
    "rclpy's, wrong type": (of("/**", "use_sim_time: 1"), "use_sim_time must be a bool"),
    "no mapping": ("[1]", "is not a parameter file"),
    "one word": ("high", "is not a parameter file"),
    "empty": ("", "is empty"),
}


@pytest.mark.parametrize(("text", "reason"), WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
@pytest.mark.parametrize("prefix", ["", None], ids=["graph", "annotate"])
def test_what_has_no_effect_is_refused_with_what_may_have_been_meant(mine, text, reason, prefix):
    with pytest.raises(ValueError) as caught:
        check(mine(text), prefix)
    said = str(caught.value)
    assert any(part in said.replace("*a", ".a") for part in reason.split("|")), said
    assert "mine.yaml" in said
    assert "\n" not in said


@pytest.mark.parametrize(("pattern", "prefix", "meant"), [
    ("/emotion_node", "", "/fer/emotion_node"), ("emotion_node", "", "/fer/emotion_node"),
    ("/camera/emotion_node", "", "/fer/emotion_node"), ("/fer/emotion_node", "/robot1", "/robot1/fer/emotion_node"),
    ("/robot2/fer/emotion_node", "/robot1", "/robot1/fer/emotion_node"), ("/fer/emotion", "", "/fer/emotion_node"),
    ("/fer/camera_node", "", "/camera/camera_node"), ("/*/pipeline_node", "", "/pipeline_node"),
])
def test_a_section_in_a_wrong_namespace_is_refused_with_the_right_one(mine, pattern, prefix, meant):
    with pytest.raises(ValueError) as caught:
        check(mine(of(pattern, "enabled: true")), prefix)
    assert f"no node is named /{pattern.lstrip('/')}: did you mean {meant}?" in str(caught.value)


@pytest.mark.parametrize(("text", "prefix"), [
    (of("/**", "score_threshold: 0.7\n    max_faces: 3\n    use_sim_time: true"), ""),
    (of('"**/emotion_node"', "max_faces: 3"), ""), (of("/fer/*", "enabled: true"), ""),
    (of("/*/emotion_node", "align: off"), ""),
    (of("/robot/fer/emotion_node", "max_faces: 3"), "/robot"), (of("fer/emotion_node", "max_faces: 3"), ""),
    ("fer:\n  emotion_node: {ros__parameters: {max_faces: 3}}\n", ""),
    (of("/**/replay_node", "rate: 2") + of("/**/overlay_node", "bars: false"), ""),
    (of("/**/emotion_node", "qos_overrides: {/clock: {subscription: {depth: 3}}}"), ""),
    (of("/**/emotion_node", "start_type_description_service: false"), ""),
    (of("/pipeline_node", "cameras: left, right") + of("/left/camera/camera_node", "source: 1"), ""),
    ("# all of it is commented out\n", ""), (of("/**/emotion_node", "max_faces: !!str 3").replace("!!str ", ""), ""),
])
def test_what_has_an_effect_is_taken(mine, text, prefix):
    check(mine(text), prefix)


def test_the_shipped_file_is_taken_wherever_the_graph_is(share):
    for prefix in "", "/robot", None:
        content = check(share / "config" / "fer.yaml", prefix)
    assert {section.last for section in content.sections} == set(NODES)


@pytest.mark.parametrize(("written", "value"), [
    ("y", True), ("No", False), ("oN", "oN"), ("1e3", 1000.0), ("0x10", 16), ("010", 8), ("08", 8.0), ("+5", 5),
    ("1_000", "1_000"),
    ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), (".5", 0.5), ("5.", 5.0), ("'5'", "5"), ('"no"', "no"), ("!!str 5", "5"),
    ("9223372036854775807", 2**63 - 1), ("99999999999999999999", 1e20), ("1e400", "1e400"), (".inf", float("inf")),
    ("-0x1F", -31), ("0b1", "0b1"),
])
def test_a_value_is_what_ros_takes_it_for(mine, written, value):
    (section,) = ParameterFile.read(mine(of("/**/camera_node", f"source: {written}"))).sections
    assert section.entries[0].value == value
    assert type(section.entries[0].value) is type(value)


@pytest.mark.parametrize(("pattern", "name", "fits"), [
    ("/**", "/a/b/c", True), ("/*", "/a", True), ("/*", "/a/b", False), ("/**/c", "/c", True), ("/**/c", "/a/b/c", True),
    ("/*/c", "/a/c", True), ("/*/c", "/a/b/c", False), ("/a/**", "/a/b/c", True), ("/a/*", "/a/b/c", False),
    ("/c", "/a/c", False),
    ("/**/c", "/a/cc", False),
])
def test_wildcards_fit_as_in_ros(pattern, name, fits):
    assert Section(pattern, 1).fits(name) is fits


def test_values_get_the_types_of_their_parameters_because_ros_merges_by_type(mine):
    file = mine(of("/**/camera_node", "fps: 30\n    source: 0") + of("/**", "box_cutoff: 2\n    use_sim_time: true"))
    assert typed(file) == {"/**/camera_node": {"fps": 30.0, "source": "0"},
                           "/**": {"box_cutoff": 2.0, "use_sim_time": True}}
    assert type(typed(file)["/**"]["box_cutoff"]) is float


def test_many_faults_are_one_line_and_counted(mine):
    with pytest.raises(ValueError, match="and 4 more") as caught:
        check(mine(of("/**", "\n    ".join(f"nothing_{i}: 1" for i in range(9)))), "")
    assert "\n" not in str(caught.value)


def test_annotate_reads_as_the_graph_and_refuses_as_it_does(mine):
    found = parameters(PARAMS, [mine(of("/**/emotion_node", "time_constant: 1e-1\n    align: off"))])["emotion_node"]
    named = {type(one).__name__: one for one in found.values()}
    assert (named["SmoothingParams"].time_constant, named["AlignParams"].align) == (0.1, False)
    with pytest.raises(ValueError, match="did you mean confidence_threshold"):
        parameters(PARAMS, [mine(of("/**/emotion_node", "confidence_treshold: 0.9"))])
    with pytest.raises(ValueError, match="no parameter confidence_treshold: did you mean confidence_threshold"):
        parameters(PARAMS, [], {"confidence_treshold": 0.9})
    with pytest.raises(ValueError, match="no node emotion_nod: did you mean emotion_node"):
        parameters(PARAMS, [], {"emotion_nod.model": "x.onnx"})


# What a node says of its own files, which may hold other packages' nodes, too


EMOTION = {"/fer/emotion_node": "emotion_node"}


@pytest.mark.parametrize(("text", "said"), [
    (of("/**/emotions_node", "max_faces: 3"), "did you mean /**/emotion_node?"),
    (of("/emotion_node", "max_faces: 3"), "did you mean /fer/emotion_node?"),
    (of("/nav", "max_faces: 3"), ""), (of("/**/overlay_node", "bars: false"), ""), (of("/camera/*", "enabled: true"), ""),
    (of("/left/emotion_node", "max_faces: 3") + of("/fer/emotion_node", "max_faces: 3"), ""),
    (of("/**/emotion_node", "max_faces: 3\n    max_faces: 4"), "is there already"),
])
def test_a_node_tells_of_sections_that_look_meant_for_it(mine, text, said):
    told = unmatched([mine(text)], EMOTION)
    assert len(told) == bool(said)
    assert said in "".join(told)


@pytest.mark.parametrize(("text", "name", "said"), [
    (of("/**/emotion_node", "confidence_treshold: 1"), "confidence_treshold", "mine.yaml:3: emotion_node has no parameter"),
    (of("/**/emotion_node", "strange: 1"), "strange", "mine.yaml:3: emotion_node has no parameter strange"),
    (of("/**", "confidence_treshold: 1"), "confidence_treshold", "mine.yaml:3: no node has a parameter confidence_tre"),
    (of("/**", "robot_description: 1"), "robot_description", ""), (of("/**", "score_threshold: 1"), "score_threshold", ""),
    (of("/nav", "strange: 1"), "strange", "emotion_node has no parameter strange"),
])
def test_a_node_tells_of_parameters_that_it_does_not_have(mine, text, name, said):
    found = without_effect([mine(text)], name, "emotion_node", "/fer/emotion_node")
    assert said in found
    assert bool(said) == bool(found)


def test_a_graph_has_its_nodes_where_it_is():
    assert places("/r", ("left",))["/r/left/fer/emotion_node"] == "emotion_node"
    assert places()["/camera/camera_node"] == "camera_node"
    assert "use_sim_time" in parameters_of("camera_node")


def test_many_faults_are_counted_as_fast_as_they_are_read(tmp_path, monkeypatch):
    asked = []
    find = difflib.get_close_matches
    monkeypatch.setattr(params_file.difflib, "get_close_matches", lambda *values, **more: asked.append(values) or
                        find(*values, **more))
    path = tmp_path / "many.yaml"
    path.write_text("/**/emotion_node:\n  ros__parameters:\n" + "".join(f"    p{i}: 1\n" for i in range(5000)))
    with pytest.raises(ValueError, match=r"no parameter p0.*; and 4995 more$"):
        params_file.check(path, None)
    assert len(asked) <= 10


def test_a_name_with_control_codes_is_told_in_one_line(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text('/**/emotion_node:\n  ros__parameters:\n    "a\\e[2J\ufeff": 1\n')
    with pytest.raises(ValueError, match="emotion_node has no parameter a") as refused:
        params_file.check(path, None)
    assert str(refused.value).isprintable()
