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
.PHONY: help setup page demo test check simulate-faults chaos bench evaluate contract docs web up down test-deploy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup page ## all services, a log and a simulated contact centre on http://127.0.0.1:8080
	@exec env STRAINWATCH_DIE_WITH_PARENT=$$PPID $(BIN)/strainwatch demo

test: setup page ## every test: unit, contract, simulation, acceptance, browser; says what was skipped and why
	@exec $(BIN)/python -m pytest -rs -n 2 --dist loadfile $(PYTEST_ARGS)

check: setup ## format, types, layers, generated files, house rules and unit tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.contract_gen --check
	@exec $(BIN)/python -m pytest -q -rs -n 2 --dist loadfile tests/unit

simulate-faults: setup ## whole runs of all services from one seed each, with faults; SEEDS=1000 by hand
	@exec $(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),200)

# CHAOS_RUNS=200 is the long run by hand: its rows go into docs/chaos.json and the table of docs/guarantees.md.
chaos: setup ## break a running system in every way we know and compare with the oracle (CHAOS_RUNS, CHAOS_ONLY, CHAOS_SEED, CHAOS_BESIDE)
	@exec $(BIN)/python -m tests.chaos --warm $(if $(CHAOS_RUNS),--runs $(CHAOS_RUNS) --record,--beside $(or $(CHAOS_BESIDE),4)) \
	  $(if $(CHAOS_ONLY),--only "$(CHAOS_ONLY)") $(if $(CHAOS_SEED),--seed $(CHAOS_SEED))

bench: setup ## measure against the peers; results also in bench/latest.json
	@$(BIN)/python -m bench.run; status=$$?; $(BIN)/python -m bench.capacity; exit $$status

evaluate: setup ## judge seeded days and real calls beside what people use now; results in bench/evaluation.json
	@UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --locked --inexact --quiet --group bench --python $(BIN)/python
	@exec $(BIN)/python -m bench.evaluate

contract: setup ## write JSON Schema, AsyncAPI and the page's types from shared/contract, and the reference pages of the docs
	@exec $(BIN)/python -m tools.contract_gen

docs: setup ## build the documentation's site into site/; a link that leads nowhere is an error
	@UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --locked --inexact --quiet --group docs --python $(BIN)/python
	@exec env NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

web: setup ## build the team lead's page
	@exec $(BIN)/python -m tools.web_build

up: ## build the image and run everything with Docker Compose; PROFILES="demo observability" for more
	@exec deploy/stack up $(PROFILES)

down: ## end what `make up` started; the data stays
	@exec deploy/stack down

test-deploy: setup ## build the image, run it with Compose, and break it: needs Docker, else says so
	@exec $(BIN)/python -m pytest -rs tests/deploy $(PYTEST_ARGS)

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
