PYTHON ?= python3
VENV ?= .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
N ?= 200
SEED ?= 0
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed-docs
TRITON := .venv-triton/.installed

.PHONY: help environment demo docs test test-all matrix fuzz kills gpu triton

help:
	@echo "make environment  set up .venv alone; '. .venv/bin/activate' then puts gridrt on the PATH"
	@echo "make demo      from weights that ship to ONNX, INT8, FP16, an engine and a report, in demo/ (a few minutes)"
	@echo "make test      everything that a change must pass: linter, type checker and tests (about 10 minutes)"
	@echo "make docs      the pages of docs/ as a site, in site/; no page is fetched from a network"
	@echo "make test-all  the same, with the tests that are marked slow"
	@echo "make matrix    the tests on each Python, and as on older processors (about 2 hours)"
	@echo "make fuzz      damage N=$(N) files of each format from SEED=$(SEED), and read them (N=2000: half an hour)"
	@echo "make kills     end verbs by N=$(N) of each signal at moments from SEED=$(SEED), and look at what is left (an hour)"
	@echo "make gpu       all that needs an NVIDIA GPU: tests, timings, engines, checks of memory (at most 500 seconds)"
	@echo "make triton    install a Triton server for the slow tests and benchmarks.triton, in .venv-triton"
	@echo "All set up .venv, once, from PYTHON=$(PYTHON) (3.10 to 3.13) and the versions in constraints.txt."

environment: $(INSTALLED)

demo: $(INSTALLED)
	$(VENV)/bin/gridrt demo

# A warning, such as a link that leads nowhere, is an error.
docs: $(DOCS_INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	@echo "site/index.html is written. With the search: python3 -m http.server --bind 127.0.0.1 --directory site"

# Each process has one thread of its own: two fill two cores. Files begin in the order of tests/conftest.py.
test: $(INSTALLED)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(SELECTION)

test-all: $(TRITON) $(DOCS_INSTALLED)
	$(MAKE) test SELECTION='-m "slow or not slow" --hypothesis-profile thorough'

matrix: $(INSTALLED)
	tools/suite_matrix.sh

fuzz: $(INSTALLED)
	$(VENV)/bin/python -m tests.fuzz $(N) $(SEED) --json build/fuzz-$(SEED).json

kills: $(INSTALLED)
	$(VENV)/bin/python -m tests.kills $(N) $(SEED)

gpu: $(INSTALLED)
	# TensorRT, and what kernels are compared with. Where they cannot be had, a line of the table says so.
	-nvidia-smi > /dev/null && $(PIP) install --quiet --constraint constraints.txt --no-build-isolation \
		--editable ".[trt]" torchvision
	$(VENV)/bin/python -m benchmarks.gpu

$(DOCS_INSTALLED): $(INSTALLED)
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable ".[docs]"
	touch $@

triton: $(TRITON)

# A server with the Python back end alone, and the NumPy that this back end can use. Nothing else: pytriton is not used.
$(TRITON): $(INSTALLED)
	$(PIP) install --quiet --no-deps --target .venv-triton nvidia-pytriton==0.7.0 numpy==1.26.4
	touch $@

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# What builds packages: this one with hatchling, tensorrt-rtx-cu13, which has no wheel, with setuptools.
	$(PIP) install --quiet --constraint constraints.txt hatchling setuptools wheel
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable ".[dev]"
	# Beside the packages: among them, the stubs would be taken for TensorRT itself.
	$(PIP) install --quiet --constraint constraints.txt --no-deps --target $(VENV)/stubs tensorrt-stubs
	# It states older ml-dtypes and protobuf than onnx has here.
	$(PIP) install --quiet --constraint constraints.txt --no-deps tritonclient
	touch $@
