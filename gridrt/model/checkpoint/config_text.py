"""Python config files of mmdetection as data: parsed, never run.

Literals, `dict(...)` and variables with such values are read. Everything else, such as a call or arithmetic, is
`UNKNOWN`, and so is every variable that a statement other than a plain assignment touches.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gridrt.limits import MOST_CONFIG_CHARACTERS, MOST_CONFIG_VALUES


class _Unknown:
    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown()
"""The value of an expression that cannot be read without running it."""

_FILE_NAME = re.compile(r"^\S+\.py\s*$", re.MULTILINE)


def read_config(text: str) -> dict[str, Any]:
    """The variables of a config, by name.

    mmcv stores a config as the texts of its files one after the other, base files first, each below its file name. In
    such a text (it assigns `_base_`) a later dict updates an earlier one of the same name, as mmcv does it.

    Raises:
        ValueError: the text is not Python, nests too deeply, or is longer than any config.
    """
    if len(text) > MOST_CONFIG_CHARACTERS:
        raise ValueError(f"{len(text)} characters, more than {MOST_CONFIG_CHARACTERS}")
    try:
        statements = ast.parse(_FILE_NAME.sub("", text)).body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{type(error).__name__} {error}".strip()) from error
    variables: dict[str, Any] = {}
    inherits = any(isinstance(node, ast.Name) and node.id == "_base_" for each in statements for node in ast.walk(each))
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                value = _value(expression, variables)
                value = _merged(variables.get(name), value) if inherits else value
                variables[name] = value if _count(value, {}) <= MOST_CONFIG_VALUES else UNKNOWN
            case ast.Expr(value=ast.Constant()):  # a docstring
                pass
            case _:
                touched = [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
                variables |= dict.fromkeys(touched, UNKNOWN)
    return variables


def _count(value: Any, known: dict[int, int]) -> int:  # noqa: ANN401 - any literal
    """How many values there are in a value; one that is there several times is counted as often, but walked once."""
    if not isinstance(value, (dict, list, tuple)):
        return 1
    if id(value) not in known:
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(value)]


def _value(node: ast.expr, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401, PLR0911 - any literal
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return variables.get(name, UNKNOWN)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Tuple(elts=elements):
            return tuple(_value(element, variables) for element in elements)
        case ast.List(elts=elements):
            return [_value(element, variables) for element in elements]
        case ast.BinOp(left=ast.List(elts=[element]), op=ast.Mult(), right=ast.Constant(value=4)):  # [0.0] * 4
            return [_value(element, variables)] * 4
        case ast.Dict(keys=keys, values=values):
            names = [None if key is None else _value(key, variables) for key in keys]
            return _dict(names, values, variables)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return _dict([each.arg for each in keywords], [each.value for each in keywords], variables)
    return UNKNOWN


def _dict(keys: Sequence[Any], expressions: Sequence[ast.expr], variables: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """A dict of expressions; the key None stands for `**expression`."""
    read: dict[str, Any] = {}
    for key, expression in zip(keys, expressions, strict=True):
        value = _value(expression, variables)
        if key is None and isinstance(value, dict):
            read |= value
        elif isinstance(key, str):
            read[key] = value
        else:
            return UNKNOWN
    return read


def _merged(old: Any, new: Any) -> Any:  # noqa: ANN401 - any literal
    """What a child config makes of a base config's value."""
    if not (isinstance(old, dict) and isinstance(new, dict)) or new.get("_delete_") is True:
        return new
    return old | {key: _merged(old.get(key), value) for key, value in new.items()}
