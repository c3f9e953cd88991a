from __future__ import annotations

import pytest

from gridrt.runtime.info import ModelInfo, same_weights, weights_note


def info(**noted: str) -> ModelInfo:
    return ModelInfo(("cat",), None, "Toy", "fp32", "toy", **noted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "files", "same"),
    [
        ({"weights_sha256": "w"}, {"weights_sha256": "w"}, ("a", "b"), True),
        ({"weights_sha256": "w"}, {"weights_sha256": "v"}, ("a", "b"), False),
        ({"weights_sha256": "w"}, {}, ("a", "b"), None),
        ({}, {}, ("a", "b"), None),
        ({}, {}, (None, None), None),
        ({}, {}, ("a", "a"), True),
        # A graph of an older version notes the hash of its checkpoint's file.
        ({"weights_sha256": "w"}, {"weights_sha256": "a"}, ("a", "b"), True),
        ({}, {"parent_sha256": "a"}, ("a", "b"), True),
        ({"weights_sha256": "w"}, {"weights_sha256": "v", "parent_sha256": "c"}, ("a", "b"), False),
    ],
)
def test_weights_are_the_same_different_or_not_known(
    first: dict[str, str],
    second: dict[str, str],
    files: tuple[str | None, str | None],
    same: bool | None,  # noqa: FBT001
) -> None:
    one, other = info(**first), info(**second)

    assert same_weights(one, files[0], other, files[1]) is same
    assert same_weights(other, files[1], one, files[0]) is same


def test_a_note_on_other_weights_names_both_and_says_whether_that_is_known() -> None:
    one, other, unknown = info(weights_sha256="ab" * 32), info(weights_sha256="cd" * 32), info()

    assert weights_note(one, "a", one, "b", "B") == ""
    assert weights_note(one, "a", other, "b", "B") == "made from other weights (abababababab) than B (cdcdcdcdcdcd)"
    assert weights_note(unknown, "a", one, "b", "B").startswith("may be made from other weights (not noted) than B (")
