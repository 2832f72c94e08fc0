# Every command of the project. `make` alone lists them. Each installs what it needs first, into .venv and nowhere else.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist loadgroup

# One stamp a step: touched when the step is done, older than its inputs when it has to be done again.
CREATED := $(VENV)/.created
BOOTSTRAP := $(VENV)/.installed-bootstrap
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
PACKAGE := $(VENV)/.installed-package
KERNELS := $(VENV)/.compiled-kernels
BROKER := $(VENV)/.fetched-broker
BROWSER := $(VENV)/.found-browser
POSTGRES := $(VENV)/.found-postgres
PRISM := $(VENV)/.built-prism
FLINK_VENV := .venv-flink
FLINK := $(FLINK_VENV)/.installed-flink
SPARK := $(VENV)/.fetched-spark
QUIX_VENV := .venv-quix
QUIX := $(QUIX_VENV)/.installed-quix

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-zA-Z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/; s/%/NAME/' | expand -t 18

.PHONY: setup
setup: $(DEV) $(PACKAGE) $(KERNELS) ## make .venv with all that developing needs, and .venv/bin/headrace
	@:

.PHONY: demo
demo: $(RUNTIME) $(PACKAGE) $(KERNELS) ## serve the wine records with models that change meanwhile: the main job, about two minutes
	@$(BIN)/headrace demo

.PHONY: test
test: check $(BROKER) $(BROWSER) $(POSTGRES) $(PRISM) $(FLINK) $(SPARK) ## run every check and every test
	$(PYTEST) $(PARALLEL)

.PHONY: quick
quick: setup $(BROKER) $(BROWSER) $(POSTGRES) $(PRISM) $(FLINK) $(SPARK) ## run the tests that are not marked slow: under two minutes
	$(PYTEST) $(PARALLEL) -m "not slow"

.PHONY: check
check: lint types contracts ## lint, types and import contracts

.PHONY: lint
lint: setup ## lint and formatting (ROOM="src/headrace/wire tests/wire" for less)
	$(BIN)/ruff check $(ROOM)
	$(BIN)/ruff format --check $(ROOM)

.PHONY: types
types: setup ## strict types of src, tests, examples and benchmarks (ROOM=... for less)
	$(BIN)/mypy $(ROOM)

.PHONY: contracts
contracts: setup ## which room may import which
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: setup ## rewrite the sources as the linter wants them
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: wheel-check
wheel-check: setup ## build the wheel, install it alone in a new environment, score with it
	$(PYTEST) -p no:cacheprovider tests/test_wheel.py

bench-%: setup ## run one benchmark: make bench-embedded
	@$(BIN)/python -m benchmarks.$*

.PHONY: bench-kafka
bench-kafka: setup $(BROKER) $(QUIX)
	@$(BIN)/python -m benchmarks.kafka

.PHONY: pmml-conformance
pmml-conformance: setup ## score real PMML models and compare (CASES=DIR for more of them)
	@CASES="$(CASES)" $(BIN)/python -m tests.conformance.pmml

.PHONY: pictures
pictures: setup $(BROWSER) ## draw the pictures of the page in docs/images again
	HEADRACE_PICTURES=docs/images $(PYTEST) tests/monitor/test_accessibility.py -k pictures

.PHONY: hooks
hooks: setup ## have git run the checks before each commit
	$(BIN)/pre-commit install

COMPILE = $(UV) pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" $(UPGRADE)

.PHONY: lock
lock: $(BOOTSTRAP) ## make the hashed requirement files again (UPGRADE=--upgrade for newer versions)
	$(COMPILE) --all-extras --no-emit-package pyspark2pmml pyproject.toml requirements/dev.in -o requirements/dev.txt
	$(COMPILE) --extra monitor --extra onnx -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	$(COMPILE) -c requirements/dev.txt requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) requirements/flink.in -o requirements/flink.txt
	$(COMPILE) requirements/quix.in -o requirements/quix.txt

.PHONY: clean
clean: ## remove what was built and cached, and .venv
	rm -rf $(VENV) $(FLINK_VENV) $(QUIX_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(CREATED):
	@bash scripts/create-venv.sh $(PYTHON) $(VENV)
	@touch $@

$(BOOTSTRAP): requirements/bootstrap.txt $(CREATED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(RUNTIME): requirements/runtime.txt $(BOOTSTRAP)
	@echo "installing what Headrace runs with (requirements/runtime.txt)"
	@$(INSTALL) --require-hashes -r $<
	@touch $@

$(DEV): requirements/dev.txt $(BOOTSTRAP)
	@echo "installing what developing needs (requirements/dev.txt)"
	@$(INSTALL) --require-hashes -r $<
	@touch $@ $(RUNTIME)

$(PACKAGE): pyproject.toml $(BOOTSTRAP)
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(KERNELS): $(shell grep -rl headrace.compilation src --include=*.py) $(PACKAGE) $(RUNTIME)
	@echo "compiling the kernels, once, so that no first start waits for it"
	@$(BIN)/python -m headrace.app.kernels
	@touch $@

$(BROKER): src/headrace/testing/broker/pom.xml $(PACKAGE) $(RUNTIME)
	@echo "fetching the Kafka broker that tests use"
	@$(BIN)/python -m headrace.testing.broker
	@touch $@

$(BROWSER): scripts/find-browser.sh $(CREATED)
	@bash $<
	@touch $@

$(POSTGRES): scripts/find-postgres.sh $(CREATED)
	@bash $<
	@touch $@

$(PRISM): src/headrace/engines/beam/runner.py $(PACKAGE) $(DEV)
	@echo "building Prism, the Beam runner that tests use"
	@$(BIN)/python -m headrace.engines.beam.runner
	@touch $@

$(SPARK): src/headrace/engines/spark/jars.py src/headrace/engines/spark/pom.xml $(PACKAGE) $(DEV)
	@echo "fetching Spark's Kafka connector, which tests use"
	@$(BIN)/python -m headrace.engines.spark.jars
	@touch $@

$(FLINK): requirements/flink.txt src/headrace/app/flink/pom.xml pyproject.toml $(BOOTSTRAP) $(PACKAGE) $(RUNTIME)
	@echo "installing Flink, in an environment of its own, and fetching its Kafka connector"
	@bash scripts/create-venv.sh $(PYTHON) $(FLINK_VENV)
	@$(UV) pip install --quiet --python $(FLINK_VENV)/bin/python --require-hashes -r $<
	@$(UV) pip install --quiet --python $(FLINK_VENV)/bin/python --no-deps --no-build-isolation --editable .
	@$(FLINK_VENV)/bin/python -m headrace.app.flink.premises
	@touch $@

$(QUIX): requirements/quix.txt $(BOOTSTRAP)
	@echo "installing Quix Streams, in an environment of its own, to be measured beside Headrace"
	@bash scripts/create-venv.sh $(PYTHON) $(QUIX_VENV)
	@$(UV) pip install --quiet --python $(QUIX_VENV)/bin/python --require-hashes -r $<
	@touch $@
