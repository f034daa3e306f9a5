# The few commands of the project. Every one sets up what it needs, in .venv, and a second call is instant.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest
export PYTHONDONTWRITEBYTECODE :=  # what pytest makes of the tests is half of what it takes to collect them

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long check check-install bench test-clients test-faults coverage format reference pictures constraints clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

setup: $(VENV)/.stamp-dev  ## everything for working on Loopline

demo: $(VENV)/.stamp-demo  ## the whole story on 336,776 real flights; FOLDER=… keeps it there, SERVE=1 leaves its server running
	@$(BIN)/loopline demo $(FOLDER) $(FLAGS) $(if $(SERVE),--serve)

test: $(VENV)/.stamp-dev  ## all tests but those of `check` and of the targets that follow; TESTS=… those
	@$(PYTEST) -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(or $(TESTS),--ignore=tests/house --ignore=tests/typing)

check: $(VENV)/.stamp-dev  ## style, types, layers, house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) -q tests/house tests/typing

check-install: .venv-install/.stamp  ## lint the Dockerfile, the compose file and the Helm chart, with Helm's own library
	@.venv-install/bin/python scripts/lint_install.py

bench: $(VENV)/.stamp-dev  ## measure against peers, each in its own environment; writes benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks $(TOPICS)

test-clients: $(VENV)/.stamp-dev  ## other projects' own clients against ours, each in an environment of its own (~/.cache)
	@$(PYTEST) -n 2 --dist loadfile -m clients tests/clients

test-long: $(VENV)/.stamp-dev  ## whole stories, pages in a browser and walks over everything there is
	@$(PYTEST) -n 4 --dist loadscope --no-loadscope-reorder -m long

test-faults: $(VENV)/.stamp-dev  ## kill, cut and fill the disk, for as long as it takes
	@$(PYTEST) -n 3 -m faults; status=$$?; [ $$status -eq 5 ] || exit $$status

coverage: $(VENV)/.stamp-dev  ## which branches no test takes
	@$(PYTEST) -n $(WORKERS) --dist loadscope --cov --cov-report=term --cov-report=html

format: $(VENV)/.stamp-dev  ## write the code as the formatter would
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

reference: $(VENV)/.stamp-dev  ## write the pages and the snapshot that are read off the code
	@$(BIN)/python scripts/write_reference.py
	@$(BIN)/python -m tests.house.test_public

pictures: $(VENV)/.stamp-dev  ## picture every page of the web UI into docs/pages
	@$(BIN)/python scripts/screenshots.py --chosen

constraints: $(VENV)/.stamp-dev  ## pin what is installed now
	@{ head -n 1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+=='; } > constraints.new
	@mv constraints.new constraints.txt

clean:  ## remove what `setup` and the tools made
	rm -rf $(VENV) .venv-install .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov

.venv-install/.stamp: install/lint.txt
	@echo "Setting up .venv-install …"
	@$(PYTHON) -m venv .venv-install
	@.venv-install/bin/python -m pip install --quiet --disable-pip-version-check -r install/lint.txt
	@touch $@

# One installer at a time: `make check` and `make test` may run side by side.
$(VENV)/.stamp-%: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) ($*) …"
	@flock .venv.lock sh -eu .ci/setup $(PYTHON) $(VENV) $*
