"""Seeded damage: bytes that are flipped, cut off or repeated, and values of JSON, TOML and ONNX that are exchanged."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import onnx

Mutation = Callable[[bytes, random.Random], bytes]

# What a field may hold in place of what belongs there; texts are written as JSON writes them.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 0.5, 1e308, 10**400, 2**63, float("nan"), float("inf"), "", "x" * 1000, "a\nb", "\ud800",
    "\x1b[2J", [], {}, [[]], [1, "2"], {"a": {"b": []}},
)  # fmt: skip


def flip(content: bytes, random_: random.Random) -> bytes:
    """One to four bytes are others, anywhere or near an end of the file, where many formats keep their structure."""
    damaged = bytearray(content)
    for _ in range(random_.randint(1, 4)):
        near = int(len(damaged) ** random_.random()) - 1
        place = random_.choice([near, -1 - near, random_.randrange(len(damaged)), random_.randrange(len(damaged))])
        damaged[place] ^= random_.randint(1, 255)
    return bytes(damaged)


def cut(content: bytes, random_: random.Random) -> bytes:
    """The end is missing."""
    return content[: random_.randrange(len(content))]


def repeat(content: bytes, random_: random.Random) -> bytes:
    """A piece is there twice."""
    start = random_.randrange(len(content))
    end = min(len(content), start + random_.randint(1, 64))
    return content[:end] + content[start:]


def change_json(content: bytes, random_: random.Random) -> bytes:
    """One value, anywhere in the tree, is another, or is missing."""
    tree = json.loads(content)
    places = list(_places(tree))
    parent, key = random_.choice(places)
    if random_.random() < 0.2:
        del parent[key]
    else:
        parent[key] = random_.choice(VALUES)
    return json.dumps(tree).encode()


def change_json_lines(content: bytes, random_: random.Random) -> bytes:
    """One line of JSON is changed as `change_json` does."""
    lines = content.splitlines()
    index = random_.randrange(len(lines))
    lines[index] = change_json(lines[index], random_)
    return b"\n".join(lines) + b"\n"


def _places(tree: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """All (container, key) of a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(items):
        yield tree, key
        yield from _places(value)


def change_toml(content: bytes, random_: random.Random) -> bytes:
    """The value of one line is another, or the line is missing or there twice."""
    lines = content.decode().splitlines()
    index = random_.choice([number for number, line in enumerate(lines) if line])
    values = ('""', "[]", "{}", "1e400", "9" * 5000, "[" * 3000, '"\\u001b"', "nan", "true", "1979-05-27")
    name = lines[index].partition("=")[0]
    lines[index] = random_.choice(["", f"{lines[index]}\n{lines[index]}", f"{name}= {random_.choice(values)}"])
    return "\n".join(lines).encode()


def change_onnx(content: bytes, random_: random.Random) -> bytes:
    """One field of the graph is another: a shape, a type, a name, an edge, an attribute or an entry of the metadata."""
    model = onnx.load_model_from_string(content)
    graph = model.graph
    node, weight = random_.choice(graph.node), random_.choice(graph.initializer)
    entry, value = random_.choice(model.metadata_props), random_.choice([*graph.input, *graph.output])
    changes: list[Callable[[], object]] = [
        lambda: setattr(weight, "data_type", random_.choice([0, 1, 7, 10, 16, 99])),
        lambda: weight.dims.append(random_.choice([0, 3, 2**40])),
        lambda: setattr(weight, "raw_data", weight.raw_data[:-1]),
        lambda: setattr(weight, "name", "other"),
        lambda: setattr(node, "op_type", random_.choice(["Relu", "NoSuchOp", ""])),
        lambda: node.input.append(random_.choice(["", "boxes", "nowhere"])),
        lambda: node.ClearField("output"),
        lambda: node.attribute.append(onnx.helper.make_attribute("alpha", float("nan"))),
        lambda: setattr(entry, "value", json.dumps(random_.choice(VALUES))),
        lambda: setattr(value.type.tensor_type, "elem_type", random_.choice([0, 1, 2, 99])),
        lambda: setattr(model, "ir_version", random_.choice([0, 3, 2**40])),
        lambda: setattr(model.opset_import[0], "version", random_.choice([0, 1, 99])),
    ]
    random_.choice(changes)()
    return bytes(model.SerializeToString())
