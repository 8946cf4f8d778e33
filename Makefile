# `make demo` and `make test` need nothing but Python and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo serve dev test prove lint clean

demo: $(VENV)/ready          ## everything, with a local Zendesk and no account
	$(BIN)/zendesk-audit demo

serve: $(VENV)/ready         ## the same, and then the Dagster UI with automation on
	$(BIN)/zendesk-audit demo --serve

dev: $(VENV)/ready           ## the Dagster UI for the account that .env names
	$(BIN)/dagster dev

test: $(VENV)/ready          ## all tests
	$(BIN)/python -m pytest

prove: $(VENV)/ready         ## the long proofs: a backfill killed at many random moments, the fault suite with other seeds
	$(BIN)/python tests/faults/kill_many.py --kills 200
	FAULT_SEED=11 $(BIN)/python -m pytest tests/faults
	FAULT_SEED=21 $(BIN)/python -m pytest tests/faults

lint: $(VENV)/ready          ## what CI checks besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:                       ## the virtual environment; never the data
	rm -rf $(VENV)

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	touch $@
