"""AP of each class, for each artefact."""

from __future__ import annotations

from collections.abc import Sequence

from gridrt.formatting import format_count
from gridrt.report.bench_report.figures import change, is_loss
from gridrt.report.bench_report.look import Look
from gridrt.report.bench_report.markup import Html, element, joined
from gridrt.report.bench_report.tables import Column, Line, folded, table
from gridrt.report.metrics import points


def by_class(looks: Sequence[Look]) -> Html:
    """A table of classes by artefacts, folded away; nothing where there is but one class, whose AP is that of all."""
    measured = [look for look in looks if look.row.accuracy]
    names = list(dict.fromkeys(name for look in measured for name in _aps(look)))
    if len(names) < 2:
        return Html()
    base = next((_aps(look) for look in measured if look.is_reference), {})
    columns = [Column("Class"), *(Column(look.name) for look in measured)]
    lines = [Line([name, *(_cell(look, name, base) for look in measured)]) for name in names]
    what = f"AP of each of the {format_count(len(names), 'class')}"
    return folded(what, table(f"{what}, points; below it, less the reference's", columns, lines, kind="classes"))


def _aps(look: Look) -> dict[str, float | None]:
    accuracy = look.row.accuracy
    return {name: figures["ap"] for name, figures in accuracy.per_class.items()} if accuracy else {}


def _cell(look: Look, name: str, base: dict[str, float | None]) -> Html:
    ap, theirs = _aps(look).get(name), base.get(name)
    figure = element("span", points(ap), class_="figure")
    if look.is_reference or ap is None or theirs is None:
        return figure
    delta = ap - theirs
    return joined(figure, element("small", change(delta), class_="delta loss" if is_loss(delta) else "delta"))
