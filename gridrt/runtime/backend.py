"""Backends: each a folder that runs one kind of model file, found by its entry point.

To add one, implement `Backend` and name it in the entry-point group `gridrt.backends`:

    [project.entry-points."gridrt.backends"]
    mine = "my_package:BACKEND"

`tests/runtime/toy/toy_backend.py` is a whole one in fewer than thirty non-blank lines. Commands ask this
registry which backend opens a file; they never test suffixes or session types.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from gridrt.errors import GridRTError
from gridrt.files import check_is_file
from gridrt.model.zoo import PATH_OR_NAME, locate, place_of
from gridrt.options import check_range
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.runtime.peaks import Peaks
    from gridrt.runtime.stage_runner import StageRunner
    from gridrt.stages import StageTimes

GROUP = "gridrt.backends"
AUTO = "auto"


class Session(Protocol):
    """An open detector. Differences between sessions are differences in numerics, nothing else.

    Threads may call `run` at the same time, and each gets what it would get alone. ONNX Runtime and PyTorch on a CPU
    work on several batches at once; OpenVINO, TensorRT and the backend `pytorch_cuda` on one, while others wait.
    """

    @property
    def info(self) -> ModelInfo:
        """What it runs, and on what."""
        ...

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch.

        Args:
            images: uint8 [B, H, W, 3], RGB, resized, zero-padded right and bottom; H and W multiples of 32.
            image_sizes: int32 [B, 2], (height, width) of each image before padding.
        """
        ...


@dataclass(frozen=True)
class SessionOptions:
    """How a model file is opened. An option that differs from its default has to be honoured, or refused.

    Attributes:
        threads: CPU threads; None leaves the choice to the backend.
        device: such as "cpu" or "cuda:1"; None leaves the choice to the backend.
        trust_checkpoint: allow a checkpoint that needs unpickling of arbitrary classes, which can run code.
        streams: parts of a batch that run at the same time, each on its share of the threads; None runs it in one.

    Raises:
        GridRTError: `threads` or `streams` is below 1.
    """

    threads: int | None = None
    device: str | None = None
    trust_checkpoint: bool = False
    streams: int | None = None

    def __post_init__(self) -> None:
        check_range(1, threads=self.threads, streams=self.streams)

    @property
    def given(self) -> frozenset[str]:
        """Names of the options that differ from their defaults."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) != field.default)


@dataclass(frozen=True)
class Availability:
    """Whether a backend runs on one kind of device of this machine.

    Attributes:
        name: of the library, and the device where it knows several: "PyTorch, CPU".
        problem: what keeps it from running here; empty where it runs.
        remedy: the commands that mend it, one a line; empty where it runs, or where no command does.
    """

    name: str
    problem: str = ""
    remedy: str = ""

    @property
    def runs(self) -> bool:
        """Whether a detector can run this way here."""
        return not self.problem


class Summary(Protocol):
    """All that a file tells about itself; a dataclass, so that it can be shown as JSON."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def lines(self) -> Sequence[str]:
        """For people: one fact a line."""
        ...


@dataclass(frozen=True)
class TritonModel:
    """How one of Triton's own back ends runs a model file as it is.

    Attributes:
        backend: the back end's name.
        file: the name that the file has in a model repository.
        ir_version: of an ONNX graph; None for other files.
        tensorrt: the version of TensorRT that an engine needs; empty for other files.
        bounds: smallest, tuned and largest shape of `images`, [B, H, W, 3]; None where all shapes run.
        library: file of the plugin library that the server must load; None where it needs none.
    """

    backend: str
    file: str
    ir_version: int | None = None
    tensorrt: str = ""
    bounds: Sequence[Sequence[int]] | None = None
    library: Path | None = None


class EndToEndOnlyError(GridRTError):
    """A detector that cannot be run stage by stage."""


