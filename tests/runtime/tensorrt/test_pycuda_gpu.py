"""What PyCUDA wants besides; it is a stand-in that insists on a current context and on page-locked memory."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress

import numpy as np
import pytest

from gridrt.runtime.tensorrt.pycuda_gpu import PyCudaGpu
from tests.fake_cuda import FakeCuda, use_pycuda


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A GPU that PyCUDA has."""
    found = FakeCuda()
    use_pycuda(monkeypatch, found)
    return found


def test_its_context_is_current_within_on_stream_alone_even_if_that_fails(cuda: FakeCuda) -> None:
    gpu = PyCudaGpu()
    depths = [cuda.current]
    with suppress(ZeroDivisionError), gpu.on_stream():
        depths.append(cuda.current)
        raise ZeroDivisionError
    assert [*depths, cuda.current] == [0, 1, 0]


def test_memory_of_both_sides_is_freed_with_its_object_on_any_thread(cuda: FakeCuda) -> None:
    gpu = PyCudaGpu()
    with gpu.on_stream():
        held = [gpu.empty((3,), np.uint8)]
        held[0].read()
    last = threading.Thread(target=held.clear)
    last.start()
    last.join()
    gc.collect()
    assert (cuda.freed, cuda.current) == (2, 0)


def test_a_recording_is_destroyed_when_nobody_can_repeat_it_any_more(cuda: FakeCuda) -> None:
    replay = PyCudaGpu().captured(lambda: None)
    assert len(cuda.executables) == 1
    del replay
    gc.collect()
    assert not cuda.executables


def test_a_launch_that_fails_leaves_no_recording_behind(cuda: FakeCuda) -> None:
    def launch() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        PyCudaGpu().captured(launch)
    assert not cuda.executables
    PyCudaGpu().captured(lambda: None)()
    assert cuda.replayed == 1
