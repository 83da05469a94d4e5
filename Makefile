# ccsync: everything a checkout can do. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-spark bench lint types imports unit docs docs-check smoke clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
AZURITE := azurite@3.37.0

help:  ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Create .venv and install ccsync with its tools, at the versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 setup" >&2; exit 1; }
	@echo "Installing into $(VENV); this takes a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: setup  ## Watch it work: sandbox, validate, plan, apply, change the data, plan, apply, "No changes"
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash docs/demo.sh

test: lint types imports docs-check unit smoke  ## Everything that must be green: lint, types, import rules, docs, tests

lint: setup  ## Check style and formatting
	$(BIN)/ruff format --check ccsync tests
	$(BIN)/ruff check ccsync tests

types: setup  ## Check types
	$(BIN)/mypy

imports: setup  ## Check that imports go downwards only
	$(BIN)/lint-imports

# Azurite, the emulator of Azure's blob storage, comes from npm. Tests that need it say so and are skipped without it.
$(VENV)/azurite: $(STAMP)
	@npm install --silent --no-package-lock --no-audit --no-fund --prefix $@ $(AZURITE) \
		|| { rm -rf $@; echo "npm can't install $(AZURITE) here: tests over Azure will be skipped" >&2; }

unit: setup $(VENV)/azurite  ## Run the tests (the long ones excepted)
	$(BIN)/python -m pytest -n 2 -m "not long" tests

test-long: setup $(VENV)/azurite  ## Run the long tests too: thousands of examples
	$(BIN)/python -m pytest -n 2 tests

test-spark: setup  ## Run the tests that ask a Spark cluster (needs Java 17; installs 1 GB into .venv-spark)
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[dev]' 'pyspark>=4' 'adbc-driver-spark>=0.3'
	.venv-spark/bin/python -m pytest tests/engine/test_sources_spark.py

bench: setup  ## Measure speed and memory and write docs/benchmarks.md; a part of it: make bench ROWS=plan,apply
	$(BIN)/python -m tests.bench --write docs/benchmarks.md $(if $(ROWS),--rows $(ROWS))

docs: setup  ## Write the generated pages of docs/ anew
	$(BIN)/python -m ccsync.cli.pages --write docs

docs-check: setup  ## Check that the generated pages are what the program would write
	$(BIN)/python -m ccsync.cli.pages --check docs

smoke: setup  ## Build the wheel, install it alone into a clean environment and use it there
	bash tests/smoke.sh $(PYTHON) $(BIN)

clean:  ## Remove what was made, .venv included
	rm -rf $(VENV) .venv-spark dist build .demo .bench .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
