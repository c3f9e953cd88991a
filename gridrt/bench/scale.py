"""The scale of a bench: figures of models that see images of different sizes cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence

from gridrt.bench.candidates import Candidate


def set_scale(candidates: Sequence[Candidate], asked: tuple[int, int] | None) -> None:
    """Run all open candidates at one scale: the one asked for, else the only one that their files note.

    Where files note different ones, or none notes any, each candidate runs at its own.

    Args:
        candidates: those that have failed are left out.
        asked: most pixels on the long and on the short side of a resized image; None where none was asked for.
    """
    infos = [(one, one.info) for one in candidates if one.info and not one.failure]
    noted = {info.noted_scale for _, info in infos if info.noted_scale}
    for candidate, info in infos:
        if asked:
            candidate.scale, candidate.scale_origin = asked, "as asked"
        elif len(noted) == 1:
            [candidate.scale], candidate.scale_origin = noted, "noted"
        else:
            candidate.scale, candidate.scale_origin = info.scale, info.scale_origin
        with candidate.required():
            candidate.call("use_scale", candidate.scale)
