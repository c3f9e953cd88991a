"""A Triton server under load: same boxes as the detector, nothing lost, while images break and the model is replaced.

python -m benchmarks.triton MODEL --images DIR --seconds 60 --out triton.json
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import tritonclient.http

import gridrt
from benchmarks.triton_server import Server, triton_server
from gridrt.data.image import read_header
from gridrt.data.sources import expand
from gridrt.errors import GridRTError
from gridrt.files import check_writable, write_text
from gridrt.machine.conditions import machine
from gridrt.matched_detections import match_detections
from gridrt.serving.triton.check import BOX_TOLERANCE, SCORE_TOLERANCE, TritonCheck
from gridrt.serving.triton.client import TritonClient
from gridrt.types import Detections

RESULT = Path(__file__).parent / "results" / "triton.json"
NAME = "detector"
BROKEN = b"no image"
RELOADS = 2
BROKEN_EVERY = 20
"""Of so many requests, one has a file that is no image."""


@dataclass(frozen=True)
class Load:
    """What the clients saw.

    Attributes:
        requests: that were sent, over HTTP and gRPC alternately.
        lost: without an answer, or with one that is not the detector's.
        first_lost: the first such; empty where there is none.
        refused: files that are no image, and were refused as such.
        reloads: of the model, in the meantime.
        p50: milliseconds.
        p99: likewise.
        per_second: answers of all clients.
    """

    requests: int
    lost: int
    first_lost: str
    refused: int
    reloads: int
    p50: float
    p99: float
    per_second: float


@click.command(context_settings={"show_default": True})
@click.argument("model", default="tiny_bccd")
@click.option("--images", type=click.Path(path_type=Path), required=True, help="Folder.")
@click.option("--count", type=click.IntRange(1), default=50, help="Images, at most.")
@click.option("--clients", type=click.IntRange(1), default=8, help="That ask at once.")
@click.option("--seconds", type=click.FloatRange(1), default=60, help="Of load.")
@click.option("--threads", type=click.IntRange(1), default=1, help="CPU threads of the model.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, help="JSON file to write.")
def command(*, model: str, images: Path, count: int, clients: int, seconds: float, threads: int, out: Path) -> None:
    """Serve MODEL in the front's process, check it, and load it."""
    check_writable(out)
    with TemporaryDirectory() as work:
        checks, load, sizes = measure(model, images, Path(work), count, clients, seconds, threads)
    for each in checks:
        click.echo(str(each))
    click.echo(f"{sizes} sizes; {load}")
    conditions = {**machine(), "model": model, "clients": clients, "seconds": seconds, "threads": threads}
    found = {"checks": [asdict(each) for each in checks], "load": asdict(load), "sizes": sizes}
    write_text(out, json.dumps({**found, "conditions": conditions}, indent=2) + "\n")
    if load.lost:
        raise SystemExit(1)


def measure(
    model: str, images: Path, work: Path, count: int, clients: int, seconds: float, threads: int
) -> tuple[list[TritonCheck], Load, int]:
    """Serve a model from `work`; the checks, the load, and how many sizes the images have."""
    folder, repository = work / "images", work / "models"
    folder.mkdir()
    files = [shutil.copy(file, folder / file.name) for file in expand([str(images)])[:count]]
    sizes = len({(header.width, header.height) for header in map(read_header, files)})
    gridrt.write_triton_repository(model, repository, name=NAME, in_process=True, threads=threads)
    with triton_server(repository, work) as server:
        detector = gridrt.open_detector(model, threads=threads)
        checks = gridrt.check_triton(detector, [server.http, server.grpc], folder, name=NAME)
        expected = [detector([gridrt.load_image(file)])[0] for file in files]

        def replace() -> None:
            gridrt.write_triton_repository(model, repository, name=NAME, in_process=True, threads=threads)
            reload_model(server)

        return (
            checks,
            under_load([Path(file).read_bytes() for file in files], expected, server, clients, seconds, replace),
            sizes,
        )


def reload_model(server: Server) -> None:
    """Let the server take the newest version."""
    client = tritonclient.http.InferenceServerClient(server.http.removeprefix("http://"), network_timeout=300)
    client.load_model(NAME)
    client.close()


class Asking:
    """Clients that ask until the time is over, and what they saw.

    Args:
        contents: image files.
        expected: what the detector finds in each.
        end: moment, by `time.monotonic`.
    """

    def __init__(self, contents: Sequence[bytes], expected: Sequence[Detections], end: float) -> None:
        self.contents, self.expected, self.end = contents, expected, end
        self.milliseconds: list[float] = []
        self.lost: list[str] = []
        self.refused = 0
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def run(self, url: str) -> None:
        """Ask, as one client."""
        client = TritonClient(url, NAME)
        while time.monotonic() < self.end:
            number = next(self._numbers)
            is_broken = number % BROKEN_EVERY == BROKEN_EVERY - 1
            index = number % len(self.contents)
            started = time.perf_counter()
            try:
                found = client.detect_encoded([BROKEN if is_broken else self.contents[index]])[0]
            except GridRTError as error:
                found = error
            taken = 1000 * (time.perf_counter() - started)
            with self._lock:
                self.milliseconds.append(taken)
                if is_broken and isinstance(found, GridRTError) and "not an image" in str(found):
                    self.refused += 1
                elif is_broken or not same(self.expected[index], found):
                    self.lost.append(f"request {number} over {url}: {found}")
        client.close()


def same(expected: Detections, found: Detections | GridRTError) -> bool:
    """Whether an answer is the detector's."""
    if isinstance(found, GridRTError):
        return False
    return match_detections(expected, found).outside(BOX_TOLERANCE, SCORE_TOLERANCE) == 0


def under_load(
    contents: Sequence[bytes],
    expected: Sequence[Detections],
    server: Server,
    clients: int,
    seconds: float,
    replace: Callable[[], None],
) -> Load:
    """Ask from several clients at once, and replace the model twice in the meantime."""
    started = time.monotonic()
    asking = Asking(contents, expected, started + seconds)
    with ThreadPoolExecutor(clients) as pool:
        urls = itertools.islice(itertools.cycle((server.http, server.grpc)), clients)
        running = [pool.submit(asking.run, url) for url in urls]
        for _ in range(RELOADS):
            time.sleep(seconds / (RELOADS + 1))
            replace()
        for each in running:
            each.result()
    taken = time.monotonic() - started
    p50, p99 = np.percentile(asking.milliseconds, (50, 99)).round(1).tolist()
    first = asking.lost[0] if asking.lost else ""
    count = len(asking.milliseconds)
    return Load(count, len(asking.lost), first, asking.refused, RELOADS, p50, p99, round(count / taken, 1))


if __name__ == "__main__":
    command()
