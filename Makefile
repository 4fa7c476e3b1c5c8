# Two commands matter: `make demo` and `make test`. Everything else is a part of one of them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: venv demo test quick lint console docs wheel bundle lock clean

venv: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: venv
	$(BIN)/penstock demo

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.security.dependencies

# The identity server that sign-in is tested against; its package would shadow our tests/, so it lives apart. Without it that test skips.
.provider/installed: tests/browser/identity_provider.lock
	$(PYTHON) -m venv .provider
	.provider/bin/pip install --quiet --require-hashes -r tests/browser/identity_provider.lock && touch $@

test: lint
	-$(MAKE) --no-print-directory .provider/installed
	$(BIN)/pytest -rs -n 2 --dist loadgroup --no-loadscope-reorder

quick: lint
	$(BIN)/pytest -rs -n 2 --dist loadgroup --no-loadscope-reorder -m "not slow"

console: venv
	$(BIN)/penstock demo --quiet
	$(BIN)/penstock console --city demo/city.toml

docs: venv
	$(BIN)/mkdocs build --strict

# The built wheel must install into an empty environment and answer.
wheel: venv
	rm -rf build dist build-env
	$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null
	$(PYTHON) -m venv build-env
	build-env/bin/pip install --quiet dist/*.whl
	cd build-env && bin/penstock --help >/dev/null && echo "the wheel installs and answers"
	rm -rf build build-env

# All that an installation without a network needs, in one file; then it is installed with the network off, and has a night.
bundle: venv
	$(BIN)/python deploy/bundle/make.py
	$(BIN)/pytest -rs -n 0 tests/bundle

# The lock is made with uv; it holds hashes only, no address.
lock:
	uv pip compile pyproject.toml --all-extras --generate-hashes --python-version 3.11 --no-annotate --no-header -o requirements.lock

clean:
	rm -rf $(VENV) .provider var build build-env dist site
