# `make help` lists what there is. VENV=name uses another virtual environment in this folder, PYTHON=path another Python.

VENV := .venv
TREE := {{cookiecutter.project_slug}}
PINS := $(VENV)/template-requirements.txt
FITTING := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
CANDIDATES := python3 python3.12 python3.11 python3.10 python3.13
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c '$(FITTING)' 2>/dev/null && echo $$p && break; done)
BIN := '$(VENV)/bin'
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.10 --fork-strategy fewest --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help setup install demo test test-fast lint format bench options wheel lock clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Make the virtual environment, or bring it up to date
	@cat requirements.txt '$(TREE)/requirements.txt' | cmp -s - '$(PINS)' || $(MAKE) --no-print-directory install

# What was installed last is kept beside it: the same pins are never installed twice, and changed ones always are.
install:
	@test -n '$(PYTHON)' || { echo "Python 3.10 to 3.13 with venv is needed (the pinned packages of the SageMaker" \
	  "image have no build for others): install one, or name it with PYTHON=/path/to/python."; exit 1; }
	@echo "Installing the pinned packages with $(PYTHON) (once, a minute or two; 1.4 GB) ..."
	@'$(PYTHON)' -m venv '$(VENV)'
	@grep -v '^./vendor/' '$(TREE)/requirements.txt' > '$(VENV)/tree-requirements.txt'  # the kit itself comes from kit/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r '$(VENV)/tree-requirements.txt'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e kit
	@cp '$(TREE)/requirements.txt' '$(VENV)/requirements.txt'  # so that a generated project may share this environment
	@cat requirements.txt '$(TREE)/requirements.txt' > '$(PINS)'

demo: setup  ## Generate the default project into build/demo, test it, rehearse a model's lifecycle
	@rm -rf build/demo
	@$(BIN)/python -m copier copy --quiet --defaults --vcs-ref HEAD '$(CURDIR)' build/demo
	@echo "Generated build/demo. Its own tests:"
	@$(MAKE) --no-print-directory -C build/demo test VENV='$(CURDIR)/$(VENV)'
	@echo "A rehearsal of its pipelines, from training to retuning:"
	@$(MAKE) --no-print-directory -C build/demo local VENV='$(CURDIR)/$(VENV)'

test: setup  ## Run the whole suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered kit/tests
	$(BIN)/python -m pytest -n 3 --dist loadgroup tests

test-fast: setup  ## Run what needs neither Terraform nor a CI runner nor patience, in under three minutes
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not terraform and not ci_runner and not slow'

lint: setup  ## Check style, format and types
	$(BIN)/python -m ruff check --no-cache .
	$(BIN)/python -m ruff format --no-cache --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy --config-file kit/pyproject.toml
	$(BIN)/python -m codespell_lib
	$(BIN)/python docs/make_options.py --check
	$(BIN)/python kit/build_wheel.py --check

format: setup  ## Put style and format right where a tool can
	$(BIN)/python -m ruff check --no-cache --fix .
	$(BIN)/python -m ruff format --no-cache .

bench: setup  ## Measure jobs and generation beside the usual way and the floor
	$(BIN)/python -m bench

options: setup  ## Write docs/options.md from copier.yml
	$(BIN)/python docs/make_options.py

wheel: setup  ## Build the kit's wheel into the generated tree
	$(BIN)/python kit/build_wheel.py

lock: setup  ## Resolve each requirements*.in into its .txt (needs uv)
	cd '$(TREE)' && $(UV_COMPILE) requirements.in --output-file requirements.txt
	grep -v '^./vendor/' '$(TREE)/requirements.txt' > '$(VENV)/tree-requirements.txt'
	$(UV_COMPILE) requirements.in --constraint '$(VENV)/tree-requirements.txt' --output-file requirements.txt
	$(UV_COMPILE) requirements-tools.in --output-file requirements-tools.txt

clean:  ## Remove what the commands made
	rm -rf '$(VENV)' build .hypothesis .mypy_cache .pytest_cache .ruff_cache
