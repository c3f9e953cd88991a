"""Opens an engine and detects in a picture, by Python and by the command, where there is no torch.

TensorRT, PyCUDA and cuda-core are stand-ins. It prints what was found, and the packages that were imported.

    python torch_free.py ENGINE PICTURE FOLDER
"""

from __future__ import annotations

import json
import operator
import sys
from importlib.metadata import distributions
from types import SimpleNamespace
from typing import Any

at_start = set(sys.modules)
sys.modules["torch"] = None  # type: ignore[assignment]

import gridrt  # noqa: E402 - without torch from its import on
from gridrt.cli.main import cli  # noqa: E402
from tests.fake_cuda import FakeCuda, use_pycuda  # noqa: E402
from tests.fake_tensorrt import fake_tensorrt  # noqa: E402

STAND_INS = {"tensorrt": "tensorrt", "pycuda": "pycuda", "cuda.core": "cuda-core", "cuda.bindings": "cuda-bindings"}

engine, picture, folder = sys.argv[1:]
cuda = FakeCuda()
stand_ins: Any = SimpleNamespace(setitem=operator.setitem)
use_pycuda(stand_ins, cuda)
sys.modules["tensorrt"] = fake_tensorrt(put=cuda.submit)

(found,) = gridrt.open_detector(engine)([gridrt.load_image(picture)])
cli.main(["detect", picture, "--model", engine, "--out", folder], standalone_mode=False)

imported = set(sys.modules) - at_start
stood_in_for = {name.partition(".")[0] for name in STAND_INS}
installed: dict[str, set[str]] = {}
for each in distributions():
    package = each.name  # parses the metadata, and again at each access
    for file in (each.read_text("RECORD") or "").splitlines():
        installed.setdefault(file.partition("/")[0].partition(",")[0].removesuffix(".py"), set()).add(package)
packages = {package for module, package in STAND_INS.items() if module in imported}
for module in {name.partition(".")[0] for name in imported} - stood_in_for - {"gridrt", "torch"}:
    packages.update(installed.get(module, ()))
print(json.dumps({"labels": found.labels.tolist(), "packages": sorted(packages)}))  # noqa: T201 - its result
