"""Damages files of one format, and judges what each leads to."""

from __future__ import annotations

import gc
import importlib
import random
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.fuzz.formats import FORMATS, run
from tests.fuzz.guard import PATIENCE, Ended, Job, run_guarded
from tests.fuzz.judge import Result, judge
from tests.fuzz.mutate import Mutation

MODULES = "modules.txt"


@dataclass(frozen=True)
class Damaged:
    """One damaged file.

    Attributes:
        number: of the file.
        mutation: how it is damaged.
        command: index of the one that reads it.
    """

    number: int
    mutation: Mutation
    command: int


@dataclass(frozen=True)
class Verdict:
    """What a damaged file led to.

    Attributes:
        file: that was read.
        kind: one of `judge.FINE` or `judge.VIOLATIONS`.
        ended: how its command ended.
    """

    file: Damaged
    kind: str
    ended: Ended


class Campaign:
    """Damages files of one format.

    Args:
        name: of the format.
        seed: of all choices.
        folder: for files, empty.
        workers: commands at a time.
    """

    def __init__(self, name: str, seed: int, folder: Path, workers: int) -> None:
        self._name, self._seed, self._folder, self._workers = name, seed, folder, workers
        self._format = FORMATS[name]
        self._source = folder / "sound"
        self._source.mkdir()
        _run_alone(Job("write", self._source, self._format.write))
        self._format.warm_up()
        self._sound = [self._sound_result(index) for index in range(len(self._format.commands))]
        gc.freeze()  # else each child would copy what the collector touches

    def verdicts(self, numbers: Iterable[int]) -> Iterator[Verdict]:
        """Of the damaged files with these numbers; each is the same in every run of the seed."""
        for job, ended in run_guarded(map(self._job, numbers), self._workers):
            command = job.tag.command
            result = Result.of(job.folder, self._format.commands[command].results, ended.stderr)
            kind = judge(ended, result, self._sound[command], is_covered=self._format.is_covered)
            yield Verdict(job.tag, kind, ended)
            shutil.rmtree(job.folder)

    def _sound_result(self, index: int) -> Result:
        command = self._format.commands[index]
        folder = self._folder / f"sound {index}"
        shutil.copytree(self._source, folder)
        ended = _run_alone(Job(index, folder, partial(_run_and_list_modules, command.words)))
        _import_all((folder / MODULES).read_text().split())
        return Result.of(folder, command.results, ended.stderr)

    def _job(self, number: int) -> Job[Damaged]:
        form = self._format
        random_ = random.Random(f"{self._seed} {self._name} {number}")  # noqa: S311 - a reproducible choice
        damaged = Damaged(number, random_.choice(form.mutations), random_.randrange(len(form.commands)))
        command = form.commands[damaged.command]
        folder, file = self._folder / str(number), Path(command.file)
        shutil.copytree(self._source, folder, ignore=shutil.ignore_patterns(file.name))
        (folder / file).write_bytes(damaged.mutation((self._source / file).read_bytes(), random_))
        return Job(damaged, folder, partial(run, *command.words))


def _run_and_list_modules(words: Sequence[str]) -> None:
    try:
        run(*words)
    finally:
        Path(MODULES).write_text("\n".join(sys.modules))


def _import_all(names: Iterable[str]) -> None:
    """Import what a command imported, so that later ones find it imported. Some names are no modules of files."""
    for name in names:
        with suppress(ImportError, OSError, ValueError):
            importlib.import_module(name)


def _run_alone(job: Job[Any]) -> Ended:
    """Run what must succeed."""
    [(_, ended)] = run_guarded([job], patience=10 * PATIENCE)
    assert ended.code == 0, ended
    return ended
