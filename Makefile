# Both targets set up .venv by themselves, once, from PYTHON (3.10 to 3.13) and the versions in constraints.txt.
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check
INSTALLED := .venv/.installed

.PHONY: demo test

# Export a model and detect with it, from end to end.
demo: $(INSTALLED)
	.venv/bin/gridrt demo

# Everything that a change must pass.
test: $(INSTALLED)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pytest --numprocesses 2 --dist loadfile

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt hatchling
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable ".[dev]"
	touch $@
