from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.calib.recipe import PRECISIONS, Recipe, RecipeError, Rule, load_recipe, recipe_text, shipped_recipes
from gridrt.runtime.info import Precision

SOUND = """\
name = "own"
description = "What I like."

[[rules]]
nodes = "backbone*"
precision = "int8"
reason = "fast"

[[rules]]
nodes = "backbone.conv1*"
precision = "fp16"
reason = "pixels"
"""

# What TOML can hold: no surrogates. A recipe's texts are not blank.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip())
RULES = st.builds(Rule, nodes=TEXTS, precision=st.sampled_from(PRECISIONS), reason=TEXTS)


def loaded(text: str, folder: Path) -> Recipe:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_a_file_is_read_rule_by_rule_in_its_order(tmp_path: Path) -> None:
    assert loaded(SOUND, tmp_path) == Recipe(
        "own",
        "What I like.",
        (Rule("backbone*", "int8", "fast"), Rule("backbone.conv1*", "fp16", "pixels")),
        str(tmp_path / "recipe.toml"),
    )


@given(st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True), TEXTS, st.lists(RULES, min_size=1, max_size=4))
def test_a_recipe_written_and_read_back_is_the_same(name: str, description: str, rules: list[Rule]) -> None:
    with TemporaryDirectory() as folder:
        place = str(Path(folder, "recipe.toml"))
        recipe = Recipe(name, description, tuple(rules), place)

        assert loaded(recipe_text(recipe), Path(folder)) == recipe


@pytest.mark.parametrize("text", ["delete \x7f", "tab\tline\nreturn\r", 'quote " \\ slash', "emoji 🙂", "line\u2028"])
def test_characters_that_toml_is_particular_about_survive(tmp_path: Path, text: str) -> None:
    recipe = Recipe("own", text, (Rule("*", "fp16", text),), str(tmp_path / "recipe.toml"))

    assert loaded(recipe_text(recipe), tmp_path) == recipe


@pytest.mark.parametrize(
    ("name", "precisions"),
    [
        ("fp16", {"fp16", "fp32"}),
        ("int8", {"int8", "fp16", "fp32"}),
        ("mixed", {"int8", "fp16", "fp32"}),
    ],
)
def test_the_shipped_recipes_load_by_name_and_give_reasons(name: str, precisions: set[Precision]) -> None:
    recipe = load_recipe(name)

    assert name in shipped_recipes()
    assert recipe.name == name
    assert {rule.precision for rule in recipe.rules} == precisions
    assert recipe.quantizes == ("int8" in precisions)


def test_these_are_all_that_ship() -> None:
    assert shipped_recipes() == ["fp16", "int8", "mixed"]


@pytest.mark.parametrize("name", ["int9", "", "nowhere.toml", "recipes"])
def test_what_is_neither_a_name_nor_a_file_is_refused_with_the_names(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()

    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    assert (caught.value.place, caught.value.value) == ("`recipe`", name)
    assert all(recipe in caught.value.rule for recipe in ("fp16", "int8", "mixed"))


RULE = '[[rules]]\nnodes = "a*"\nprecision = "fp16"\nreason = "r"\n'
HEAD = 'name = "own"\ndescription = "d"\n'

MISTAKES = {
    "no rules": (HEAD, "", "no rules"),
    "an empty list of rules": (HEAD + "rules = []\n", "", None),
    "rules that are no list": (HEAD + "rules = 3\n", "", None),
    "rules that are no tables": (HEAD + "rules = [1]\n", ": rules[0]", 1),
    "no name": ('description = "d"\n' + RULE, "", "no name"),
    "an unknown key": (HEAD + 'nmae = "x"\n' + RULE, "", "unknown nmae"),
    "a wrong key in a rule": (
        HEAD + RULE + RULE.replace("nodes", "node"),
        ": rules[1]",
        "no nodes; unknown node",
    ),
    "a missing reason": (HEAD + '[[rules]]\nnodes = "a"\nprecision = "fp16"\n', ": rules[0]", "no reason"),
    "a wrong precision": (HEAD + RULE.replace("fp16", "fp8"), ": rules[0].precision", "'fp8'"),
    "a number as pattern": (HEAD + RULE.replace('"a*"', "7"), ": rules[0].nodes", 7),
    "a blank pattern": (HEAD + RULE.replace('"a*"', '" "'), ": rules[0].nodes", "' '"),
    "a name that is no file name": (HEAD.replace("own", "../own") + RULE, ": name", "'../own'"),
    "a name with a folder": (HEAD.replace("own", "own/other") + RULE, ": name", "'own/other'"),
    "a name that is a number": (HEAD.replace('"own"', "3") + RULE, ": name", 3),
}


@pytest.mark.parametrize(("text", "entry", "found"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, entry: str, found: object) -> None:
    with pytest.raises(RecipeError) as caught:
        loaded(text, tmp_path)

    assert (caught.value.place, str(caught.value.value)) == (f"{tmp_path / 'recipe.toml'}{entry}", str(found))


def test_what_is_not_toml_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        loaded("name = ", tmp_path)

    assert caught.value.place == tmp_path / "recipe.toml"
    assert isinstance(caught.value.value, ValueError)


def test_bytes_that_are_no_text_are_a_recipe_error(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b'name = "\xff"')

    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "recipe.toml")
    assert caught.value.place == tmp_path / "recipe.toml"
    assert isinstance(caught.value.value, UnicodeDecodeError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_recipe_error(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").touch(mode=0)

    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "recipe.toml")
    assert caught.value.place == tmp_path / "recipe.toml"
    assert isinstance(caught.value.value, PermissionError)
