# `make demo` shows what nnspec does; `make test` is the whole check. Both set up .venv first, once.

PYTHON := $(shell for p in python3.11 python3; do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; break; fi; done)
BIN := .venv/bin
PYTEST_ARGS ?=
# Of pytest: each holds PyTorch and TensorFlow, some 2 GB. `make test WORKERS=0` runs all in one process.
WORKERS ?= 2

# TensorFlow greets every process with several lines of advice.
export TF_CPP_MIN_LOG_LEVEL := 3

.DEFAULT_GOAL := help
# Words that the name of an injection, or of a row of the parity table, must hold; none for all.
DETECTION ?=
PARITY ?=

.PHONY: help install demo test lint types check-golden pytest verify-all parity detection fuzz fuzz-loader mlflow page editors bench format golden docs site lock clean

help:  ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "nnspec needs Python 3.11 or later on the path"; exit 1; }
	@echo "== Setting up .venv with $(PYTHON): PyTorch, TensorFlow and ONNX Runtime take a few minutes, once"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: .venv/.installed  ## Set up .venv from requirements.lock

demo: .venv/.installed  ## One spec to PyTorch, Keras and ONNX, and the proof that they agree
	@$(BIN)/python scripts/demo.py

test: lint types pytest  ## Lint, format, types and the fast tests

lint: .venv/.installed check-golden  ## ruff on everything, and ruff's defaults on the emitted files
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

# An emitted file must satisfy its reader's ruff, not ours: no settings of this project apply to it.
check-golden: .venv/.installed
	@if [ -d tests/golden ]; then echo "== ruff's defaults on tests/golden" && \
		$(BIN)/ruff check --isolated tests/golden && $(BIN)/ruff format --isolated --check tests/golden; fi

types: .venv/.installed  ## mypy, strict
	@echo "== mypy"
	@$(BIN)/mypy

pytest: .venv/.installed  ## The fast tests; PYTEST_ARGS="-k dense" narrows them
	@echo "== pytest"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

# The slow tests are most cases of the tests that take long, and take most of an hour on two cores. The zoo is verified
# at the size of the papers, which takes half an hour and 8 GB.
verify-all: .venv/.installed  ## The slow tests, the parity table, the zoo with random trainings, then `nnspec verify` on every spec, the zoo's at full size
	@echo "== the slow tests"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow $(PYTEST_ARGS)
	@$(BIN)/python -m tests.parity
	@$(BIN)/python -m tests.fuzz.zoo --rounds 2
	@$(BIN)/python -m scripts.verify_all

parity: .venv/.installed  ## Every optimizer x schedule etc. trained in PyTorch and Keras; PARITY="adam" narrows it
	@$(BIN)/python -m tests.parity $(PARITY)

# In child processes; an interrupted run goes on where it was: build/detection holds what came of each.
detection: .venv/.installed  ## What is found of a catalogue of faults, in files and engines, two hours; DETECTION="--count 100 -n 1"
	@$(BIN)/python -m tests.detection $(DETECTION)

# In child processes, which may die; an interrupted run goes on where it was. build/fuzz holds what failed.
fuzz: .venv/.installed  ## 2,000 random specs compiled, linted and verified, an hour or two; FUZZ_ARGS="--trainings --count 100 -n 4"
	@$(BIN)/python -m tests.fuzz.run $(FUZZ_ARGS)

# atheris is built for few versions of Python, so that it stands in a folder of its own, and not in requirements.lock.
fuzz-loader: .venv/.installed  ## Ten minutes of texts for the loader, by coverage; FUZZ_ARGS="-max_total_time=60"
	@test -d build/atheris/atheris || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps \
		--target build/atheris atheris==3.0.0
	@PYTHONPATH=.:backends:build/atheris $(BIN)/python -m tests.fuzz.loader -max_total_time=600 -print_final_stats=1 $(FUZZ_ARGS)

# MLflow brings some twenty packages, so that it stands in a folder of its own, and not in requirements.lock.
mlflow: .venv/.installed  ## The tests of `--log mlflow`: installs MLflow's client into build/mlflow
	@mkdir -p build && grep -v '^certifi' requirements.lock > build/mlflow.txt # MLflow wants a later one
	@test -d build/mlflow/mlflow || $(BIN)/pip install --quiet --disable-pip-version-check \
		--target build/mlflow -c build/mlflow.txt mlflow-skinny==3.17.2 sqlalchemy alembic
	@PYTHONPATH=.:backends:build/mlflow $(BIN)/python -m pytest -q tests/training/test_loggers.py

# A browser of npm's, outside the tree; pictures of the page are left beside it.
BROWSER ?= /tmp/nnspec-browser
page: .venv/.installed  ## The page of a report in Chromium, with axe-core: installs these by npm into BROWSER
	@mkdir -p $(BROWSER)
	@cd $(BROWSER) && npm install --silent --no-audit --no-fund @sparticuz/chromium puppeteer-core axe-core
	@NNSPEC_BROWSER=$(BROWSER) NNSPEC_PICTURES=$(BROWSER) $(BIN)/python -m pytest -q tests/browser

# yaml-language-server of npm's, outside the tree.
EDITOR_SERVER ?= /tmp/nnspec-editor
editors: .venv/.installed  ## Hover and completion of specs in yaml-language-server: installs it by npm into EDITOR_SERVER
	@mkdir -p $(EDITOR_SERVER)
	@cd $(EDITOR_SERVER) && npm install --silent --no-audit --no-fund yaml-language-server@2.0.0
	@NNSPEC_EDITOR=$(EDITOR_SERVER) $(BIN)/python -m pytest -q -m slow tests/editors

bench: .venv/.installed  ## Measure compile, export and run times
	@$(BIN)/python -m benchmarks

format: .venv/.installed  ## Format, and mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

golden: .venv/.installed  ## Write tests/golden and the messages of specs/invalid anew; read the difference before you commit it
	@$(BIN)/python -m tests.golden_files
	@NNSPEC_WRITE_MESSAGES=1 $(BIN)/python -m pytest -q tests/language/test_invalid_specs.py

docs: .venv/.installed  ## Write the generated pages of docs/ anew
	@$(BIN)/python scripts/generate_docs.py

site: .venv/.installed  ## The documentation as a site, in build/site/html, with a page for each word of a spec
	@$(BIN)/python -m scripts.site

# Keeps the comment at the top, and the pins of what .venv holds now. `pip` belongs to the environment; a local version
# such as torch's +cpu exists in no index.
lock:  ## Write requirements.lock anew from what .venv holds
	@{ grep '^#' requirements.lock; $(BIN)/pip freeze --all --exclude pip --exclude-editable --exclude nnspec \
		| sed -E 's/\+cpu$$//' | LC_ALL=C sort -f; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:  ## Remove .venv, caches and builds
	rm -rf .venv build dist runs/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
