"""Memory that notices what should not be touched."""

from __future__ import annotations

import ctypes
import mmap
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

NAN = 0xFF  # every byte of a float that is no number
GUARD = 4096  # bytes before the content
ALIGNMENT = 16

Bytes: TypeAlias = npt.NDArray[np.uint8]

_LIBC = ctypes.CDLL(None, use_errno=True)
_PROT_NONE = 0


class Buffer:
    """Bytes that end where a page begins that no one may touch, with NaNs before them.

    Attributes:
        address: of the content, a multiple of 16.
    """

    def __init__(self, content: Bytes) -> None:
        room = -(-content.size // ALIGNMENT) * ALIGNMENT
        usable = -(-(GUARD + room) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory: Bytes = np.frombuffer(mmap.mmap(-1, usable + mmap.PAGESIZE), np.uint8)
        self._start, self._end, self._usable = usable - room, usable - room + content.size, usable
        base = self._memory.ctypes.data
        self.address = base + self._start
        self._memory[:usable] = NAN
        self._memory[self._start : self._end] = content
        if _LIBC.mprotect(ctypes.c_void_p(base + usable), ctypes.c_size_t(mmap.PAGESIZE), _PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")

    @property
    def content(self) -> Bytes:
        """The bytes as they are now."""
        content: Bytes = self._memory[self._start : self._end].copy()
        return content

    def check(self) -> None:
        """Nothing was written beside the content."""
        assert (self._memory[: self._start] == NAN).all(), "memory before a tensor was written"
        assert (self._memory[self._end : self._usable] == NAN).all(), "memory behind a tensor was written"
