"""Published weights, downloaded from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gridrt.errors import CheckpointError, OutputError
from gridrt.model import zoo
from gridrt.model.zoo import PUBLISHED, PublishedWeights, cache_folder, locate, resolve

CONTENT = bytes(range(256)) * 9000  # more than two blocks
FILE = f"grid_rcnn_test_2x_coco_20200130-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"

Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT)


def without_length(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(CONTENT)


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[: len(CONTENT) // 2])


def other_bytes(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"<html>Please log in to this network</html>")


def not_found(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\0\0 this is not HTTP\n\n")


class Server:
    """Answers every request with `answer`, and records the requests."""

    def __init__(self) -> None:
        self.answer: Answer = whole
        self.asked: list[str] = []
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def stalled(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(CONTENT[:1000])
        self.released.wait(10)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(zoo, "BASE_URL", server.url)
    monkeypatch.setattr(zoo, "PUBLISHED", {"test": PublishedWeights(FILE, 40.4)})
    monkeypatch.setenv("GRIDRT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    yield server
    server.released.set()
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The place of the downloaded file."""
    return tmp_path / "cache" / FILE


def test_addresses_and_hashes_follow_from_the_file_names() -> None:
    r50 = PUBLISHED["r50"]

    assert r50.url == (
        "https://download.openmmlab.com/mmdetection/v2.0/grid_rcnn/grid_rcnn_r50_fpn_gn-head_2x_coco/"
        "grid_rcnn_r50_fpn_gn-head_2x_coco_20200130-6cca8223.pth"
    )
    assert {name: (published.sha256_prefix, published.box_ap) for name, published in PUBLISHED.items()} == {
        "r50": ("6cca8223", 40.4),
        "r101": ("d6eca030", 41.5),
        "x101_32x4d": ("d8f0e3ff", 42.9),
        "x101_64x4d": ("ec76a754", 43.0),
    }


@pytest.mark.parametrize("answer", [whole, without_length])
def test_a_file_is_downloaded_once_and_then_taken_from_the_cache(server: Server, target: Path, answer: Answer) -> None:
    server.answer = answer

    assert [resolve("test"), resolve("test")] == [target, target]
    assert target.read_bytes() == CONTENT
    assert server.asked == [f"/grid_rcnn_test_2x_coco/{FILE}"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (broken_off, f"the connection broke after {len(CONTENT) // 2} of {len(CONTENT)} bytes"),
        (other_bytes, "a file whose SHA-256 begins with"),
        (not_found, "Not Found"),
        (garbage, "found "),
    ],
)
def test_a_failed_download_says_what_to_download_and_where_to_put_it(
    server: Server, target: Path, answer: Answer, found: str
) -> None:
    server.answer = answer

    with pytest.raises(CheckpointError, match=found) as error:
        resolve("test")
    assert str(error.value).startswith(f"{server.url}/grid_rcnn_test_2x_coco/{FILE}: ")
    assert str(error.value).endswith(f"put the file at {target}.")
    assert "\n" not in str(error.value)
    assert list(target.parent.iterdir()) == []


def test_a_server_that_stalls_is_given_up(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "_TIMEOUT_SECONDS", 0.1)
    server.answer = server.stalled

    with pytest.raises(CheckpointError, match=r"found timed out"):
        resolve("test")
    assert list(target.parent.iterdir()) == []


def test_without_a_network_the_error_says_where_to_put_the_file(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "BASE_URL", "http://127.0.0.1:9")

    with pytest.raises(CheckpointError, match=f"put the file at {target}") as error:
        resolve("test")
    assert "\n" not in str(error.value)
    assert server.asked == []


def test_a_file_put_into_the_cache_by_hand_is_used(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)

    assert resolve("test") == target
    assert server.asked == []


def test_a_wrong_file_in_the_cache_is_refused_and_kept(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1])

    with pytest.raises(CheckpointError, match=r"SHA-256"):
        resolve("test")
    assert target.read_bytes() == CONTENT[:-1]
    assert server.asked == []


@pytest.mark.usefixtures("server")
def test_the_whole_hash_is_recorded_at_first_use_and_another_file_with_the_same_8_digits_is_refused(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    record = target.with_name(f"{FILE}.sha256")
    resolve("test")
    assert record.read_text() == f"{digest}  {FILE}\n"

    target.write_bytes(CONTENT[:-1])  # stands for one whose first digits agree
    monkeypatch.setattr(PublishedWeights, "sha256_prefix", "")
    with pytest.raises(CheckpointError, match=f"recorded {digest}") as refused:
        resolve("test")
    assert refused.value.place == target


def test_a_file_that_is_downloaded_again_must_be_the_one_of_the_first_time(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve("test")
    target.unlink()
    server.answer = other_bytes
    monkeypatch.setattr(PublishedWeights, "sha256_prefix", "")

    with pytest.raises(CheckpointError, match=hashlib.sha256(CONTENT).hexdigest()):
        resolve("test")
    assert not target.exists()


@pytest.mark.parametrize("content", ["", "no hash\n"])
@pytest.mark.usefixtures("server")
def test_a_record_without_a_hash_admits_no_file(target: Path, content: str) -> None:
    resolve("test")
    target.with_name(f"{FILE}.sha256").write_text(content)

    with pytest.raises(CheckpointError, match="recorded"):
        resolve("test")


@pytest.mark.usefixtures("server")
def test_a_file_put_into_the_cache_by_hand_is_recorded_at_its_first_use(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    resolve("test")

    recorded = target.with_name(f"{FILE}.sha256").read_text()
    assert recorded.split() == [hashlib.sha256(CONTENT).hexdigest(), FILE]


def test_a_cache_that_cannot_be_made_is_an_output_error(server: Server, target: Path) -> None:
    target.parent.write_bytes(b"a file in the way")

    with pytest.raises(OutputError, match="cannot be written here"):
        resolve("test")
    assert server.asked == []


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CheckpointError, match=r"r51.*r50, r101"):
        resolve("r51")


def test_names_are_resolved_and_paths_are_not(server: Server, target: Path) -> None:
    assert locate("./test") == Path("test")
    assert locate(Path("test")) == Path("test")
    assert server.asked == []
    assert locate("test") == target


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("GRIDRT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/someone/.cache/gridrt")

    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/gridrt")

    monkeypatch.setenv("GRIDRT_CACHE", "~/weights")
    assert cache_folder() == Path("/home/someone/weights")
