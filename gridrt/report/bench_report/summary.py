"""The answer at the head of the report: is each artefact still the same detector, and how fast is it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridrt.bench.result import SESSION, BenchResult, Gate, Row
from gridrt.formatting import format_count
from gridrt.report.bench_report.figures import change, milliseconds, size, size_in_words, speed_in_words
from gridrt.report.bench_report.look import Look, file_name, looks_of, names_of
from gridrt.report.bench_report.markup import Html, element, joined
from gridrt.report.bench_report.tables import Column, Line, table
from gridrt.report.metrics import points

INCOMPLETE = "This bench was interrupted: its figures are of the images that were done until then, and may still move."

UNITS = (
    "AP in points, beside the reference's; speed of the session, from the resized image to its boxes, at the median."
)


def summary(result: BenchResult) -> Html:
    """All that most readers want to know."""
    banner = "" if result.complete else element("p", element("strong", "Not complete. "), INCOMPLETE, class_="banner")
    cards = (_card(look, result) for look in looks_of(result))
    return joined(
        element("h1", headline(result)),
        banner,
        element("ul", *cards, class_="answers"),
        element("p", UNITS, class_="units"),
        gates_table(result),
    )


def headline(result: BenchResult) -> str:
    """The whole bench in one line."""
    others = [row for row in result.rows if row.artefact != result.reference]
    held = f"{format_count(len(others), 'artefact')} held against {_reference_name(result)}"
    return "; ".join(
        [
            held if others else f"{_reference_name(result)} alone",
            *_gates_in_words(result.gates),
            *_failures_in_words(result.rows),
        ]
    )


def _reference_name(result: BenchResult) -> str:
    return next((look.name for look in looks_of(result) if look.is_reference), result.reference)


def _gates_in_words(gates: Sequence[Gate]) -> Iterator[str]:
    missed = sum(not gate.met for gate in gates)
    if gates:
        yield f"{missed} of {format_count(len(gates), 'gate')} not met" if missed else "every gate met"


def _failures_in_words(rows: Sequence[Row]) -> Iterator[str]:
    failed = sum(bool(row.failure) for row in rows)
    if failed:
        yield "all failed" if failed == len(rows) else f"{failed} failed"


def answer(row: Row, reference: Row | None) -> str:
    """An artefact in one sentence; its speed is that of the session."""
    if row.accuracy is None and row.speed is None:
        return f"No figures: {row.failure or 'nothing was measured'}"
    parts = _reference_parts(row) if row is reference else _parts(row, reference)
    return ", ".join([*parts, *([f"failed: {row.failure}"] if row.failure else [])])


def _reference_parts(row: Row) -> Iterator[str]:
    yield (
        f"The reference: AP {points(row.accuracy.overall['ap'])}" if row.accuracy else "The reference: AP not measured"
    )
    if row.speed:
        yield f"{milliseconds(row.speed.latency[SESSION].p50)} ms an image"
    if row.bytes is not None:
        yield size(row.bytes)


def _parts(row: Row, reference: Row | None) -> Iterator[str]:
    yield _accuracy_in_words(row)
    if row.speed:
        speedup = row.speed.speedup[SESSION]
        alone = f"{milliseconds(row.speed.latency[SESSION].p50)} ms an image"
        yield alone if speedup is None else speed_in_words(speedup)
    if row.bytes is not None:
        yield size_in_words(row.bytes / reference.bytes) if reference and reference.bytes else size(row.bytes)


def _accuracy_in_words(row: Row) -> str:
    delta = row.deltas.get("ap")
    if delta is not None:
        return f"AP {change(delta)}"
    return f"AP {points(row.accuracy.overall['ap'])}" if row.accuracy else "AP not measured"


def _card(look: Look, result: BenchResult) -> Html:
    reference = next((row for row in result.rows if row.artefact == result.reference), None)
    name = element("h2", look.swatch(), file_name(look.name))
    return element(
        "li", name, element("p", answer(look.row, reference)), _verdict(look.row, result.gates), class_="card"
    )


def _verdict(row: Row, gates: Sequence[Gate]) -> Html:
    asked = [gate.met for gate in gates if gate.artefact == row.artefact]
    if row.failure:
        return badge("failed", is_good=False)
    if not asked:
        return Html()
    told = format_count(len(asked), "gate")
    return badge(f"{told} met" if all(asked) else f"{asked.count(False)} of {told} not met", is_good=all(asked))


def badge(words: str, *, is_good: bool) -> Html:
    """A verdict, which a mark and the words tell as well as the colour."""
    mark = element("span", "✓ " if is_good else "✗ ", aria_hidden="true")
    return element("span", mark, words, class_="badge good" if is_good else "badge bad")


def gates_table(result: BenchResult) -> Html:
    """Every gate with what was found; nothing where none was asked for."""
    if not result.gates:
        return Html()
    names = names_of(result)
    columns = [Column("Artefact"), Column("Gate"), Column("Found"), Column("Outcome")]
    lines = [
        Line(
            [
                file_name(names.get(gate.artefact, gate.artefact)),
                gate.rule,
                gate.value,
                badge("met" if gate.met else "not met", is_good=gate.met),
            ]
        )
        for gate in result.gates
    ]
    return element(
        "section",
        element("h2", "Gates"),
        table("What was asked for, and what was found", columns, lines, kind="words"),
        id="gates",
    )
