# `make demo` and `make test` need nothing but Python and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COG := $(BIN)/cog -I docs -P -p "import reference" --verbosity 1
GENERATED := $(wildcard docs/*.md) benchmarks/README.md .env.example

# Many processes run in a test: what the first of them has compiled serves the others.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo serve dev test test-dates prove lint docs clean

install: $(VENV)/installed   ## the program and what it needs to run, without development tools

demo: $(VENV)/installed       ## everything, with a local Zendesk and no account
	$(BIN)/zendesk-audit demo

serve: $(VENV)/installed      ## the same, and then the Dagster UI with automation on
	$(BIN)/zendesk-audit demo --serve

dev: $(VENV)/installed        ## the Dagster UI for the account that .env names
	$(BIN)/zendesk-audit serve

test: $(VENV)/ready          ## all tests but the long proofs
	$(BIN)/python -m pytest -m "not faults"

test-dates: $(VENV)/ready    ## the tests that read the clock, under eight shifted ones; needs faketime
	$(BIN)/python tests/shifted_clocks.py

prove: $(VENV)/ready         ## the long proofs: kills, a storm of all commands, faults by other seeds, more random examples
	$(BIN)/python tests/faults/kill_many.py --kills 200
	$(BIN)/python tests/faults/storm.py --minutes 0.5
	FAULT_SEED=11 TEST_EXAMPLES=2 TEST_THREADS=4 $(BIN)/python -m pytest -m faults
	TEST_EXAMPLES=4 TEST_THREADS=4 $(BIN)/python -m pytest -m "random and not faults"

lint: $(VENV)/ready          ## what CI checks besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(COG) --check $(GENERATED)

docs: $(VENV)/ready          ## write the generated parts of the documentation
	$(COG) -r $(GENERATED)

clean:                       ## the virtual environment; never the data
	rm -rf $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/ready: $(VENV)/installed
	$(PIP) --constraint constraints.txt --group dev
	touch $@
