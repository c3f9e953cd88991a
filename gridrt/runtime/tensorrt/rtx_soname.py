"""The name by which TensorRT for RTX looks for itself.

Its ONNX parser opens `libtensorrt_rtx.so` when it meets a plugin, and ends the process where there is no such file; the
wheel ships `libtensorrt_rtx.so.1` only (seen in 1.7.1). The dynamic linker takes a library that is loaded already for
one that is asked for if it bears that name, so an empty library is loaded that is called `libtensorrt_rtx.so`, and that
needs the real one: what is looked up in it is found there. It is written here byte by byte, since there may be no
compiler, and nothing on the disk stays changed.
"""

from __future__ import annotations

import ctypes
import struct
import tempfile
from pathlib import Path

ALIAS = "libtensorrt_rtx.so"

_HEADER, _SEGMENT, _ENTRY, _SYMBOL = 64, 56, 16, 24  # sizes in a 64-bit ELF file
_PAGE = 0x10000  # the largest of those that kernels use
_LOAD, _DYNAMIC, _READ_WRITE = 1, 2, 6
_NEEDED, _STRTAB, _SYMTAB, _STRSZ, _SYMENT, _SONAME = 1, 5, 6, 10, 11, 14


def load_alias(libraries: Path) -> None:
    """Load the alias, where it can be of use.

    Args:
        libraries: folder of the real library.
    """
    for real in libraries.glob(f"{ALIAS}.*"):
        ctypes.CDLL(str(real))  # from here on the linker knows it by its name alone
        with real.open("rb") as file, tempfile.NamedTemporaryFile(suffix=f"-{ALIAS}") as alias:
            alias.write(alias_of(file.read(_HEADER), real.name))
            alias.flush()
            ctypes.CDLL(alias.name)


def alias_of(header: bytes, needed: str) -> bytes:
    """A shared library without any code, called `ALIAS`.

    Args:
        header: the first 64 bytes of the real library, which tell the machine and the byte order.
        needed: name of the real library.
    """
    order = "<" if header[5] == 1 else ">"
    names = b"\0".join((b"", ALIAS.encode(), needed.encode(), b""))
    dynamic = _HEADER + 2 * _SEGMENT
    tags = [(_SONAME, 1), (_NEEDED, len(ALIAS) + 2), (_STRSZ, len(names)), (_SYMENT, _SYMBOL)]
    strings = dynamic + (len(tags) + 3) * _ENTRY
    symbols = strings + len(names) + -len(names) % 8
    tags += [(_STRTAB, strings), (_SYMTAB, symbols), (0, 0)]
    end = symbols + _SYMBOL  # the one symbol that every library has, all zeros

    def segment(kind: int, start: int, size: int, align: int) -> bytes:
        return struct.pack(f"{order}2I6Q", kind, _READ_WRITE, start, start, start, size, size, align)

    kind_and_machine = struct.pack(f"{order}H", 3) + header[18:20]
    rest = struct.pack(f"{order}I3QI6H", 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, 2, 0, 0, 0)
    parts = (
        header[:16] + kind_and_machine + rest,
        segment(_LOAD, 0, end, _PAGE),
        segment(_DYNAMIC, dynamic, len(tags) * _ENTRY, 8),
        b"".join(struct.pack(f"{order}2Q", *tag) for tag in tags),
        names,
    )
    return b"".join(parts).ljust(end, b"\0")
