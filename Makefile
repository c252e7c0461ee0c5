# Two commands matter: `make serve` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK    = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help serve test test-slow test-vllm install-vllm check unit lock docs clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --no-compile: Python writes byte code for what it imports, which is a third of what is installed.
$(VENV)/installed: requirements/base.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ocrgate needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing ocrgate into $(VENV) (about a minute the first time)"
	@$(PIP) --no-compile --require-hashes -r requirements/build.txt -r requirements/base.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: requirements/dev.txt $(VENV)/installed
	@echo "Installing the tools that check ocrgate"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

serve: $(VENV)/installed  ## install what is missing and serve on http://127.0.0.1:7860
	@$(BIN)/ocrgate serve

test: check unit  ## install what is missing and run every check

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/installed-dev
	$(BIN)/pytest -n 2 -m "not slow"

test-slow: $(VENV)/installed-dev  ## run the tests that take ten seconds or more
	$(BIN)/pytest -m slow

test-vllm: $(VENV)/installed-dev  ## install a real vLLM for CPUs (2.5 GB, once) and test against it
	-@tests/vllm/install.sh
	-@tests/vllm/install_llamacpp.sh
	$(BIN)/pytest tests/vllm

install-vllm:  ## only install that vLLM, outside this folder
	@tests/vllm/install.sh
	@tests/vllm/install_llamacpp.sh

lock: $(VENV)/installed-dev  ## write requirements/*.txt anew from pyproject.toml
	@$(PIP) uv
	$(LOCK) pyproject.toml -o requirements/base.txt
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) --extra heic --extra report --extra simd --extra tracing --extra tune pyproject.toml requirements/dev.in -c requirements/base.txt -o requirements/dev.txt

docs: $(VENV)/installed-dev  ## write docs/reference and docs/problems anew from the code
	$(BIN)/python docs/generate.py

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
