# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The parameters of a graph that ran, as a file for the next one."""

from __future__ import annotations

import pytest

from fer_ros.parameters.graph_params import NODES, lasting_parameters_of, parameters_of
from fer_ros.parameters.params_file import check, typed
from fer_ros.parameters.saved import parameter_file, worth_keeping


def test_what_differs_from_the_defaults_is_kept_but_not_how_the_graph_was_started():
    kept = worth_keeping({
        "/fer/emotion_node": {"label_hold": 0.6, "align": True, "autostart": False, "silence_timeout": 90.0, "image_depth": 3},
        "/camera/camera_node": {"source": "rtsp://me:secret@cam/x", "flip": "both"},
        "/fer/web_node": {"host": "0.0.0.0", "port": 80, "web_control": False, "picture_width": 640},
        "/fer/stranger": {"label_hold": 0.6},
        "/fer/overlay_node": {},
    })
    assert kept == {"/fer/emotion_node": {"label_hold": 0.6}, "/camera/camera_node": {"flip": "both"},
                    "/fer/web_node": {"picture_width": 640}, "/fer/overlay_node": {}}


def test_a_value_that_this_version_does_not_allow_is_left_out_and_told():
    told: list[str] = []
    assert worth_keeping({"/fer/emotion_node": {"label_hold": 99.0}}, left_out=told.append) == {"/fer/emotion_node": {}}
    assert "label_hold" in told[0] and "99" in told[0] and "left out" in told[0]


@pytest.mark.parametrize("node", NODES)
def test_a_file_of_everything_is_accepted_and_says_the_same(tmp_path, node):
    values = {name: spec.default for name, spec in parameters_of(node).items()}
    place = f"/camera/{node}" if node in ("camera_node", "replay_node") else f"/fer/{node}"
    kept = worth_keeping({place: values}, everything=True)
    assert kept[place] == {name: values[name] for name in lasting_parameters_of(node)}
    file = tmp_path / "saved.yaml"
    file.write_text(parameter_file(kept), encoding="utf-8")
    check(file, "/robot")
    assert typed(file) == ({f"/**/{node}": kept[place]} if kept[place] else {})


def test_nodes_of_one_kind_are_told_apart_though_only_one_was_changed(tmp_path):
    file = tmp_path / "saved.yaml"
    file.write_text(parameter_file({"/left/fer/emotion_node": {"label_hold": 0.6}, "/right/fer/emotion_node": {},
                                    "/left/fer/overlay_node": {"enabled": False}}), encoding="utf-8")
    assert typed(file) == {"/left/fer/emotion_node": {"label_hold": 0.6}, "/**/overlay_node": {"enabled": False}}


@pytest.mark.parametrize("value", ["yes", "1e3", "", 'a "quoted" \\ text', "'", "# no comment", "- x", "gr\u00fc\u00dfe",
                                   "\U0001f600", " a ", "12:30", "null", "a\tb", "~", "x" * 5000])
def test_a_text_stays_what_it_is(tmp_path, value):
    file = tmp_path / "saved.yaml"
    file.write_text(parameter_file({"/fer/emotion_node": {"model": value}}), encoding="utf-8")
    assert typed(file) == {"/**/emotion_node": {"model": value}}


def test_a_file_of_defaults_says_so():
    assert "changes nothing" in parameter_file({"/fer/emotion_node": {}})
