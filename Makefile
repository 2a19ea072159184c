# Everything a person types. Each target sets up .venv by itself when it is missing or stale.
# All paths are relative, so that the project may lie in a folder with spaces in its name.

SHELL := /bin/sh
# What is started here is started many times: without compiled files dbt alone takes 5 s of processor more each time.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench soak sbom up down clean force
.DELETE_ON_ERROR:

BIN := .venv/bin
STAMP := .venv/onestop.stamp
UV_REQUIREMENT := uv>=0.8,<1

# The first Python from 3.11 to 3.13 that really runs and can make environments (a shim of a version manager may not).
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)

# Stale, whatever the dates say: an environment that does not run, or that was made in another folder (a copied project
# would run the original's code), or with another Python than the one asked for by PYTHON=...
FRESH = $(shell test -x $(BIN)/python && $(BIN)/python -c 'import sys' 2>/dev/null \
	&& test "$$(cat $(STAMP) 2>/dev/null)" = "$$(pwd -P)" \
	&& { test -z '$(PYTHON)' || test "$$($(BIN)/python -V)" = "$$($(PYTHON) -V 2>/dev/null)"; } && echo yes)

# An installed PostgreSQL 15, the oldest version supported: the tests of what a server could change run on it too.
POSTGRES15 ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin /usr/pgsql-15/bin /opt/homebrew/opt/postgresql@15/bin))
PYTEST_ARGS ?=

help: ## what there is to type
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## the environment .venv, if it is missing or stale
	@:

$(STAMP): requirements.lock pyproject.toml $(if $(FRESH),,force)
	@if [ -n '$(FRESH)' ]; then exit 0; fi; \
	python=; for candidate in $(CANDIDATES); do \
		if "$$candidate" -c '$(SUITABLE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "No Python from 3.11 to 3.13 with its venv module was found (tried: $(CANDIDATES))." >&2; \
		echo "  Next step: install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
		exit 2; \
	fi; \
	echo "Making .venv with $$("$$python" -V)"; \
	"$$python" -m venv --clear .venv
	@echo "Installing what requirements.lock names (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV_REQUIREMENT)'
	@if [ ! -w "$${HOME:-/nonexistent}" ] && [ -z "$$UV_CACHE_DIR" ]; then export UV_NO_CACHE=1; fi; \
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@pwd -P > $@

demo: $(STAMP) ## the whole way for one quarter of a sample province (KEEP=1 leaves the platform up)
	@$(BIN)/onestop demo $(if $(filter-out 0,$(KEEP)),--keep)

# A file's tests share what they built, so a file is not split; long files (e2e, integration) come first. Three on two cores:
# more than a quarter of the time they wait.
PARALLEL = -n 3 --dist loadscope --no-loadscope-reorder

test: $(STAMP) ## all tests; where PostgreSQL 15 is installed, those marked every_server on it too (PYTEST_ARGS=...: only those)
ifeq ($(PYTEST_ARGS),)
	-@$(BIN)/python -m onestop.platform.bi.environment .local # where it cannot be made, its tests say that they skip
endif
	$(BIN)/python -m pytest $(if $(PYTEST_ARGS),$(PYTEST_ARGS),$(PARALLEL))
ifeq ($(PYTEST_ARGS),)
ifneq ($(POSTGRES15),)
	ONESTOP_TEST_POSTGRES_BIN=$(POSTGRES15) $(BIN)/python -m pytest $(PARALLEL) -m every_server tests/integration
endif
endif

lint: $(STAMP) ## static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy bench
	$(BIN)/lint-imports
	$(BIN)/python -m onestop.pipeline.lint_rules
	$(BIN)/python -m onestop.pipeline.lint_personal
	$(if $(wildcard dbt_project/.sqlfluff),$(BIN)/sqlfluff lint --config dbt_project/.sqlfluff dbt_project/models)

bench: $(STAMP) ## measurements
	@$(BIN)/python -m bench

soak: $(STAMP) ## every fault played for real, many times, going on where it ended (FAULTS='kill_ingest lock=1': only those)
	@cd tests && "$(CURDIR)/$(BIN)/python" -m soak $(FAULTS)

sbom: $(STAMP) ## every package of the locks with its hashes, as CycloneDX: dist/sbom*.cdx.json
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o dist/sbom.cdx.json
	$(BIN)/cyclonedx-py requirements requirements-superset.lock --output-reproducible -o dist/sbom-superset.cdx.json

up: $(STAMP) ## the local platform: PostgreSQL, Airflow with its UI
	@$(BIN)/onestop up

down: $(STAMP) ## stop it
	@$(BIN)/onestop down

# Data of a server that runs for root may lie outside the project: .local/postgres.json knows where, and the program
# removes them. So the environment is needed where such a file is, and is set up for that if need be.
DATABASES = $(wildcard .local/postgres.json .demo/.local/postgres.json)

clean: $(if $(DATABASES),$(STAMP)) ## stop what runs; remove everything generated, the local warehouse too
	@$(if $(DATABASES),for file in $(wildcard province.yml .demo/province.yml); do \
		$(BIN)/onestop down --config "$$file" || echo "going on without it" >&2; \
	done)
	@$(if $(DATABASES),$(BIN)/python -m onestop.warehouse.destroy $(dir $(DATABASES)))
	@rm -rf .local .demo .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		dbt_project/target dbt_project/logs dbt_project/dbt_packages
	@find . -name .git -prune -o -type d -name __pycache__ -exec rm -rf {} +
