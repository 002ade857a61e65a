# The two commands of a newcomer, `make demo` and `make test`, and what they stand on.
# Everything is installed into .venv, at the versions of constraints.txt, from whatever index pip is set up with.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first Python that is new enough; name another with `make PYTHON=/path/to/python demo`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# Two workers on two cores; more than eight only stand in each other's way.
# Moved by hand: a new torch is a new numerical library, and the largest download by far.
TORCH := 2.13.0
PYTEST := $(BIN)/pytest -n auto --maxprocesses 8 --dist loadfile
ELSEWHERE := long or systemd

.PHONY: help demo test test-all test-long check compiled bench venv constraints clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed-train ## Install what the demo needs and run the main job, start to end
	@$(BIN)/carbonq demo

test: check compiled ## Lint, types, import contract, and every test that fits in a few minutes
	$(PYTEST) -m "not ($(ELSEWHERE))"

test-all: test test-long ## The same, then the long tests and those that start a real systemd

test-long: compiled ## The long tests and the systemd tests alone, one at a time
	$(BIN)/pytest -m "$(ELSEWHERE)"

check: $(VENV)/.installed-test ## Lint, types and import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Beforehand and once: else the first test that plans waits for the compiler, each worker's for its own, and its time runs out
# on a busy machine.
compiled: $(VENV)/.installed-test ## Compile the planner's loops for this machine
	$(BIN)/python -c "from scheduler.planning.warm_up import warm_up; warm_up()"

bench: $(VENV)/.installed-test ## Run every benchmark, one after the other
	@set -e; for benchmark in benchmarks/[a-z]*.py; do echo "== $$benchmark"; $(BIN)/python "$$benchmark"; done

venv: $(VENV)/.installed-test ## Make .venv with everything that development needs

constraints: ## Pin the versions that a fresh environment resolves to today
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/pip install --quiet --editable '.[test]' torch==$(TORCH)
	.ci/pinned build/constraints/bin/pip > constraints.txt

clean: ## Remove the environment and every cache
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Stamps: made anew when what is to be installed changes, so that a second call starts at once.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing carbonq with its [$*] packages into $(VENV); the first time this downloads PyTorch and takes minutes."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	@touch $@

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "carbonq needs Python 3.11 or newer, and found none on PATH." \
		"Install it (Debian, Ubuntu: sudo apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		echo "$(PYTHON) cannot make environments: its package $$package is missing." \
		"Install it (Debian, Ubuntu: sudo apt install $$package) and run make again." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
