# Each target works from a fresh clone that has Python 3.10 or newer: it first makes .venv.
#
#   make demo    the bundled clip onto the avatar in the browser; DEMO="--no-open" for its options
#   make test    all checks: style, types, TypeScript, tests; TESTS="tests/formats -x" for some
#   make lint    style and types alone
#   make bench   the figures: accuracy, cost, latency; BENCH="stages footage" for some of them
#                FUZZ_MINUTES=60 make bench BENCH=fuzz: every reader and message
#   make bench-render  render the clips of the accuracy benchmark from the motions of MOCAP_DATA
#   make wheel   dist/anymocap-….whl, which needs neither Node nor a network
#   make site    build/site: the page that needs no install, for any static host
#   make docs    build/site/docs: the documentation, with its links checked
#   make train   train the lifter's weights on the motion in MOCAP_DATA, 1 h on one core;
#                installs PyTorch (mocap/lift/CARD.md)
#   make audit   known vulnerabilities of the locked Python and Node packages, as PyPI and npm
#                report them; needs registries that serve advisories, which mirrors may not
#   make lock    the newest versions that pyproject.toml allows, into tests/requirements.lock

PYTHON ?= python3
TESTS ?= -n 2 --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
# Compiled modules are kept, also where the environment says not to: the tests start hundreds of
# processes, each of which would compile NumPy, MediaPipe and the rest.
export PYTHONDONTWRITEBYTECODE :=
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check
WEB := $(BIN)/python web/build_hook.py

.PHONY: demo test bench bench-render wheel site docs train lint types style vitest lock audit \
	assets

demo: assets
	@$(BIN)/mocap demo $(DEMO) || test $$? = 130 # Ctrl-C, the way to end it

# One thread for the small matrices of the tests: on a busy machine threads that wait for each other
# take five times the processor time. Style, types and TypeScript are checked side by side.
test: export OPENBLAS_NUM_THREADS := 1
test:
	@$(MAKE) --no-print-directory --jobs=2 lint vitest
	$(BIN)/python -m pytest $(TESTS)

bench: assets
	$(BIN)/python -m tests.benchmarks $(BENCH)

bench-render: assets
	$(BIN)/python -m tests.benchmarks.render $(RENDER)

wheel: assets
	$(BIN)/python -m hatchling build -t wheel -d dist

site: assets
	$(BIN)/python web/site/build.py $(SITE)

docs: assets
	$(PIP) --no-build-isolation -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

train: .venv/ready
	@test -n "$(MOCAP_DATA)" || { \
		echo "make train needs captured motion: set MOCAP_DATA to the folder with" \
			"mocap/cmu_training" >&2; exit 2; }
	$(PIP) --no-build-isolation -e '.[train]'
	$(BIN)/python -m mocap.lift.training.train --data "$(MOCAP_DATA)" \
		--golden tests/data/lift_weights_golden.npz $(TRAIN)

lint: types style

types: assets
	$(BIN)/mypy

style: assets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(WEB) biome ci --error-on-warnings --colors=off
	$(WEB) tsc --noEmit

# After `style`: both install what they need of Node's packages.
vitest: style
	$(WEB) vitest run

lock: .venv/ready
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --extra dev --no-annotate \
		--custom-compile-command "make lock" --upgrade -o tests/requirements.lock pyproject.toml

audit: .venv/ready
	$(PIP) uv
	$(BIN)/uvx --quiet pip-audit --requirement tests/requirements.lock --no-deps --disable-pip
	cd web && npm audit

# The viewer, the weights, the mannequin and the demo clip in mocap/assets/; quick if unchanged.
assets: .venv/ready
	@$(WEB)

# Node comes from the system where it is new enough, else from PyPI into .venv.
.venv/ready: pyproject.toml tests/requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("mocap needs Python 3.10 or newer: make PYTHON=python3.11" \
		if sys.version_info < (3, 10) else 0)'
	@PYTHON="$(PYTHON)" sh web/system.sh
	@echo "Setting up .venv; the first time this takes some minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) --constraint tests/requirements.lock hatchling
	@node="$$($(WEB) --missing-node)" || exit 1; test -z "$$node" || $(PIP) "$$node"
	@$(WEB) $(if $(filter test lint,$(MAKECMDGOALS)),--for-tests) & web=$$!; \
		$(PIP) -r tests/requirements.lock; installed=$$?; wait $$web && exit $$installed
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
