"""A real Triton server on this machine: that in the wheel of nvidia-pytriton, with the Python back end alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("GRIDRT_TRITON", ROOT / ".venv-triton"))
"""Where `make triton` installs the wheel."""


class NoServerError(Exception):
    """There is no server for this Python here."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        process: its id.
        http: its URL.
        grpc: likewise.
        log: file of what it prints.
    """

    process: int
    http: str
    grpc: str
    log: Path


@contextmanager
def triton_server(repository: Path, work: Path, seconds: float = 180) -> Iterator[Server]:
    """A server on the loopback interface, with all models of a repository, until the block ends.

    Its Python is this one, with this gridrt.

    Args:
        repository: model repository.
        work: folder for its back ends and its log.
        seconds: that it may take to be ready.

    Raises:
        NoServerError: it is not installed.
        RuntimeError: it does not become ready.
    """
    back_ends = prepared_back_ends(work)
    http, grpc = free_ports(2)
    models = sorted(each.name for each in repository.iterdir())
    command = [
        str(FOLDER / "pytriton/tritonserver/bin/tritonserver"),
        f"--model-repository={repository}",
        f"--backend-directory={back_ends}",
        "--model-control-mode=explicit",
        *(f"--load-model={name}" for name in models),
        *(f"--http-address=127.0.0.1 --http-port={http} --grpc-address=127.0.0.1 --grpc-port={grpc}".split()),
        "--allow-metrics=false",
        "--exit-timeout-secs=10",
    ]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(FOLDER / "nvidia_pytriton.libs"),
        "PATH": os.pathsep.join([str(prepared_python(work) / "bin"), os.environ["PATH"]]),
    }
    log = work / "server.log"
    with log.open("w") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:  # noqa: S603 - as above
        try:
            server = Server(process.pid, f"http://127.0.0.1:{http}", f"grpc://127.0.0.1:{grpc}", log)
            wait_until_ready(process, server, seconds)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def prepared_back_ends(work: Path) -> Path:
    """The Python back end with the stub for this Python, in `work`.

    Raises:
        NoServerError: the wheel is not installed, or has no stub for this Python.
    """
    source = FOLDER / "pytriton/tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = source / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise NoServerError(f"no Triton server for Python {version} in {FOLDER}: make triton")
    target = work / "backends" / "python"
    target.mkdir(parents=True, exist_ok=True)
    for file in [*(each for each in (source / "backends/python").iterdir() if each.is_file()), stub]:
        shutil.copy(file, target)
    (target / stub.name).chmod(0o755)
    return target.parent


def prepared_python(work: Path) -> Path:
    """An environment with this gridrt, the packages of this environment, and the NumPy beside the server.

    With NumPy 2 the Python back end of this server returns empty tensors, a known issue of its release; and it ignores
    PYTHONPATH.
    """
    environment = work / "python"
    venv.create(environment, symlinks=True)
    [site] = environment.glob("lib/python*/site-packages")
    folders = [ROOT, FOLDER, sysconfig.get_path("purelib")]
    (site / "packages.pth").write_text("".join(f"{folder}\n" for folder in folders))
    return environment


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until_ready(process: subprocess.Popen[bytes], server: Server, seconds: float) -> None:
    """Wait for all models; raises RuntimeError with the end of the log where the server ends or takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.http}/v2/health/ready", timeout=5) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the server is not ready: {server.log.read_text()[-3000:]}")
