# Everything happens in one virtual environment, which the first target that needs it makes.
PYTHON ?= python3
VENV ?= .venv
DATA ?= data
RUNS ?= runs
PRISM ?= 2.77.0

BIN := $(VENV)/bin
TASKS := addition subtraction pq
# In the checkout `datasets` would be our folder, not Hugging Face's package; safe path keeps it out.
PYTEST := PYTHONSAFEPATH=1 $(BIN)/python -m pytest

.PHONY: demo test slow lint prism flink bench-flink bench-data bench-train bench-lengths bench-scale clean
.DEFAULT_GOAL := demo

demo: $(VENV)/installed
	@set -e; for task in $(TASKS); do $(BIN)/arith-data generate $$task --data-dir $(DATA); done
	@$(BIN)/arith-model demo --data-dir $(DATA) --run-dir $(RUNS)

test: $(VENV)/installed
	$(PYTEST)

# What takes minutes: killed runs, packages built and installed, engines and object stores started.
slow: $(VENV)/extras
	$(PYTEST) -m "slow or flink"

# A type checker does not follow an editable install, so it is shown the floors through links.
lint: $(VENV)/installed
	@mkdir -p build/lint/seq2seq_arith
	@for floor in pipelines datasets trainer; do ln -sfn ../../../$$floor build/lint/seq2seq_arith/$$floor; done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

# Beam's runner in Go, of Beam's own version: a build of a minute, from the Go module proxy.
prism: build/prism/prism

build/prism/prism: Makefile
	@command -v go > /dev/null || { echo "make prism needs Go 1.26 or later: https://go.dev/doc/install" >&2; exit 2; }
	GOBIN=$(CURDIR)/build/prism go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$(PRISM)
	@touch $@

bench-data: $(VENV)/installed
	$(BIN)/python tests/benchmarks/bench_data.py

# What docs/scale.md says: the sizes of shards for real draws.
bench-scale: $(VENV)/installed
	$(BIN)/python tests/benchmarks/simulate_scale.py

bench-train: $(VENV)/installed
	$(BIN)/python tests/benchmarks/bench_train.py --data-dir $(DATA)

# How models carry over to longer questions; draws docs/lengths.png.
bench-lengths: $(VENV)/installed
	$(BIN)/python tests/benchmarks/bench_lengths.py --data-dir $(DATA)

bench-flink: $(VENV)/installed
	$(BIN)/python tests/benchmarks/bench_flink.py

# Flink and Beam's job server for it, from Maven Central; needs a JDK, 17 say, and Maven.
flink: build/flink/made

build/flink/made: engines/flink/pom.xml engines/flink/cluster/pom.xml engines/flink/job-server/pom.xml
	@for program in javac mvn; do command -v $$program > /dev/null || \
	    { echo "make flink needs a JDK, 17 say, and Maven: there is no $$program" >&2; exit 2; }; done
	@rm -rf build/flink
	mvn --batch-mode --quiet --no-transfer-progress --file engines/flink/pom.xml package
	@touch $@

$(VENV)/installed: setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; ok = (3, 11) <= v < (3, 14); \
	    ok or sys.exit(f"python3 is {v.major}.{v.minor}; give one from 3.11 to 3.13: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test,lint,tfds-cli]'
	@touch $@

$(VENV)/extras: $(VENV)/installed
	$(BIN)/pip install --quiet --editable '.[test,lint,tfds-cli,gcp,aws,emulators]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
