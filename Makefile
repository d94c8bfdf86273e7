# Everything happens in one virtual environment, which the first target that needs it makes.
PYTHON ?= python3
VENV ?= .venv
DATA ?= data
RUNS ?= runs
PRISM ?= 2.77.0
# The processes of the tests.
JOBS ?= 2
# make LOCK=requirements.lock installs exactly the versions of that file.
LOCK ?=
# The extras of the tests, and of all tests: commas may not stand in a call.
TESTED := train,test,lint,serve,tfds-cli,gcp,onnx
DOCUMENTED := $(TESTED),docs
EXTRAS := $(DOCUMENTED),aws,emulators
comma := ,
UV := uv==0.13.9
TOOLS := $(UV) pip-audit==2.10.1 cyclonedx-bom==7.5.0

BIN := $(VENV)/bin
# $(call install,EXTRAS): the package, and what its extras need; with LOCK, of these versions, with these hashes, and by
# uv, which takes a sixth of pip's time. What makes it editable is one of them, too.
LOCKED := --constraint $(LOCK)
LOCKED_INSTALL = $(BIN)/pip install --quiet $(UV) && \
    $(BIN)/uv pip install --quiet --python $(BIN)/python $(LOCKED) setuptools && \
    $(BIN)/uv pip install --quiet --python $(BIN)/python $(LOCKED) --compile-bytecode \
        --no-build-isolation-package seq2seq_arith --editable '.[$(1)]'
install = $(if $(LOCK),$(LOCKED_INSTALL),$(BIN)/pip install --quiet --editable '.[$(1)]')
# In the checkout `datasets` is our folder, not Hugging Face's package: the safe path keeps it out.
PYTEST := PYTHONSAFEPATH=1 $(BIN)/python -m pytest

.PHONY: help demo test test-models slow release release-part input-errors reference lesson matrix images gpu lint style types pages docs linkcheck prism flink spark bench-data bench-train bench-recipes soak mutants address lock sbom audit clean
.DEFAULT_GOAL := help

help: ## Lists these targets
	@echo "The two main ones are 'make demo' and 'make test'. Each installs what it needs into $(VENV), once."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/installed ## Makes three datasets and trains a model on each: some minutes
	@$(BIN)/arith-model demo --data-dir $(DATA) --run-dir $(RUNS)

test: $(VENV)/tested ## Runs the tests of all but the networks, of which it tries a few: two or three minutes
	$(PYTEST) --numprocesses=$(JOBS) --dist=worksteal --durations=15

test-models: $(VENV)/tested ## Runs the tests that build and train networks: some minutes
	$(PYTEST) --numprocesses=$(JOBS) --dist=worksteal --durations=15 -m models

slow: $(VENV)/extras ## Runs one real run of each runner, store, package and page
	$(PYTEST) --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder --durations=30 -m "(slow or flink or spark) and not release"

# What takes too long for every change. CONTRIBUTING.md says which of its parts have run, and when.
release: ## Runs all that .ci/run leaves out, one part after another: hours
	.ci/release

# The tests of make release in parts, of which each fits into a job of two hours (.github/workflows/weekly.yml):
# those marked release by folder, the rest of them, and the properties among all other tests, with more examples.
FOLDERS := pipelines trainer runners
PART_properties := -m "hypothesis and not (release or gpu)"
PART_rest := -m release tests $(FOLDERS:%=--ignore=tests/%)
release-part: $(VENV)/extras ## Runs the tests of one of properties, pipelines, trainer, runners, rest: make PART=rest release-part
	HYPOTHESIS_PROFILE=release CI=1 $(PYTEST) --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder \
	    --durations=50 $(or $(PART_$(PART)),-m release tests/$(PART))

input-errors: $(VENV)/tested ## Writes the snapshot of all input errors again, to be read as a diff: tests/input_errors.txt
	UPDATE_INPUT_ERRORS=1 $(PYTEST) --quiet -m "not (slow or release or flink or spark or gpu)"

reference: $(VENV)/tested ## Writes the pages of docs/reference that list what the code has
	PYTHONSAFEPATH=1 $(VENV)/bin/python docs/reference_pages.py

lesson: $(VENV)/tested ## Runs the lesson and writes its outputs again, to be read as a diff: six minutes
	UPDATE_LESSON=1 $(PYTEST) --quiet -m slow -k lesson tests/notebooks

matrix: ## Tests with every Python of this machine, with the oldest and the newest packages: half an hour
	$(PYTHON) -m venv build/matrix
	build/matrix/bin/pip install --quiet $(UV)
	PATH="$(CURDIR)/build/matrix/bin:$$PATH" .ci/matrix $(if $(CASE),"$(CASE)")

images: ## Builds the images of runners/ and runs their programs: needs root, buildah, debootstrap and the network
	.ci/images

gpu: $(VENV)/installed ## Runs the tests that need an NVIDIA GPU, and prints what they measure
	$(BIN)/pip install --quiet --editable '.[gpu,test]'
	$(PYTEST) -s -m gpu

lint: style types pages ## Checks all that the next three check

style: $(VENV)/tested ## Checks style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/tested ## Checks types
	$(BIN)/pyright --pythonpath $(BIN)/python

