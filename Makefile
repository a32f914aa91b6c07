# Every target sets up .venv by itself, from requirements.lock alone; it is quick when that is done.
#   make demo ARGS="--for 60s"      make test ARGS="tests/ops -x" JOBS=0      make check      make bench
# PYTHON names the interpreter to use: 3.11 or 3.12.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
JOBS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) + 1 )))
PYTHON ?=
EXTRAS := --extra dev --extra train --extra explain --extra export
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

.PHONY: help kernels demo up down test check style types imports pages chaos fuzz bench bench-live bench-serving lock format clean

help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

kernels: $(READY) ## compile the feature kernels, on every core; quick when that is done
	@$(BIN)/undertone features compile

demo: kernels ## the whole system on a synthetic market, with page and terminal view
	@$(BIN)/undertone demo $(ARGS)

up: $(READY) ## Kafka, QuestDB and Redis on this machine, without Docker; quick when they run (docs/servers.md)
	@$(BIN)/python -m ops.local up $(ARGS)

down: $(READY) ## stop what `make up` started; what is stored stays
	@$(BIN)/python -m ops.local down $(ARGS)

test: kernels ## all tests, a file of them a process and JOBS processes at once (cores + 1, as many tests wait for servers); JOBS=0: in one
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

check: style types imports pages test ## everything CI checks

style: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

imports: $(READY)
	@$(BIN)/lint-imports --no-cache

pages: $(READY)
	@$(BIN)/python -m ops.pages --check

chaos: kernels ## kill dataflows for an hour or so and verify what they stored; the report goes to docs/chaos.md
	@$(BIN)/python -m tests.recovery.chaos --kills 200 --write $(ARGS)
	@$(BIN)/python -m tests.recovery.full --kills 200 --steps 200 --write $(FULL_ARGS)

fuzz: $(READY) ## generated input for every call of the service; the report goes to docs/fuzz.md
	@$(BIN)/python -m tests.api.fuzz --write $(ARGS)

bench: kernels ## measure, and print the card
	@$(BIN)/python -m benchmarks.card $(ARGS)

bench-serving: $(READY) ## the service under load: calls and WebSockets; about 2 minutes
	@$(BIN)/python -m benchmarks.serving $(ARGS)

bench-live: kernels ## Kafka, QuestDB, Redis and the dataflow under load: rates, latencies, memory; about 12 minutes
	@$(BIN)/python -m benchmarks.live $(ARGS)

format: $(READY) ## format the code, write the reference pages
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .
	@$(BIN)/python -m ops.pages

lock: $(READY) ## resolve requirements.lock and the installer's again
	@$(COMPILE) --upgrade $(EXTRAS) pyproject.toml -o requirements.lock
	@{ echo '# The installer of requirements.lock, for every platform. Made by `make lock`.'; \
	   echo uv | $(COMPILE) --upgrade -; } > $(VENV)/installer.lock
	@mv $(VENV)/installer.lock ops/installer.lock

clean: ## remove the environment and everything compiled
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock ops/installer.lock pyproject.toml ops/find-python
	@python="$$(bash ops/find-python $(PYTHON))"; \
	"$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r ops/installer.lock
	@$(BIN)/uv pip sync --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
