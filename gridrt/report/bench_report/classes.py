"""AP of each class, for each model."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gridrt.formatting import format_count
from gridrt.report.bench_report.figure_tables import change_below
from gridrt.report.bench_report.look import Look
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.tables import Column, Line, folded, table
from gridrt.report.metrics import points


def by_class(looks: Sequence[Look]) -> Markup:
    """A table of classes by models, folded away; nothing where there is only one class, whose AP is the overall one."""
    measured = [look for look in looks if look.row.accuracy]
    names = list(dict.fromkeys(name for look in measured for name in _aps(look)))
    if len(names) < 2:
        return Markup()
    base = next((_aps(look) for look in measured if look.is_reference), {})
    columns = [Column("Class"), *(Column(look.name) for look in measured)]
    lines = [Line([name, *(_cell(look, name, base) for look in measured)]) for name in names]
    what = f"AP of each of the {format_count(len(names), 'class')}"
    return folded(what, table(f"{what}, points; below it, minus the reference's", columns, lines, kind="classes"))


def _aps(look: Look) -> dict[str, float | None]:
    accuracy = look.row.accuracy
    return {name: figures["ap"] for name, figures in accuracy.per_class.items()} if accuracy else {}


def _cell(look: Look, name: str, base: dict[str, float | None]) -> Markup:
    ap, theirs = _aps(look).get(name), base.get(name)
    figure = element("span", points(ap), class_="figure")
    if look.is_reference or ap is None or theirs is None:
        return figure
    return joined(figure, change_below(ap - theirs))
