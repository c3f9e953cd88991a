"""Attributes come out of a plugin field as they went in."""

from __future__ import annotations

from typing import Any

import pytest

from gridrt.plugins.adapters import plugin_fields
from gridrt.plugins.adapters.plugin_fields import field_of, numbers_in_memory, value_in
from gridrt.plugins.contract import Attribute
from tests.fake_tensorrt import PluginField, fake_tensorrt

ATTRIBUTES: list[tuple[Attribute, Any]] = [
    (Attribute("max_output", "int"), 1000),
    (Attribute("score_threshold", "float"), -1.0),
    (Attribute("strides", "ints"), [4, 8, 16, 32]),
]


@pytest.mark.parametrize(("attribute", "value"), ATTRIBUTES)
def test_a_value_is_of_the_kind_that_the_contract_states(attribute: Attribute, value: object) -> None:
    trt = fake_tensorrt()
    read = value_in(trt, attribute, field_of(trt, attribute, value))
    assert read == value
    assert type(read) is type(value)


def test_a_list_is_read_from_memory_where_the_bindings_repeat_its_first_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PluginField, "broken", True)
    monkeypatch.setattr(plugin_fields, "numbers_in_memory", lambda _constant, _field: [4, 8, 16, 32])
    trt, attribute = fake_tensorrt(), Attribute("strides", "ints")
    field = field_of(trt, attribute, (4, 8, 16, 32))
    assert list(field.data) == [4, 4, 4, 4]
    assert value_in(trt, attribute, field) == [4, 8, 16, 32]


@pytest.mark.parametrize(("attribute", "value"), ATTRIBUTES)
def test_what_lies_in_memory_is_what_was_put_in(tensorrt_rtx: Any, attribute: Attribute, value: Any) -> None:  # noqa: ANN401 - a module and any number
    field = field_of(tensorrt_rtx, attribute, value)
    assert numbers_in_memory(attribute, field) == (value if isinstance(value, list) else [value])
    assert value_in(tensorrt_rtx, attribute, field) == value
