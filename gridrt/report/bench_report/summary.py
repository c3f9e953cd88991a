"""What most readers want to know: the result in one line, and a sentence for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gridrt.bench.result import SESSION, BenchResult, GateResult, Row
from gridrt.formatting import format_count
from gridrt.report.bench_report.figures import change, milliseconds, size, size_in_words, speed_in_words
from gridrt.report.bench_report.look import Look, file_name, looks_of
from gridrt.report.bench_report.markup import TEMPLATES, render
from gridrt.report.bench_report.tables import Column, Line, table
from gridrt.report.metrics import points


@dataclass(frozen=True)
class Card:
    """What the summary says of a row.

    Attributes:
        look: of the row.
        name: of the row.
        answer: the row in one sentence.
        warning: why it cannot be compared with the reference; empty where it can.
        verdict: of its gates; empty where none was asked for.
        is_good: whether `verdict` is.
    """

    look: Look
    name: Markup
    answer: str
    warning: str
    verdict: str
    is_good: bool


def summary(result: BenchResult) -> Markup:
    """The verdict, the headline, the warnings, a card for each row, and the gates."""
    return render(
        "summary.html",
        cards=_cards(result),
        complete=result.complete,
        failed_images=f"{len(result.failed)} of {format_count(result.conditions['images'], 'image')}"
        if result.failed
        else "",
        gates=gates_table(result),
        gates_in_words=_gates_in_words(result.gates),
        headline=headline(result),
        missed=sum(not gate.met for gate in result.gates),
        warnings=[(look.name, warning) for look in looks_of(result) for warning in look.row.warnings],
    )


def headline(result: BenchResult) -> str:
    """The whole bench in one line."""
    others = sum(row.name != result.reference for row in result.rows)
    failed = sum(bool(row.failure) for row in result.rows)
    warnings = sum(len(row.warnings) for row in result.rows)
    name = next((look.name for look in looks_of(result) if look.is_reference), result.reference)
    parts = [
        f"{format_count(others, 'model')} compared with {name}" if others else f"{name} alone",
        _gates_in_words(result.gates),
        "scales differ, so no gate is met" if any(map(result.scale_mismatch, result.rows)) else "",
        "" if not failed else "all failed" if failed == len(result.rows) else f"{failed} failed",
        format_count(warnings, "warning") if warnings else "",
    ]
    return "; ".join(filter(None, parts))


def _gates_in_words(gates: Sequence[GateResult]) -> str:
    missed = sum(not gate.met for gate in gates)
    if not gates:
        return ""
    outcome = f"{missed} of {format_count(len(gates), 'gate')} not met" if missed else "every gate met"
    return outcome + _undecided(gates)


def _undecided(gates: Sequence[GateResult]) -> str:
    count = sum(not gate.decidable for gate in gates)
    return f", {count} not decidable on these images" if count else ""


def _cards(result: BenchResult) -> Iterator[Card]:
    reference = next((row for row in result.rows if row.name == result.reference), None)
    for look in looks_of(result):
        row = look.row
        own = [gate for gate in result.gates if gate.row == row.name]
        missed = sum(not gate.met for gate in own)
        gates = format_count(len(own), "gate")
        verdict = f"{missed} of {gates} not met" if missed else f"{gates} met" if own else ""
        verdict += _undecided(own)
        is_good = not missed and not row.failure
        yield Card(
            look,
            file_name(look.name),
            answer(row, reference),
            result.scale_mismatch(row),
            "failed" if row.failure else verdict,
            is_good,
        )


def answer(row: Row, reference: Row | None) -> str:
    """A row in one sentence; its speed is that of the session."""
    if row.accuracy is None and row.speed is None:
        return f"No figures: {row.failure or 'nothing was measured'}"
    is_reference, delta = row is reference, row.deltas.get("ap")
    ap = f"AP {points(row.accuracy.overall['ap'])}" if row.accuracy else "AP not measured"
    parts = [f"The reference: {ap}" if is_reference else ap if delta is None else f"AP {change(delta)}"]
    if row.speed:
        speedup = None if is_reference else row.speed.speedup[SESSION]
        alone = f"{milliseconds(row.speed.latency[SESSION].p50)} ms an image"
        parts.append(alone if speedup is None else speed_in_words(speedup))
    if row.bytes is not None:
        base = None if reference is None or is_reference else reference.bytes
        parts.append(size_in_words(row.bytes / base) if base else size(row.bytes))
    return ", ".join([*parts, *([f"failed: {row.failure}"] if row.failure else [])])


def gates_table(result: BenchResult) -> Markup:
    """Every gate with what was measured; nothing where none was asked for."""
    if not result.gates:
        return Markup()
    names = {look.row.name: look.name for look in looks_of(result)}
    badge = TEMPLATES.get_template("badge.html").module.badge  # type: ignore[attr-defined] # a macro of the template
    lines = [
        Line(
            [
                file_name(names.get(gate.row, gate.row)),
                badge(gate.outcome, gate.met),  # in sight on a phone, where the last column is not
                gate.rule,
                gate.measured,
            ]
        )
        for gate in result.gates
    ]
    columns = [Column("Model"), Column("Outcome"), Column("Gate"), Column("Measured")]
    return table("What was required, and what was measured", columns, lines, kind="words")
