"""Recipes: which nodes run in which precision, and why, as data.

A recipe is a TOML file:

    name = "int8"                     # goes into the names of files: r50.int8.onnx
    description = "..."

    [[rules]]
    nodes = "backbone*"               # a pattern over the names of nodes: *, ?, [...]
    precision = "int8"                # fp32, fp16 or int8
    reason = "..."

The last rule that matches a node decides; a node that none matches stays in FP32.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrt.errors import GridRTError
from gridrt.limits import MOST_KEY_PARTS, MOST_RECIPE_BYTES
from gridrt.runtime.info import Precision

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED_FOLDER = Path(__file__).parent / "recipes"
RECIPE_SUFFIX = ".toml"
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
"""That a rule can plan."""
_KEYS, _RULE_KEYS = {"name", "description", "rules"}, {"nodes", "precision", "reason"}
_LONG_KEY = re.compile(rf"""(?:\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*){{{MOST_KEY_PARTS}}}""")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class RecipeError(GridRTError):
    """A recipe that cannot be read, or that does not fit the graph."""


@dataclass(frozen=True)
class Rule:
    """One rule of a recipe.

    Attributes:
        nodes: pattern over the names of nodes.
        precision: of those nodes.
        reason: why, for people.
    """

    nodes: str
    precision: Precision
    reason: str


@dataclass(frozen=True)
class Recipe:
    """Which nodes run in which precision.

    Attributes:
        name: as it goes into the names of files.
        description: for people.
        rules: in order; the last one that matches a node decides.
        place: the file it comes from, for errors.
    """

    name: str
    description: str
    rules: tuple[Rule, ...]
    place: str

    @property
    def quantizes(self) -> bool:
        """Whether any rule plans INT8, which needs ranges."""
        return any(rule.precision == "int8" for rule in self.rules)


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with GridRT."""
    return sorted(path.stem for path in SHIPPED_FOLDER.glob(f"*{RECIPE_SUFFIX}"))


def load_recipe(name_or_file: str | Path) -> Recipe:
    """A recipe that ships, by its name, or a file.

    Raises:
        RecipeError: there is no such recipe, or it is not of the form that this module describes.
    """
    name = str(name_or_file)
    path = SHIPPED_FOLDER / f"{name}{RECIPE_SUFFIX}" if name in shipped_recipes() else Path(name)
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises on a name too long
        raise RecipeError(
            f"a recipe must be one of {', '.join(shipped_recipes())}, or a TOML file", place="`recipe`", value=name
        )
    try:
        return _recipe(_parsed(path), str(path))
    except (OSError, ValueError, RecursionError) as error:  # of the encoding, of TOML, of a number of many digits
        raise RecipeError("cannot read the recipe as TOML", place=path, value=error) from error


def _parsed(path: Path) -> Mapping[str, Any]:
    """The table in a file; raises ValueError where it is no TOML, or claims too much of the parser's memory."""
    if path.stat().st_size > MOST_RECIPE_BYTES:
        raise ValueError(f"{path.stat().st_size} bytes, more than {MOST_RECIPE_BYTES}")
    text = path.read_bytes().decode()
    if _LONG_KEY.search(text):
        raise ValueError(f"a key of more than {MOST_KEY_PARTS} parts")
    table: Mapping[str, Any] = tomllib.loads(text)
    return table


def recipe_text(recipe: Recipe) -> str:
    """The text of a recipe file; read back, it gives the same rules."""
    lines = [f"name = {_text(recipe.name)}", f"description = {_text(recipe.description)}"]
    for rule in recipe.rules:
        lines += ["", "[[rules]]", f"nodes = {_text(rule.nodes)}"]
        lines += [f"precision = {_text(rule.precision)}", f"reason = {_text(rule.reason)}"]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A TOML basic string: of JSON's, all escapes are TOML's too, which wants one more."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _recipe(content: Mapping[str, Any], place: str) -> Recipe:
    _check_keys(content, _KEYS, place)
    name, rules = _string(content, "name", f"{place}: "), content["rules"]
    if not _NAME.fullmatch(name):
        raise RecipeError("the name must consist of letters, digits, - and _", place=f"{place}: name", value=repr(name))
    if not isinstance(rules, list) or not rules:
        raise RecipeError("a recipe must have at least one [[rules]]", place=place)
    description = _string(content, "description", f"{place}: ")
    return Recipe(name, description, tuple(_rule(rule, f"{place}: rules[{i}]") for i, rule in enumerate(rules)), place)


def _rule(content: object, place: str) -> Rule:
    if not isinstance(content, dict):
        raise RecipeError("a rule must be a table", place=place, value=repr(content))
    _check_keys(content, _RULE_KEYS, place)
    name = _string(content, "precision", f"{place}.")
    for precision in PRECISIONS:
        if name == precision:
            return Rule(_string(content, "nodes", f"{place}."), precision, _string(content, "reason", f"{place}."))
    known = ", ".join(PRECISIONS)
    raise RecipeError(f"a precision must be one of {known}", place=f"{place}.precision", value=repr(name))


def _check_keys(content: Mapping[str, Any], expected: set[str], place: str) -> None:
    if content.keys() != expected:
        missing, unknown = sorted(expected - content.keys()), sorted(content.keys() - expected)
        found = [f"{kind} {', '.join(names)}" for kind, names in (("no", missing), ("unknown", unknown)) if names]
        raise RecipeError(f"the keys must be {', '.join(sorted(expected))}", place=place, value="; ".join(found))


def _string(content: Mapping[str, Any], key: str, prefix: str) -> str:
    value = content[key]
    if not isinstance(value, str) or not value.strip():
        raise RecipeError("must be a non-empty string", place=f"{prefix}{key}", value=repr(value))
    return value
