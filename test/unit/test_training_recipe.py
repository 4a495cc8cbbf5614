# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A recipe is read whole or refused with what is wrong in it."""

from __future__ import annotations

import pytest

from fer_ros.training.recipe import Recipe, RecipeError, from_values, names, read, to_yaml


def test_the_shipped_recipes_can_be_read():
    assert {"notebook", "small", "teacher", "distilled"} <= set(names())
    for name in names():
        assert read(name).description


def test_the_notebooks_recipe_is_the_notebooks():
    recipe = read("notebook")
    assert (recipe.architecture, recipe.optimizer, recipe.learning_rate) == ("notebook", "adam", 1e-4)
    assert (recipe.batch, recipe.epochs, recipe.targets) == (64, 60, "fer2013")


def test_values_can_be_changed_and_are_stored_with_the_run(tmp_path):
    recipe = read("small", ["epochs=3", "learning_rate=2e-3", "mirror=false"])
    assert (recipe.epochs, recipe.learning_rate, recipe.mirror) == (3, 0.002, False)
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
    assert read(str(tmp_path / "recipe.yaml")) == recipe


@pytest.mark.parametrize(("changes", "problem"), [
    (["epochs"], "'epochs' is not NAME=VALUE"), (["epochs=0"], "epochs must be from 1"),
    (["epoch=3"], "has no 'epoch'; it has .*epochs"), (["optimizer=adamm"], "one of adam, adamw, sgd"),
    (["epochs=many"], "--set epochs=many: epochs must be an int"), (["learning_rate=[1"], "not NAME=VALUE"),
    (["learning_rate=nan"], "finite"), (["targets=ferplus", "distillation=1"], "targets must be both"),
])
def test_a_wrong_change_is_named(changes, problem):
    with pytest.raises(RecipeError, match=problem):
        read("small", changes)


@pytest.mark.parametrize("content", ["", "- a\n", "epochs: [", "\xff"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path, content):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(RecipeError, match=r"mine\.yaml"):
        read(str(path))


@pytest.mark.parametrize(("content", "problem"), [
    ("epochs: 2\nbatch: 8\nepochs: 3\n", "line 3: epochs is there already"),
    ("sets:\n  mine: {}\n  mine: {path: other}\n", "line 3: mine is there already"),
    ("sets:\n  mine: {margin: 0.1, cap: 3, margin: 0.2}\n", "line 2: margin is there already"),
])
def test_a_name_that_stands_twice_is_refused(tmp_path, content, problem):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(RecipeError, match=problem):
        read(str(path))


def test_a_recipe_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(RecipeError, match=r"no recipe large: .*notebook, small"):
        read("large")


def test_numbers_are_read_as_people_write_them():
    recipe = from_values({"learning_rate": "1e-3", "epochs": "1e3", "clip": 1}, "here")
    assert recipe == Recipe(learning_rate=0.001, epochs=1000, clip=1.0)
