from __future__ import annotations

import re

import numpy as np
import pytest

from gridrt.report.bench_report.page import STYLE

TEXT, SHAPE = 4.5, 3.0  # contrasts that WCAG asks of text and of what a drawing needs
SERIES = (*(f"s{index}" for index in range(12)), *(f"t{index}" for index in range(11)))  # of models, of stages


def themes() -> dict[str, dict[str, str]]:
    """The colours by their names."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def luminance(color: str) -> float:
    encoded = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


PAIRS = [
    *((text, ground, TEXT) for text in ("ink", "soft", "accent", "bad") for ground in ("paper", "ground", "head")),
    ("good", "good-ground", TEXT),
    ("bad", "bad-ground", TEXT),
    ("warn", "warn-ground", TEXT),
    *(("inside", color, TEXT) for color in SERIES),
    *((color, "paper", SHAPE) for color in SERIES),
]


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(("one", "other", "least"), PAIRS)
def test_text_and_marks_have_enough_contrast(theme: str, one: str, other: str, least: float) -> None:
    colors = themes()[theme]

    assert contrast(colors[one], colors[other]) >= least


def test_every_theme_has_every_colour() -> None:
    assert len({frozenset(colors) for colors in themes().values()}) == 1


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_stages_models_and_outcomes_share_no_colour(theme: str) -> None:
    colors = [color for name, color in themes()[theme].items() if re.fullmatch(r"[st]\d+|good|bad|warn", name)]

    assert len(set(colors)) == len(colors) == 12 + 11 + 3
