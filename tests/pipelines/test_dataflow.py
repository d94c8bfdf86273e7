"""The job that Dataflow would be given: translated offline, without an account."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def has_gcp() -> bool:
    try:
        return find_spec("google.cloud.storage") is not None
    except ModuleNotFoundError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_gcp(), reason="needs the extra gcp: pip install 'seq2seq_arith[gcp]'"),
]

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: a translated job leaves threads and a logged-out client behind.
TRANSLATE = """
import json
import sys
from pathlib import Path

import apache_beam as beam
from seq2seq_arith.pipelines import Task, coverage
from seq2seq_arith.pipelines.cutoff import Windows
from seq2seq_arith.pipelines.generate import Job, build
from seq2seq_arith.pipelines.options import default_threads, pipeline_options
from seq2seq_arith.pipelines.shards import Layout

options = pipeline_options(sys.argv[1:])
task = Task(digits=7, num_examples=20_000_000)
pipeline = beam.Pipeline(options=options)
job = Job(task=task, layout=Layout.of(task), directory=Path("/mnt/shared"), num_draws=coverage.num_draws(task),
          windows=Windows.around(task), threads=default_threads(options))
build(job, pipeline)
result = pipeline.run()
proto = result.job.proto_pipeline
shuffles = sorted(
    transform.unique_name
    for transform in proto.components.transforms.values()
    if transform.spec.urn == "beam:transform:group_by_key:v1"
)
environment = next(iter(proto.components.environments.values()))
print(json.dumps({
    "shuffles": shuffles,
    "threads": job.threads,
    "artifacts": [dependency.role_payload.decode(errors="replace") for dependency in environment.dependencies],
    "job": type(result.job).__name__,
}))
"""
FLAGS = [
    "--runner=DataflowRunner",
    "--dry_run=True",
    "--no_auth",
    "--sdk_location=container",
    "--project=my-project",
    "--region=us-central1",
    "--staging_location=gs://beam-bucket/stage",
    "--temp_location=gs://beam-bucket/tmp",
]


SHUFFLES = {
    # Chunk numbers, spread over the workers.
    "Spread/ReshufflePerKey/GroupByKey",
    # Draw numbers, by shard: the one that is large.
    "Shuffle",
    # The rows in two narrow windows, and what was written: one element a worker.
    "Together/CombinePerKey/GroupByKey",
    "Reports/CombinePerKey/GroupByKey",
}


def translated(*more: str) -> dict:
    process = subprocess.run(
        [sys.executable, "-c", TRANSLATE, *FLAGS, *more],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def test_the_job_and_its_graph():
    job = translated()
    assert job["job"] == "Job"
    # Create may spread the chunks itself.
    assert {name for name in job["shuffles"] if not name.startswith("Chunks/")} == SHUFFLES
    # Dataflow runs a worker process for each core.
    assert job["threads"] == 1


def test_setup_py_is_staged(tmp_path):
    """From a copy, for building the package writes beside setup.py."""
    names = shutil.ignore_patterns(".*", "tests", "build", "dist", "*.egg-info", "data", "runs", "__pycache__")
    copy = shutil.copytree(ROOT, tmp_path / "checkout", ignore=names)
    job = translated(f"--setup_file={copy / 'setup.py'}")
    assert [name for name in job["artifacts"] if "workflow.tar.gz" in name]
