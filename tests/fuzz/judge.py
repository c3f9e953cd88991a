"""What the end of a command on a damaged file means, beside its end on the sound one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.guard import Ended

MOST_MEMORY = 1_500_000_000  # bytes

FINE = ("refused", "same", "warned", "told", "changed")
"""refused: an error of one line, exit code 1. same: the result of the sound file. warned: another one or the same,
with a warning. told: another one, which names the hash of another input. changed: another one without a word, as of a
file with other boxes or names, which no checksum covers."""

VIOLATIONS = ("traceback", "hang", "died", "exit code", "noise", "nonsense", "memory")
"""noise: stderr has lines that are not ours. nonsense: exit code 0, no warning, and numbers that are not finite, or no
detections where the sound file has some, or a changed artefact of a file whose content is covered by a checksum."""

_OWN_LINES = ("error: ", "warning: ", "resumed")
_SECONDS = re.compile(rb'\d+\.\d+(?= s\b)|(?<="seconds": )[\d.e-]+|(?<="seconds_per_image": )[\d.e-]+')
_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{12}(?:[0-9a-f]{52})?(?![0-9a-f])")
_NOT_FINITE = re.compile(rb"\b(nan|inf|infinity)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """What a command left.

    Attributes:
        content: of its results, without what differs from run to run.
        lines: of stderr.
    """

    content: bytes
    lines: Sequence[str]

    @classmethod
    def of(cls, folder: Path, names: Sequence[str], stderr: str) -> Result:
        """Read it; a file that is missing is empty."""
        files = [folder / name for name in names]
        content = b"\n".join(_SECONDS.sub(b"", file.read_bytes()) for file in files if file.is_file())
        return cls(content, stderr.splitlines())

    @property
    def without_hashes(self) -> bytes:
        """The content but for the hashes of inputs."""
        return _HASH.sub(b"", self.content)

    @property
    def hashes(self) -> list[bytes]:
        """Of inputs, as the results name them."""
        return _HASH.findall(self.content)

    @property
    def detections(self) -> int:
        """How many are listed."""
        return self.content.count(b'"score"')


def judge(ended: Ended, result: Result, sound: Result, *, is_covered: bool) -> str:
    """One of `FINE` or `VIOLATIONS`.

    Args:
        ended: on the damaged file.
        result: of it.
        sound: result of the sound file.
        is_covered: a checksum covers all that results are made of, so that none may change silently.
    """
    new = [line for line in result.lines if line not in sound.lines]
    has_error = any(line.startswith("error: ") for line in new)
    violations = {
        "hang": ended.code is None,
        "traceback": "Traceback (most recent call last)" in ended.stderr,
        "died": ended.code is not None and ended.code < 0,
        "memory": ended.peak > MOST_MEMORY,
        "noise": not all(line.startswith(_OWN_LINES) for line in new),
        "exit code": ended.code != int(has_error),
    }
    for kind, holds in violations.items():
        if holds:
            return kind
    if has_error:
        return "refused"
    if any(line.startswith("warning: ") for line in new):
        return "warned"
    return _judge_silent(result, sound, is_covered=is_covered)


def _judge_silent(result: Result, sound: Result, *, is_covered: bool) -> str:
    if _NOT_FINITE.search(result.content) or (sound.detections and not result.detections):
        return "nonsense"
    if result.without_hashes == sound.without_hashes:
        return "same"
    if result.hashes != sound.hashes:
        return "told"
    return "nonsense" if is_covered else "changed"
