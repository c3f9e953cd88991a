PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check
INSTALLED := .venv/.installed

.PHONY: help demo test gpu

help:
	@echo "make demo   from weights that ship to ONNX, INT8, FP16, an engine and a report, in demo/ (a few minutes)"
	@echo "make test   everything that a change must pass: linter, type checker and tests (about 10 minutes)"
	@echo "make gpu    all that needs an NVIDIA GPU: tests, timings, engines, checks of memory (at most 10 minutes)"
	@echo "All set up .venv, once, from PYTHON=$(PYTHON) (3.10 to 3.13) and the versions in constraints.txt."

demo: $(INSTALLED)
	.venv/bin/gridrt demo

test: $(INSTALLED)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pytest --numprocesses 2 --dist loadfile

gpu: $(INSTALLED)
	# TensorRT, and what kernels are compared with. Where they cannot be had, a line of the table says so.
	-nvidia-smi > /dev/null && $(PIP) install --quiet --constraint constraints.txt --no-build-isolation \
		--editable ".[trt]" torchvision
	.venv/bin/python -m benchmarks.gpu

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	# What builds packages: this one with hatchling, tensorrt-rtx-cu13, which has no wheel, with setuptools.
	$(PIP) install --quiet --constraint constraints.txt hatchling setuptools wheel
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable ".[dev]"
	# Beside the packages: among them, the stubs would be taken for TensorRT itself.
	$(PIP) install --quiet --constraint constraints.txt --no-deps --target .venv/stubs tensorrt-stubs
	touch $@
