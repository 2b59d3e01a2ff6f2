# From a fresh clone: `make demo`, `make test`.  `make help` lists the rest.

.DEFAULT_GOAL := help
.NOTPARALLEL: # two extras must not install into one environment at once

# The Python that environments are made with; empty: .ci/find-python looks for one.
PYTHON ?=
export PYTHON

# What is passed on to the demo, pytest or the benchmark: make demo ARGS='--epochs 5 --seed 1'
ARGS ?=

# TensorFlow's remarks on its own start-up are not ours to show.
export TF_CPP_MIN_LOG_LEVEL ?= 3

python := .venv/bin/python
stamps := .venv/.installed-cpu,demo .venv/.installed-test

$(stamps): setup.cfg pyproject.toml
	@.ci/install $(@D) $(subst .installed-,,$(@F))

# The benchmark's environments: the kit's, with KerasCV beside it, and those of its peers, without
# which the run goes on.
peers := .venv-tfa .venv-torch
peer-stamps := $(foreach venv,$(peers),$(venv)/.installed-$(venv:.venv-%=%))
requirements = benchmarks/environments/$(@D:.venv-%=%).txt

.venv-kerascv/.installed-kerascv: setup.cfg pyproject.toml benchmarks/environments/kerascv.txt
	@.ci/install $(@D) kerascv $(requirements)

$(peer-stamps): $(wildcard benchmarks/environments/*.txt)
	@.ci/install $(@D) $(@D:.venv-%=%) $(requirements) || echo "The benchmark goes on without $(@D)."

# The tests on torch: the kit's environment with torch beside it.
torch-list := tests/environments/torch-backend.txt

.venv-torch-backend/.installed-torch-backend: setup.cfg pyproject.toml $(torch-list)
	@.ci/install $(@D) torch-backend $(torch-list)

# The tests that every backend of Keras has to pass, whole.
model-side := tests/optimizers tests/schedules/test_schedule_curves.py tests/callbacks \
	tests/inference tests/layers/regularization \
	$(addprefix tests/tuning/test_,find_learning_rate.py overfit_small_sample.py run_all.py search.py)
on-backend = -m pytest --numprocesses auto --dist worksteal $(model-side)

environments := .venv .venv-kerascv .venv-torch-backend $(peers)

# TensorFlow 2.14, the last that TensorFlow Addons works with, has no wheels for a newer one.
.venv-tfa/%: PYTHON := $(or $(PYTHON),python3.11)

.PHONY: demo
demo: .venv/.installed-cpu,demo ## train on real images, bare and with a recipe, and draw what came of it
	$(python) -m keras_trainkit demo $(ARGS)

.PHONY: test
test: lint ## lint, then the tests, on every core
	$(python) -m pytest --numprocesses auto --dist worksteal $(ARGS)

.PHONY: test-slow
test-slow: .venv/.installed-test ## the tests that take minutes
	$(python) -m pytest -m slow $(ARGS)

.PHONY: test-jax
test-jax: .venv/.installed-test ## the tests of the model side, on JAX
	KERAS_BACKEND=jax JAX_ENABLE_X64=1 $(python) $(on-backend) $(ARGS)

.PHONY: test-torch
test-torch: .venv-torch-backend/.installed-torch-backend ## the same on torch
	KERAS_BACKEND=torch .venv-torch-backend/bin/python $(on-backend) $(ARGS)

.PHONY: test-tfa
test-tfa: .venv/.installed-test .venv-tfa/.installed-tfa ## the optimizers beside TensorFlow Addons'
	@test -e .venv-tfa/.installed-tfa
	$(python) -m pytest -s -m slow tests/optimizers/test_same_as_addons.py $(ARGS)

.PHONY: lint
lint: .venv/.installed-test ## ruff and mypy
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy

.PHONY: bench
bench: .venv-kerascv/.installed-kerascv $(peer-stamps) ## images per second, beside all peers
	.venv-kerascv/bin/python benchmarks/augmentation.py $(ARGS)

.PHONY: clean
clean: ## remove all that make has made, except runs/
	rm -rf $(environments) $(addsuffix .lock,$(environments))
	rm -rf build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find keras_trainkit tests benchmarks -type d -name __pycache__ -exec rm -rf {} +

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12
	@echo
	@echo "make PYTHON=/path/to/python3.12 ... makes the environments with that Python"
	@echo "make demo ARGS='--epochs 5'     passes options on"
