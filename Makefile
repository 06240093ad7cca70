# `make` lists the targets. All of them set up what they need in .venv; Python 3.11+ and make are enough.

PYTHON ?= python3
BIN := .venv/bin
UV := uv==0.13.9
READY := .venv/.ready
BUILT := .venv/.built
# What is compiled: the list in pyproject.toml, with the .pxd files beside.
COMPILED := $(shell awk '/^compiled = / {on = 1; next} /^]/ {on = 0} on {gsub(/[ ",]/, ""); print}' pyproject.toml)
COMPILED += hatch_build.py $(wildcard $(COMPILED:.py=.pxd))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup page demo test check bench evaluate contract web

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup page ## all services, a log and a simulated contact centre on http://127.0.0.1:8080
	@exec env STRAINWATCH_DIE_WITH_PARENT=$$PPID $(BIN)/strainwatch demo

test: setup page ## every test: unit, contract, simulation, acceptance, browser; says what was skipped and why
	@exec $(BIN)/python -m pytest -rs $(PYTEST_ARGS)

check: setup ## format, types, layers, generated files, house rules and unit tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.contract_gen --check
	@exec $(BIN)/python -m pytest -q -rs -n 2 --dist loadfile tests/unit

bench: setup ## measure against the peers; results also in bench/latest.json
	@exec $(BIN)/python -m bench.run

evaluate: setup ## judge seeded days and real calls beside what people use now; results in bench/evaluation.json
	@UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --locked --inexact --quiet --group bench --python $(BIN)/python
	@exec $(BIN)/python -m bench.evaluate

contract: setup ## write JSON Schema, AsyncAPI and the page's types from shared/contract
	@exec $(BIN)/python -m tools.contract_gen

web: setup ## build the team lead's page
	@exec $(BIN)/python -m tools.web_build

# The page is built when its sources are newer. Without Node or a registry everything else still works.
page: setup
	@$(BIN)/python -m tools.web_build || echo "The page was not built; everything else works without it." >&2

setup: $(READY) $(BUILT)

# --inexact leaves in place what is not in the lock: uv itself, and the Node wheel of the page's build. The project itself
# is always built anew: a build that uv remembers would leave its extensions out.
SYNC := UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --locked --inexact --quiet --reinstall-package strainwatch --python $(BIN)/python

$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit("Strainwatch needs Python 3.11 or newer; name one: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "setting up .venv (once, and when the lock file changes)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv && $(BIN)/uv --version | grep -q " $(UV:uv==%=%)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	@$(SYNC)
	@touch $@

# A changed module is compiled in place; where that takes the compiler that comes as a wheel, by way of uv.
$(BUILT): $(READY) $(COMPILED)
	@$(BIN)/python hatch_build.py || { test $$? = 3 && $(SYNC); }
	@ls shared/_cython_parts.* >/dev/null 2>&1 || echo "Strainwatch runs without compiled modules, slower with the same results: they need a C compiler and Python.h." >&2
	@touch $@