pages: $(VENV)/tested ## Checks the imports between the layers, and the pages
	$(PYTEST) --quiet -m lint tests/repository

# Sphinx turns every warning into a failure, and tells all of them: also a link, or a name in a docstring, that leads
# nowhere. Running the notebooks takes minutes; what they gave is kept in build/notebooks.
SPHINX = PYTHONSAFEPATH=1 $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d build/doctrees

docs: $(VENV)/documented ## Makes the site in build/docs, and runs notebooks: not with NOTEBOOKS=off
	$(SPHINX) docs build/docs
	@echo "open build/docs/index.html"

linkcheck: $(VENV)/documented ## Asks for every page outside that the pages name: needs the network
	NOTEBOOKS=off $(SPHINX) -b linkcheck docs build/linkcheck

prism: build/prism/prism ## Builds Prism, Beam's own portable runner: needs Go

# Prism is of Beam's own version. The build takes a minute and asks the Go module proxy.
build/prism/prism: Makefile
	@command -v go > /dev/null || { echo "make prism needs Go 1.26 or later: https://go.dev/doc/install" >&2; exit 2; }
	GOBIN="$(CURDIR)/build/prism" go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$(PRISM)
	@touch $@

flink: build/flink/made ## Fetches Flink and Beam's job server for it: needs a JDK and Maven

spark: build/spark/made ## Fetches Spark and Beam's job server for it: needs a JDK and Maven

# $(call maven,RUNNER): what Maven reads for it.
maven = runners/pom.xml $(shell find runners/$(1) runners/job-server -name pom.xml -o -name "*.java" 2> /dev/null)
build/flink/made: $(call maven,flink)
build/spark/made: $(call maven,spark)

build/flink/made build/spark/made: build/%/made:
	@for program in javac mvn; do command -v $$program > /dev/null || \
	    { echo "make $* needs a JDK, 17 say, and Maven: there is no $$program" >&2; exit 2; }; done
	@rm -rf build/$*
	mvn --batch-mode --quiet --no-transfer-progress --file runners/$*/pom.xml package
	@touch $@

bench-data: $(VENV)/installed ## Measures how fast datasets are made
	$(BIN)/python benchmarks/bench_data.py

bench-train: $(VENV)/installed ## Measures how fast models train
	$(BIN)/python benchmarks/bench_train.py --data-dir $(DATA)

bench-recipes: $(VENV)/installed ## Measures what the recipes reach on hard questions, with several seeds: some hours
	$(BIN)/arith-model sweep benchmarks/recipes.toml --data-dir $(DATA) --run-dir $(RUNS)/recipes --jobs 2

$(VENV)/installed: setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; ok = (3, 11) <= v < (3, 14); \
	    ok or sys.exit(f"python3 is {v.major}.{v.minor}; give one from 3.11 to 3.13: make PYTHON=python3.12 demo")'
	@echo "installing what the demo needs into $(VENV), 2.6 GB: one or two minutes"
	$(PYTHON) -m venv $(VENV)
	$(call install,train$(comma)serve)
	@touch $@

# The tests bring pandas, which Beam then imports with every command: so not into the environment of the demo.
$(VENV)/tested: $(VENV)/installed
	$(call install,$(TESTED))
	@touch $@

$(VENV)/documented: $(VENV)/tested
	$(call install,$(DOCUMENTED))
	@touch $@

$(VENV)/extras: $(VENV)/tested
	$(call install,$(EXTRAS))
	@touch $@

soak: $(VENV)/extras ## Makes datasets for an hour while runs are killed and overtaken: nothing may be lost
	$(BIN)/python tests/soak.py --minutes 60

mutants: $(VENV)/tested ## Puts 60 faults into the code, others each week, and counts those that tests notice: an hour
	PYTHONSAFEPATH=1 $(BIN)/python tests/mutants.py $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS))

address: ## Sets the addresses of repository and site in every file: make address REPOSITORY=OWNER/NAME [SITE=https://...]
	@$(PYTHON) .ci/address "$(REPOSITORY)" $(SITE)

lock: build/tools/made ## Pins the newest versions that fit together, with their hashes, in requirements.lock
	build/tools/bin/uv pip compile --quiet pyproject.toml $(patsubst %,--extra %,$(subst $(comma), ,$(EXTRAS))) --universal --python-version 3.11 \
	    --generate-hashes --upgrade --custom-compile-command 'make lock' --output-file requirements.lock

sbom: build/tools/made ## Lists the packages of requirements.lock in build/sbom.json, in CycloneDX's format
	build/tools/bin/cyclonedx-py requirements requirements.lock --output-format JSON --output-file build/sbom.json

# --strict: a package that the database does not answer for is a failure, and not safe.
audit: build/tools/made ## Asks for known vulnerabilities of requirements.lock: needs the network
	build/tools/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
	    --requirement requirements.lock

# These have an environment of their own, because they need other versions of packages than the project.
build/tools/made: Makefile
	$(PYTHON) -m venv build/tools
	build/tools/bin/pip install --quiet $(TOOLS)
	@touch $@

clean: ## Removes the environment and what was built, but neither data nor runs
	rm -rf $(VENV) build dist *.egg-info