class Backend(Protocol):
    """One way to run detectors.

    Subclass it and define `name`, `title`, `opens`, `info`, `open` and `probe`; all else has a default.

    Attributes:
        name: by which a user chooses it.
        title: the library's name, for people.
        suffixes: of its files, in lower case; they decide where no backend recognises the content.
        companions: what follows the name of a file in those of others that are read with it, such as ".json".
        options: the fields of `SessionOptions` that it honours.
        faithful: its boxes are the reference's, as far as the file's own precision allows; `AUTO` takes no other.
        portable: its files run on most machines.
        halves: it runs FP32 weights in half precision.
        static_shapes: the grid branch works on all detection rows, used or not.
        preference: of several that open a file, `AUTO` takes the highest that is available.
    """

    name: str
    title: str
    suffixes: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    faithful: bool = True
    portable: bool = True
    halves: bool = False
    static_shapes: bool = False
    preference: int = 0

    def opens(self, path: Path) -> bool:
        """Whether the content of an existing file is what it runs; the suffix does not matter."""
        ...

    def weights_files(self, path: Path) -> Sequence[Path]:
        """The file, and others that its weights are read from; by default none."""
        return [path]

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        """What a file tells without being run.

        Raises:
            GridRTError: it is not what it seems, or damaged.
        """
        ...

    def open(self, path: Path, options: SessionOptions) -> Session:
        """Open a file.

        Args:
            path: of a file that it runs.
            options: those given are among `self.options`.

        Raises:
            GridRTError: the file is unsound, or something is missing on this machine.
        """
        ...

    def probe(self) -> Iterable[Availability]:
        """Whether it runs here, for each kind of device that it knows. Never raises."""
        ...

    def summary(self, path: Path, options: SessionOptions) -> Summary:
        """All that a file tells about itself, also one that cannot be run; by default `info`."""
        return InfoSummary(str(path), self.info(path, options))

    def stage_times(
        self,
        session: Session,  # noqa: ARG002 - the signature of those that can
        images: UInt8Array,  # noqa: ARG002
        image_sizes: Int32Array,  # noqa: ARG002
        *,
        warm_up: int,  # noqa: ARG002
        runs: int,  # noqa: ARG002
    ) -> StageTimes | None:
        """Time per stage, measured in separate runs; None if the backend cannot measure it.

        Args:
            session: opened by this backend.
            images: as in `Session.run`.
            image_sizes: the same.
            warm_up: runs before those that count.
            runs: measured ones; the median run is returned.
        """
        return None

    def stage_runner(self, path: Path, options: SessionOptions) -> StageRunner:
        """A detector taken apart, for compare.

        Raises:
            EndToEndOnlyError: it cannot be; by default none can.
        """
        del options
        raise EndToEndOnlyError(f"cannot run single stages: {self.title} exposes only final outputs", place=path)

    def triton_model(self, path: Path) -> TritonModel | None:  # noqa: ARG002 - the same
        """How one of Triton's own back ends runs a file; None, as by default, where none does.

        Raises:
            GridRTError: the file is damaged, or what it needs is missing.
        """
        return None

    def peaks(self, session: Session) -> Peaks | None:  # noqa: ARG002 - the same
        """The measured peaks of a session's device; None if unknown."""
        return None


@dataclass(frozen=True)
class InfoSummary:
    """Summary of a file whose backend implements only `info`."""

    file: str
    info: ModelInfo

    def lines(self) -> list[str]:
        """For people: one fact a line."""
        facts = {field.name: getattr(self.info, field.name) for field in fields(self.info)}
        return [self.file, *(f"{name:<16}{value}" for name, value in facts.items() if value not in (None, ""))]


@cache
def backends() -> tuple[Backend, ...]:
    """All backends, preferred ones first, then by name. One that cannot be loaded is left out with a warning.

    Raises:
        GridRTError: two backends share a name.
    """
    found: dict[str, Backend] = {}
    for point in _entry_points():
        try:
            backend: Backend = point.load()
            _ = backend.name, backend.preference, backend.opens
        except Exception as error:  # noqa: BLE001 - a package of others may raise anything; ours still run
            place = f"{point.name} = {point.value}"
            warnings.warn(f"cannot load the backend {place}: {error}. Mend or uninstall its package.", stacklevel=2)
            continue
        if backend.name in found:
            raise GridRTError("names of backends must differ", place=point.value, value=backend.name)
        found[backend.name] = backend
    return tuple(sorted(found.values(), key=lambda backend: (-backend.preference, backend.name)))


def _entry_points() -> Iterator[EntryPoint]:
    """Those of all installed packages; in a source tree, ours are those of its pyproject.toml.

    What was installed in editable mode tells the entry points of its day, and a tree that is not installed tells none.
    """
    installed = entry_points(group=GROUP)
    project = Path(__file__).parents[2] / "pyproject.toml"
    if not project.is_file():
        yield from installed
        return
    ours = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"][GROUP]
    yield from (EntryPoint(name, value, GROUP) for name, value in ours.items())
    yield from (point for point in installed if not point.value.startswith("gridrt."))


def backend_named(name: str) -> Backend:
    """A backend by its name.

    Raises:
        GridRTError: there is none of that name.
    """
    for backend in backends():
        if backend.name == name:
            return backend
    known = ", ".join(backend.name for backend in backends())
    raise GridRTError("is not the name of a backend", place="`backend`", value=name, remedy=f"Name one of {known}.")


def backends_for(path: Path) -> list[Backend]:
    """The backends that open a file, preferred ones first: by its content, or where that tells nothing by its suffix.

    Raises:
        GridRTError: there is no such file.
    """
    check_is_file(path, GridRTError, PATH_OR_NAME)
    by_content = [backend for backend in backends() if backend.opens(path)]
    return by_content or [backend for backend in backends() if path.name.lower().endswith(backend.suffixes)]


