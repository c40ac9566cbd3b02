# Every target that runs the package first makes the set-up current; a second call installs nothing.
# PYTHON chooses the interpreter (3.11 or 3.12) that the virtual environment is made with.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$p && break; done)
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests of one file stay together in a process: they share what is expensive, a Ray cluster or a trained task model.
# Slow tests run one after another: several of them give a process that they kill only seconds to answer.
TEST_PROCESSES ?= 2

# Python keeps its bytecode here, even if the environment forbids it. Without bytecode every process of Ray compiles
# all its imports again, and a cluster takes 12 s to start instead of 5 s.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo setup test test-fast test-slow bench chaos docs figures lint types arrows lock schema clean help

help:
	@echo "make demo       set up, then sweep handwritten digits and draw the front against the bounds"
	@echo "make test       set up, then ruff, mypy, import-linter and pytest"
	@echo "make test-fast  the tests that take milliseconds, for the loop of writing code (under a minute)"
	@echo "make test-slow  the tests with real kills, a browser and a wheel in a bare environment"
	@echo "make lint, make types, make arrows   the first three parts of make test: ruff, mypy, import-linter"
	@echo "make setup      the set-up alone (virtual environment in .venv)"
	@echo "make bench      measure every figure that has a target, one line each"
	@echo "make chaos      drivers and workers killed again and again"
	@echo "make docs       rewrite sweeps/schema.json and run the examples of the documentation"
	@echo "make figures    redraw the papers' figures in docs/images"
	@echo "make lock       resolve requirements.lock again"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "ratefront needs Python 3.11 or 3.12 (with venv): set PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --only-binary :all: --requirement requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

demo: setup
	$(BIN)/ratefront sweep sweeps/digits.yaml

lint: setup
	$(BIN)/ruff check src tests cluster docs/results
	$(BIN)/ruff format --check src tests cluster docs/results

types: setup
	$(BIN)/mypy

arrows: setup
	$(BIN)/lint-imports

test: lint types arrows
	$(BIN)/pytest -m "not slow and not chaos" --durations=5 --numprocesses $(TEST_PROCESSES) --dist loadfile

test-fast: setup
	$(BIN)/pytest -q -m "not slow and not chaos and not medium" --numprocesses $(TEST_PROCESSES) --dist loadfile

test-slow: setup
	$(BIN)/pytest -m slow --durations=20

bench: setup
	$(BIN)/python tests/bench/run.py

chaos: setup
	$(BIN)/pytest -m chaos -s

docs: schema
	$(BIN)/pytest tests/examples

figures: setup
	for name in mixture detection modelnet40 published; do \
		$(BIN)/ratefront bounds --example $$name --figure docs/images/$$name.png || exit 1; done

schema: setup
	$(BIN)/ratefront schema --out sweeps/schema.json

lock: setup
	$(BIN)/uv pip compile --universal --no-header --no-annotate --no-build --python-version 3.11 --extra dev \
		pyproject.toml --output-file requirements.lock --upgrade

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
