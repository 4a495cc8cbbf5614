# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What someone who sets a parameter relies on."""

import array
import dataclasses
import importlib
import inspect
import math
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import fer_ros.drawing
import fer_ros.media
import fer_ros.models
import fer_ros.parameters
import fer_ros.perception
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.params import build, by_name, param, specs, takes


@dataclasses.dataclass(frozen=True)
class Group:
    rate: float = param(10.0, "How often.", unit="Hz", range=(0.5, 100.0))
    count: int = param(3, "How many.", range=(0, 10), live=False)
    name: str = param("a", "Which.")
    mode: str = param("x", "How.", choices=("x", "y"))
    on: bool = param(True, "Whether.")


def test_what_is_not_named_takes_its_default():
    assert build(Group, {}) == Group()
    assert build(Group, {"count": 7, "somebody_elses": 1}) == Group(count=7)


def test_a_whole_number_is_taken_for_a_float_and_for_a_name():
    group = build(Group, {"rate": 30, "name": 0})
    assert (group.rate, group.name) == (30.0, "0")
    assert type(group.rate) is float


@pytest.mark.parametrize(
    ("name", "value"), [("rate", 0.5), ("rate", 100.0), ("count", 0), ("count", 10), ("mode", "y")]
)
def test_the_ends_of_a_range_and_every_choice_are_allowed(name, value):
    assert getattr(build(Group, {name: value}), name) == value


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("rate", 0.49, "from 0.5 to 100 Hz"),
    ("rate", math.nan, "finite"),
    ("rate", math.inf, "finite"),
    ("rate", "30", "float"),
    ("rate", True, "float"),
    ("count", 11, "from 0 to 10"),
    ("count", 3.0, "int"),
    ("count", True, "int"),
    ("name", False, "str"),
    ("name", None, "str"),
    ("mode", "z", "one of x, y"),
    ("on", 1, "bool"),
    ("on", "true", "bool"),
])
def test_a_bad_value_is_refused_with_what_is_right(name, value, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        build(Group, {name: value})
    assert name in str(caught.value)


def test_values_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="width and height go together"):
        build(SourceParams, {"width": 640})
    with pytest.raises(ValueError, match="width and height go together"):
        build(SourceParams, {"height": 480})
    assert build(SourceParams, {"width": 640, "height": 480}).width == 640


def test_an_instance_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Group().rate = 1.0


def parameter_classes() -> list[type]:
    rooms = (fer_ros.perception, fer_ros.media, fer_ros.drawing, fer_ros.parameters, fer_ros.models)
    modules = [importlib.import_module(f"{room.__name__}.{m.name}") for room in rooms
               for m in pkgutil.iter_modules(room.__path__)]
    return [
        value for module in modules for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
        and any("description" in field.metadata for field in dataclasses.fields(value))
    ]


@pytest.mark.parametrize("group", parameter_classes(), ids=lambda group: group.__name__)
def test_every_parameter_describes_itself_and_its_default_is_allowed(group):
    for spec in specs(group):
        assert re.match(r"[A-Z].*\.$", spec.description, re.DOTALL), spec.name
        assert spec.check(spec.default) == spec.default
        assert spec.type in (bool, int, float, str)
        if spec.type in (int, float):
            assert spec.range is not None, f"{spec.name} has no range"
    assert build(group, {}) == group()


# By name


def test_keyword_arguments_fill_the_classes_that_have_them():
    assert by_name((Group,), {"count": 7, "on": False}) == {Group: Group(count=7, on=False)}
    assert by_name((Group,), {}) == {Group: Group()}


def test_numbers_of_numpy_and_paths_are_understood(tmp_path, monkeypatch):
    values = {"rate": np.float64(3), "count": np.int32(4), "on": np.bool_(False)}
    assert by_name((Group,), values)[Group] == Group(rate=3.0, count=4, on=False)
    monkeypatch.chdir(tmp_path)
    assert by_name((Group,), {"name": Path("mine.onnx")})[Group].name == str(tmp_path / "mine.onnx")


@pytest.mark.parametrize(("name", "text"), [
    ("cuont", r": did you mean count\?$"), ("xyz", "; there are count, mode, name, on, rate$"),
])
def test_an_unknown_name_is_answered_with_the_nearest(name, text):
    for kind in (TypeError, ValueError):  # of an argument that there is not, as of a value that is not allowed
        with pytest.raises(kind, match=f"^there is no parameter {name}") as raised:
            by_name((Group,), {name: 1})
        assert re.search(text, str(raised.value))


def test_what_takes_parameters_says_so():
    @takes({spec.name: spec for spec in specs(Group)})
    class Stage:
        """Does something."""

        def __init__(self, **parameters):
            """Begin."""

    @takes({"rate": specs(Group)[0]})
    def work(what: str, *, much: bool = False, **parameters) -> None:
        """Do it."""

    assert [(name, one.default) for name, one in inspect.signature(Stage).parameters.items()] == [
        (spec.name, spec.default) for spec in specs(Group)]
    assert list(inspect.signature(work).parameters) == ["what", "much", "rate"]
    assert Stage.__doc__.startswith("Does something.\n\nParameters:\n    rate (float, 10.0): How often. From 0.5 to 100 Hz.\n")
    assert "mode (str, 'x'): How. One of x, y." in Stage.__doc__
    assert "rate (float, 10.0): How often." in work.__doc__


def test_a_list_is_refused_as_its_user_wrote_it():
    (spec, *_) = specs(Group)
    with pytest.raises(ValueError, match=r"not \[1, 2\]$"):
        spec.check(array.array("q", [1, 2]))