def files_of(model: str | Path) -> list[Path]:
    """The files that a model is read from, whether or not they are there: its own, and those that belong to it.

    Args:
        model: a file, or the name of weights, which are not downloaded.
    """
    path = place_of(model)
    if not path.is_file():
        return [path]
    companions = (path.with_name(path.name + ending) for each in backends_for(path) for ending in each.companions)
    return [*weights_files(path), *companions]


def weights_files(path: Path) -> list[Path]:
    """The files that a model's weights are read from: its own first, and those that it names.

    Raises:
        GridRTError: there is no such file, or one that names the others is damaged.
    """
    return list(dict.fromkeys([path, *(file for each in backends_for(path) for file in each.weights_files(path))]))


def backends_and_file(model: str | Path) -> tuple[list[Backend], Path]:
    """The backends that open a model, preferred ones first, and its file.

    Args:
        model: a file, or the name of weights.

    Raises:
        GridRTError: it is not a model file.
    """
    path = locate(model)
    able = backends_for(path)
    if not able:
        suffixes = ", ".join(dict.fromkeys(suffix for backend in backends() for suffix in backend.suffixes))
        raise GridRTError("is not a model file that any backend opens", place=model, remedy=f"Files are {suffixes}.")
    return able, path


def choose_backend(model: str | Path, name: str = AUTO) -> tuple[Backend, Path]:
    """The backend that runs a model, and its file.

    Args:
        model: a file, or the name of weights.
        name: of a backend, or `AUTO`.

    Raises:
        GridRTError: it is not a model file, or the named backend does not open it.
    """
    able, path = backends_and_file(model)
    if name != AUTO:
        if (backend := backend_named(name)) in able:
            return backend, path
        remedy = f"It opens with {', '.join(backend.name for backend in able)}."
        raise GridRTError(f"the backend {name} cannot open this file", place=model, remedy=remedy)
    faithful = [backend for backend in able if backend.faithful] or able
    if len(faithful) == 1:  # a probe imports packages
        return faithful[0], path
    return next((each for each in faithful if any(here.runs for here in each.probe())), faithful[0]), path


def open_session(
    model: str | Path,
    *,
    backend: str = AUTO,
    threads: int | None = None,
    device: str | None = None,
    trust_checkpoint: bool = False,
    streams: int | None = None,
) -> Session:
    """Open a model file, or weights by their name.

    Args:
        model: a checkpoint, an ONNX graph, a TensorRT engine, or what another backend opens; or a name (r50, ...).
        backend: that runs it, by name; "auto" takes the first that is available and gives the reference's boxes.
        threads: CPU threads; None leaves the choice to the backend.
        device: such as "cpu" or "cuda:1"; None leaves the choice to the backend.
        trust_checkpoint: allow a checkpoint that needs unpickling of arbitrary classes, which can run code.
        streams: parts of a batch that run at the same time, each on its share of the threads: more images per second
            of a large batch; None runs it in one.

    Raises:
        GridRTError: it is not a model file, the backend does not open it, an option cannot be honoured, or as
            `Backend.open`.
    """
    options = SessionOptions(threads, device, trust_checkpoint, streams)
    chosen, path = choose_backend(model, backend)
    require_honoured(chosen, options, model)
    return chosen.open(path, options)


def ways_to_run(model: str | Path, options: SessionOptions) -> dict[str, str]:
    """The backends that open a model, by name, preferred ones first, each with what keeps it from running it here.

    Args:
        model: a file, or the name of weights.
        options: each goes to the backends that honour it.

    Raises:
        GridRTError: there is no such file.
    """
    path = locate(model)
    found: dict[str, str] = {}
    for backend in backends_for(path):
        try:
            backend.info(path, options)
        except GridRTError as error:
            found[backend.name] = error.rule
            continue
        problems = []
        for there in backend.probe():
            problems.append(there.problem)
            if there.runs:  # to look for a further device takes long
                break
        found[backend.name] = "" if "" in problems else "; ".join(problems)
    return found


def require_honoured(backend: Backend, options: SessionOptions, model: str | Path) -> None:
    """Refuse options that a backend would ignore.

    Raises:
        GridRTError: there is one.
    """
    for name in sorted(options.given - backend.options):
        raise GridRTError(
            f"the backend {backend.name} has no option `{name}`", place=model, remedy=f"Leave out `{name}`."
        )


def files_with_backend(folder: Path, accept: Callable[[Path, Backend], bool] = lambda *_: True) -> list[Path]:
    """The visible files of a folder that a backend opens, by name.

    Args:
        folder: that is looked through, without those within it.
        accept: takes a file and its preferred backend.
    """
    visible = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return [path for path in visible if (able := backends_for(path)) and accept(path, able[0])]
