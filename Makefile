# Everything a developer runs.  Needs python3 (3.11 or later) and cargo; `make help` lists the targets.
#
#   make test PYTHON=python3.13     another interpreter, with a virtual environment of its own (.venv-3.13)
#   make test ARGS='-k rebase -x'   more arguments for pytest (also: bench, demo, soak)
#   FRAZIL_CACHE=... make build     where downloads and compiled crates are kept between clones; empty keeps none
#
# No target repeats work: tools/once.py compares contents, not times.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
ARGS ?=

# --- interpreter and virtual environment ------------------------------------------------------------------------------
PYVERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
ifeq ($(origin PYTHON),file)
VENV := .venv
else
VENV := .venv-$(PYVERSION)
endif
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps
ONCE = $(PYTHON) tools/once.py

# --- caches, outside the clone and keyed by what makes their content valid --------------------------------------------
ifeq ($(origin FRAZIL_CACHE),undefined)
FRAZIL_CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/frazil
endif
# A cache that cannot be written is no reason to fail: fall back to the tools' own defaults.
CACHE := $(if $(FRAZIL_CACHE),$(shell mkdir -p '$(FRAZIL_CACHE)' 2>/dev/null && test -w '$(FRAZIL_CACHE)' && echo '$(FRAZIL_CACHE)'))
RUSTC_VERSION := $(shell rustc --version 2>/dev/null | cut -d' ' -f2)
ifneq ($(CACHE),)
export PIP_CACHE_DIR ?= $(CACHE)/pip
export CARGO_TARGET_DIR ?= $(CACHE)/target-$(RUSTC_VERSION)
else
export CARGO_TARGET_DIR ?= $(CURDIR)/target
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A lock file that is out of date is a mistake in CI and routine while a dependency is being added.
LOCKED := $(if $(CI),--locked)

.PHONY: help setup build demo test test-rust test-python soak lint lint-ruff lint-format lint-mypy lint-layers lint-stubs \
        lint-rustfmt lint-clippy format reference bench performance bench-rust wheel clean check-tools servers own-target

help: ## List the targets
	@echo "make <target> [PYTHON=python3.13] [ARGS='...']"; echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s'|'

# --- setup and build --------------------------------------------------------------------------------------------------
check-tools:
	@test -n '$(PYVERSION)' || { echo 'make: $(PYTHON) does not run; name an interpreter with PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'make: Frazil needs Python 3.11 or later, $(PYTHON) is $(PYVERSION); name another with PYTHON=...'; exit 1; }
	@test -n '$(RUSTC_VERSION)' || { echo 'make: Frazil needs a Rust toolchain (cargo and rustc on PATH); see https://rustup.rs'; exit 1; }

# The interpreter's own build is part of the key: after an upgrade the environment is made anew.
$(PY): check-tools
	@$(ONCE) $(STAMPS)/venv --value "$$($(PYTHON) -c 'import sys; print(sys.version, sys.base_prefix)')" --output $(PY) \
	  -- $(PYTHON) -m venv --clear $(VENV)

setup: $(PY) ## Make the virtual environment and install the pinned tools
	@$(ONCE) $(STAMPS)/setup --input 'requirements/*.txt' \
	  -- $(PY) -m pip install --quiet -r requirements/build.txt -r requirements/test.txt -r requirements/lint.txt

# cargo trusts modification times, and a target folder shared by several clones would let it take the other clone's
# build for this one's.  When the folder was last used by another clone, our sources are touched: only they rebuild.
own-target: check-tools
	@mkdir -p '$(CARGO_TARGET_DIR)'; owner='$(CARGO_TARGET_DIR)/.frazil-checkout'; \
	if [ "$$(cat "$$owner" 2>/dev/null)" != '$(CURDIR)' ]; then \
	  find rust benches/rust -name '*.rs' -exec touch {} +; echo '$(CURDIR)' > "$$owner"; \
	fi

build: setup own-target ## Build the extension (release) and install the package in place
	@$(ONCE) $(STAMPS)/build --input 'rust/**/*' --input 'Cargo.*' --input benches/rust/Cargo.toml --input pyproject.toml --input rustfmt.toml \
	  --output python/frazil/_core.abi3.so --value "$(RUSTC_VERSION)" \
	  -- env VIRTUAL_ENV='$(CURDIR)/$(VENV)' $(VENV)/bin/maturin develop --release $(LOCKED)

wheel: setup own-target ## Build a release wheel into dist/
	@$(VENV)/bin/maturin build --release $(LOCKED) --out dist

# --- running ----------------------------------------------------------------------------------------------------------
demo: build ## Five days of weather, versioned: the quickstart, end to end
	@$(PY) examples/quickstart.py $(ARGS)

test: test-rust test-python ## All tests on $(PYTHON)

test-rust: own-target
	@cargo test -p frazil-core -p frazil-bindings $(LOCKED) --quiet

# A process for each core; `ARGS=-n0` is one process, for a debugger.
test-python: build servers
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

# The script fetches what is missing and says what it cannot get, which only CI minds.
servers: ## Fetch the servers that the storage tests run against
	@FRAZIL_CACHE='$(CACHE)' tests/servers/fetch.sh || test -z '$(CI)'

soak: build servers ## The same tests at full counts: hours
	@mkdir -p build
	@FRAZIL_SOAK=1 PROPTEST_CASES=20000 cargo test -p frazil-core -p frazil-bindings $(LOCKED) 2>&1 | tee build/soak-rust.log
	@FRAZIL_SOAK=1 $(PY) -m pytest $(ARGS) 2>&1 | tee build/soak.log

bench: build ## Speed against the official package, as ratios, held against benches/goals.json
	@$(ONCE) $(STAMPS)/bench --input 'requirements/*.txt' -- $(PY) -m pip install --quiet -r requirements/bench.txt
	@$(PY) benches/run.py $(ARGS)

performance: setup ## Rewrite docs/performance.md, with the results of the last `make bench`
	@$(PY) benches/document.py $(wildcard build/bench/results.jsonl)

bench-rust: own-target ## The hot paths of the Rust core, without Python
	@cargo bench -p frazil-benches $(LOCKED) $(if $(ARGS),-- $(ARGS))

# --- checking ---------------------------------------------------------------------------------------------------------
# `make -k lint` reports everything at once.
lint: lint-ruff lint-format lint-layers lint-mypy lint-stubs lint-rustfmt lint-clippy ## Every static check

lint-ruff: setup
	@$(VENV)/bin/ruff check .

lint-format: setup
	@$(VENV)/bin/ruff format --check .

lint-layers: setup
	@PYTHONPATH=python $(VENV)/bin/lint-imports --no-logo

lint-mypy: build
	@$(VENV)/bin/mypy

lint-stubs: build
	@$(VENV)/bin/stubtest frazil._core $(if $(filter 3.11,$(PYVERSION)),--allowlist tools/stubtest-3.11.txt)

lint-rustfmt: check-tools
	@cargo fmt --all --check

lint-clippy: own-target
	@cargo clippy --workspace --all-targets $(LOCKED) --quiet -- -D warnings

reference: setup ## Rewrite docs/reference.md from the docstrings
	@$(PY) tools/reference.py

format: setup ## Rewrite the sources in the house format
	@$(VENV)/bin/ruff check --fix-only --quiet . ; $(VENV)/bin/ruff format . ; cargo fmt --all

clean: ## Remove what these targets made in the clone (caches outside it stay)
	@rm -rf .venv .venv-* build dist target examples/output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find python tests benches examples tools -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -f python/frazil/*.so
