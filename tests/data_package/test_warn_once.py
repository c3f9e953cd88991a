from __future__ import annotations

import warnings

from gridrt.data.warn_once import warn_once


def test_a_warning_is_given_once_even_where_warnings_forget_it() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for message in ("the first", "the second", "the first"):
            warn_once(message)

    assert [str(warning.message) for warning in caught] == ["the first", "the second"]
