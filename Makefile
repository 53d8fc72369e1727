# Each target makes its own virtual environment; nothing else needs to be set up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -q install -c constraints.txt

.DELETE_ON_ERROR:
.PHONY: run test test-slow test-systemd soak bench bench-cache pictures lint types format check clean

run: $(VENV)/.run  ## the daemon with config.toml, else the demo
	@if [ -f config.toml ]; then exec $(BIN)/syncd run --config config.toml; else exec $(BIN)/syncd demo; fi

test: $(VENV)/.dev  ## the tests
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow and not systemd"

test-slow: $(VENV)/.dev  ## the longer suites
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m slow

test-systemd: $(VENV)/.dev  ## the unit under a real systemd, in a container (root, debootstrap, systemd-container)
	$(BIN)/python -m pytest -q -n 0 -m systemd tests/systemd

soak: $(VENV)/.dev  ## 20,000 syncs with churn and faults; prints what grows and what is wrong; SOAK="--syncs 100000 --minutes 120"
	$(BIN)/python -m tests.soak $(SOAK)

bench: $(VENV)/.dev  ## what it costs, beside the official SDK and a bare loop; BENCH=--full for 100,000 images and 1,000 targets
	$(BIN)/python -m tests.bench $(BENCH)

bench-cache: $(VENV)/.dev  ## what each reading command costs on 100,000 images and a million events
	$(BIN)/python -m tests.bench.cache

pictures: $(VENV)/.dev  ## the READMEs' pictures of a terminal, drawn anew
	$(BIN)/python docs/pictures/make.py

lint: $(VENV)/.dev  ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev  ## static types
	$(BIN)/mypy

format: $(VENV)/.dev  ## rewrite the files as `make lint` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint types test  ## all of the above

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The mark is made last: an environment that was left half made, or has no pip, is made anew.
$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "syncd needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.run
