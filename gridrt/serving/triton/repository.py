"""Write a detector as a Triton model repository."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from gridrt.errors import GridRTError, OutputError
from gridrt.files import atomic_path, check_outputs
from gridrt.runtime.backend import Backend, SessionOptions, TritonModel, choose_backend, files_of, require_honoured
from gridrt.serving.triton.config import SIZES_FILE, behind_config, front_config, warmup_size
from gridrt.serving.triton.served_model import FILE, ServedModel, served_text
from gridrt.serving.triton.versions import check_release

CONFIG = "config.pbtxt"
MODEL_PY = '''\
"""What Triton runs around a detector: it decodes and resizes images, and restores boxes. All of it is GridRT's."""

from gridrt.serving.triton.front import Front as TritonPythonModel

__all__ = ["TritonPythonModel"]
'''

Content: TypeAlias = "Path | bytes"
"""Of a file to write: a file to copy, or the bytes."""


@dataclass(frozen=True)
class ServingOptions:
    """How a detector is served; the fields are arguments of `gridrt.write_triton_repository`."""

    scale: tuple[int, int] | None = None
    backend: str = "auto"
    threads: int | None = None
    max_batch: int = 8
    max_delay: int = 2000
    instances: int = 1
    in_process: bool = False


@dataclass(frozen=True)
class TritonRepository:
    """A detector in a model repository.

    Attributes:
        folder: of the repository.
        name: of the model that clients ask.
        version: that was written.
        models: names of all its models, in the order in which a running server should load them.
        runs_on: what runs the model: GridRT in the front, or what the release of Triton has for it.
        start: the command line of a server.
    """

    folder: Path
    name: str
    version: int
    models: tuple[str, ...]
    runs_on: str
    start: str


def write_repository(
    model: str | Path, folder: Path, name: str | None, release: str, options: ServingOptions
) -> TritonRepository:
    """Write a detector into a model repository, as the next version of its name.

    The configurations come last: a server that polls the repository sees them when all else is there.

    Raises:
        GridRTError: the name is not one that Triton takes, the release does not read the model, or an option is not for
            it.
        OutputError: a file cannot be written, would overwrite an input, or belongs to another model of that name.
    """
    backend, path = choose_backend(model, options.backend)
    name = path.stem if name is None else name
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        remedy = "Give a `name` of letters, digits, dots, hyphens and underscores."
        raise GridRTError("is not a name for a model of Triton", place="`name`", value=name, remedy=remedy)
    triton = None if options.in_process else backend.triton_model(path)
    runs_on = check_release(release, triton, path)
    require_honoured(backend, SessionOptions(threads=options.threads), model)
    version = next_version(folder / name)
    served = _served(backend, path, triton, f"{name}_model", version, options)
    contents = _front(folder / name, version, backend, path, served)
    configs = {folder / name: front_config(name, served, delay=options.max_delay, instances=options.instances)}
    if triton is not None and served.behind is not None:
        inner = folder / served.behind
        contents |= _behind(inner, version, path, triton, served)
        configs[inner] = behind_config(inner.name, triton, served, instances=options.instances, threads=options.threads)
    contents |= {model_folder / CONFIG: text.encode() for model_folder, text in configs.items()}
    check_outputs(contents, [*files_of(model), *([triton.library] if triton else [])])
    for file, content in contents.items():
        _write(file, content)
    return TritonRepository(
        folder,
        name,
        version,
        tuple(each.name for each in reversed(configs)),
        runs_on,
        _start_line(folder, served, triton),
    )


def next_version(folder: Path) -> int:
    """The number after those of the versions of a front.

    Raises:
        OutputError: the folder has a version that `write_repository` did not write.
    """
    versions = sorted(int(each.name) for each in folder.glob("*") if each.name.isdecimal())
    for version in versions:
        if not (folder / str(version) / FILE).is_file():
            raise OutputError(
                "cannot add a version to a model that gridrt triton did not write",
                place=folder,
                value=f"version {version} without {FILE}",
                remedy="Give another `name`.",
            )
    return versions[-1] + 1 if versions else 1


def _served(
    backend: Backend, path: Path, triton: TritonModel | None, behind: str, version: int, options: ServingOptions
) -> ServedModel:
    info = backend.info(path, SessionOptions())
    scale = options.scale or info.scale
    if triton is None:
        file = f"model{path.suffix}"
        return ServedModel(info, scale, options.max_batch, file=file, backend=backend.name, threads=options.threads)
    largest = options.max_batch if triton.bounds is None else min(options.max_batch, triton.bounds[2][0])
    return ServedModel(info, scale, largest, behind=behind, version=version, bounds=triton.bounds)


def _front(folder: Path, version: int, backend: Backend, path: Path, served: ServedModel) -> dict[Path, Content]:
    """The files of the front, without its configuration."""
    contents: dict[Path, Content] = {}
    if served.file is not None:
        contents = {
            folder / str(version) / (served.file + ending): path.with_name(path.name + ending)
            for ending in ("", *backend.companions)
        }
    contents[folder / str(version) / FILE] = served_text(served).encode()
    contents[folder / str(version) / "model.py"] = MODEL_PY.encode()
    return contents


def _behind(folder: Path, version: int, path: Path, triton: TritonModel, served: ServedModel) -> dict[Path, Content]:
    """The files of the model that Triton's own back end runs, without its configuration."""
    contents: dict[Path, Content] = {folder / str(version) / triton.file: path}
    if triton.library is not None:
        contents[folder / triton.library.name] = triton.library
    batch = 1 if triton.bounds is None else triton.bounds[0][0]
    sizes = np.tile(np.array(warmup_size(triton, served.scale), "<i4"), (batch, 1))  # [B, 2]
    contents[folder / "warmup" / SIZES_FILE] = sizes.tobytes()
    return contents


def _write(file: Path, content: Content) -> None:
    with atomic_path(file) as temporary:
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        else:
            shutil.copyfile(content, temporary)
        temporary.chmod(0o644)  # the server may run as another user


def _start_line(folder: Path, served: ServedModel, triton: TritonModel | None) -> str:
    words = ["tritonserver", f"--model-repository={folder.absolute()}"]
    if triton is not None and triton.library is not None:
        library = folder.absolute() / str(served.behind) / triton.library.name
        words.append(f"--backend-config={triton.backend},plugins={library}")
    return shlex.join(words)
