# RASL: `make help` lists what there is. Needs Python >= 3.11 and the network once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz check format bench n8n-e2e lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(STAMP) ## Start the sandbox: database, API, worker, Meta simulator and a demo tenant
	@exec $(BIN)/rasl sandbox

test: $(STAMP) ## Run the whole test suite
	$(BIN)/pytest

fuzz: $(STAMP) ## Make many requests of the OpenAPI document, right and wrong (minutes; the tests make a few)
	RASL_FUZZ=$(or $(FUZZ),50) $(BIN)/pytest -n 0 tests/fuzz

check: $(STAMP) ## Check format, lint, types, layers and house rules
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/house.py

format: $(STAMP) ## Format the code and mend what the linter can
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

bench: $(STAMP) ## Run the benchmarks (never part of the tests)
	$(BIN)/python -m bench $(BENCH)

n8n-e2e: $(STAMP) ## Drive a real n8n with our nodes (installs 3.5 GB into .n8n-e2e; never part of the tests)
	$(BIN)/pytest -n 0 -x tests/n8n/walk.py

lock: ## Pin every dependency again, with hashes
	$(PYTHON) -m venv .lock && .lock/bin/pip install --quiet uv
	.lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --upgrade pyproject.toml --group dev -o requirements.lock
	rm -rf .lock

clean: ## Remove the virtual environment and every cache (data folders stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

setup: $(STAMP) ## Install into .venv without starting anything

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("RASL needs Python 3.11 or newer: make PYTHON=python3.12 run") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
