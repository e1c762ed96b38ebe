# `make bench` and `make test` do all set-up themselves; `make` alone prints this help.

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
# An environment serves as long as its Python starts, has pip, and is of the version that would build it today.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
SERVES  := $(shell $(RUN) -c 'import pip, sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
STAMP   := $(VENV)/.installed
BEGUN   := $(VENV)/.installation-begun
ifneq ($(SERVES),$(or $(VERSION),$(SERVES)))
.PHONY: $(STAMP)
endif

empty :=
space := $(empty) $(empty)
comma := ,
OPTIONS = $(if $(MODELS),--models $(subst $(space),$(comma),$(strip $(MODELS)))) \
          $(if $(SEEDS),--seeds $(SEEDS)) $(if $(EPOCHS),--epochs $(EPOCHS)) \
          $(if $(DEVICE),--device $(DEVICE)) $(if $(RESULTS),--results $(RESULTS)) \
          $(if $(DATASET),--dataset $(DATASET)) $(if $(RECIPE),--recipe $(RECIPE)) \
          $(if $(PROBES),--probes $(subst $(space),$(comma),$(strip $(PROBES)))) \
          $(if $(EXECUTOR),--executor $(EXECUTOR))
CLUSTER_STAMP := $(VENV)/.cluster-installed
RUN_NEEDS := $(STAMP) $(if $(filter ray,$(EXECUTOR)),$(CLUSTER_STAMP))

.DEFAULT_GOAL := help
.PHONY: help install bench quick full tune noise track report compare speed gpu-check peers test test-unit test-slow test-browser test-soak test-all lint clean

help:  ## print this help
	@echo "mnist-bench: which of these models, at what cost, and how sure are you?"
	@echo
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Variables: MODELS=\"mlp cnn\" SEEDS=5 EPOCHS=2 DEVICE=cuda DATASET=fashion-mnist"
	@echo "           RECIPE=my.toml RESULTS=folder PROBES=none"
	@echo "On a cluster: EXECUTOR=ray RAY_ADDRESS=auto"

install: $(STAMP)  ## create .venv and install what constraints.txt pins

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "error: $(PYTHON) is missing or older than 3.11; name another with make PYTHON=python3.12" >&2; exit 2; }
	@if [ -d $(VENV) ] && [ "$(SERVES)" != "$(VERSION)" ]; then \
		echo "$(VENV) belongs to another Python or is broken; building it again"; rm -rf $(VENV); fi
	@if [ -e $(BEGUN) ]; then \
		echo "the installation into $(VENV) was interrupted; beginning again"; rm -rf $(VENV); fi
	@echo "installing into $(VENV): about 5 GB, a few minutes, this once"
	@$(PYTHON) -m venv $(VENV)
	@touch $(BEGUN)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@rm $(BEGUN)
	@touch $@

bench: $(RUN_NEEDS)  ## train every model (3 seeds, 10 epochs), write results/ and print the comparison
	@$(RUN) -m bench run --suite article $(OPTIONS)

quick: $(RUN_NEEDS)  ## the same with one seed and two epochs, in a minute
	@$(RUN) -m bench run --suite quick $(OPTIONS)

full: $(RUN_NEEDS)  ## the same with ten seeds
	@$(RUN) -m bench run --suite full $(OPTIONS)

tune: $(RUN_NEEDS)  ## find each model's own recipe on held-out training images (ARM=sprint: the soonest to its goal)
	@$(RUN) -m bench tune $(if $(ARM),--arm $(ARM)) \
		$(if $(MODELS),--models $(subst $(space),$(comma),$(strip $(MODELS)))) \
		$(if $(DATASET),--dataset $(DATASET)) $(if $(DEVICE),--device $(DEVICE)) \
		$(if $(RESULTS),--results $(RESULTS)) $(if $(EXECUTOR),--executor $(EXECUTOR))

noise: $(STAMP)  ## repeat the same trials: how much does nothing change?
	@$(RUN) -m bench noise $(if $(MODELS),--models $(subst $(space),$(comma),$(strip $(MODELS)))) \
		$(if $(DATASET),--dataset $(DATASET)) \
		$(if $(DEVICE),--device $(DEVICE)) $(if $(RESULTS),--results $(RESULTS))

track: $(STAMP)  ## run the benchmarks of the code; fails where one is slower than the baseline, or AGAINST=HEAD~1
	@$(RUN) -m bench track $(if $(AGAINST),--against $(AGAINST)) $(if $(ACCEPT),--accept) \
		$(if $(RESULTS),--results $(RESULTS))

report: $(STAMP)  ## render the report again from the records
	@$(RUN) -m bench report $(if $(RESULTS),--results $(RESULTS))

BASE ?= HEAD:results
NEW  ?= results
compare: $(STAMP)  ## hold two sets of records against each other (BASE=HEAD~1:results NEW=results FAIL="epoch_s:10%")
	@$(RUN) -m bench compare $(BASE) $(NEW) $(foreach gate,$(FAIL),--fail '$(gate)')

speed: $(STAMP)  ## time training and inference, beside the article's own loop and the machine's peaks
	@$(RUN) -m bench speed $(if $(MODELS),--models $(subst $(space),$(comma),$(strip $(MODELS)))) \
		$(if $(DEVICE),--device $(DEVICE)) $(if $(RESULTS),--results $(RESULTS))

gpu-check: $(STAMP)  ## check everything that needs a GPU, in under 8 minutes; writes results/gpu/
	@$(RUN) -m bench.gpu_check

PEERS_STAMP := $(VENV)/.peers-installed
$(PEERS_STAMP): $(STAMP)
	@echo "installing other frameworks into $(VENV): about 2 GB, this once"
	@$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,peers]'
	@touch $@

peers: $(PEERS_STAMP)  ## time the same training in JAX, Keras, scikit-learn and Lightning, beside ours
	@$(RUN) -m bench peers $(if $(MODELS),--models $(subst $(space),$(comma),$(strip $(MODELS)))) \
		$(if $(RESULTS),--results $(RESULTS))

$(CLUSTER_STAMP): $(STAMP)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,cluster]'
	@touch $@

test: $(STAMP)  ## the tests that take seconds
	@.ci/tests $(RUN) "not slow and not soak and not browser"

test-unit: $(STAMP)  ## the tests of single modules, in under a minute
	@$(RUN) -m pytest -n auto --dist worksteal tests/unit

DATA_STAMP := $(VENV)/.datasets-looked-for
$(DATA_STAMP): $(STAMP) .ci/datasets
	@.ci/datasets
	@touch $@

test-slow: $(CLUSTER_STAMP) $(DATA_STAMP)  ## the tests that take minutes; installs Ray, and fashion-mnist where it may
	@.ci/tests $(RUN) "slow and not soak and not browser"

BROWSER_STAMP := $(VENV)/.browser-installed
$(BROWSER_STAMP): $(STAMP) .ci/browser
	@.ci/browser
	@$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,browser]'
	@touch $@

test-browser: $(BROWSER_STAMP)  ## the pages in headless Chromium; installs it where it may
	@$(RUN) -m pytest -m browser

test-soak: $(STAMP)  ## the long form of kills, runs and damage, and whole installations
	@$(RUN) -m pytest -m soak

test-all: test test-slow test-browser test-soak  ## all tests

lint: $(STAMP)  ## ruff, the layers that imports keep to, and mypy
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache --no-logo
	@$(RUN) -m mypy

clean:  ## remove .venv and caches; results/ and the data cache stay
	rm -rf $(VENV) .browser .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
