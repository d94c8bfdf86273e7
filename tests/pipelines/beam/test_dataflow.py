"""The job that Dataflow would be given: translated offline, without an account."""

import json
import re
import sys

import pytest
from layout import ROOT
from programs import python

pytest.importorskip("google.cloud.storage", reason="needs the extra gcp: pip install 'seq2seq_arith[gcp]'")

# In a process of its own: a translated job leaves threads and a logged-out client behind.
TRANSLATE = """
import json
import sys
from pathlib import Path

import apache_beam as beam
from apache_beam.runners.dataflow.internal import apiclient
from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.steps.cutoff import Windows
from seq2seq_arith.pipelines.steps.job import Job
from seq2seq_arith.pipelines.steps.pipeline import build
from seq2seq_arith.pipelines.beam.options import default_threads, pipeline_options
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.storage.staging import StagedDirectory

task = Task(size=9, num_examples=int(sys.argv.pop(1)))
options = pipeline_options(sys.argv[1:])
pipeline = beam.Pipeline(options=options)
job = Job(task=task, layout=Layout.from_task(task), staging=StagedDirectory(Path("/mnt/shared")),
          num_draws=coverage.num_draws(task), windows=Windows.around(task), threads=default_threads(options))
build(job, pipeline)
result = pipeline.run()
proto = result.job.proto_pipeline
shuffles = sorted(
    transform.unique_name
    for transform in proto.components.transforms.values()
    if transform.spec.urn == "beam:transform:group_by_key:v1"
)
environment = next(iter(proto.components.environments.values()))
# The request that Beam would send, made by its own code; a dry run stops before.
request = apiclient.Environment(
    packages=[], options=options, environment_version="9", proto_pipeline_staged_url="gs://beam-bucket/stage/pipeline.pb",
    proto_pipeline=proto,
).proto
(pool,) = request.worker_pools
sent = dict(request.sdk_pipeline_options)["options"]
print(json.dumps({
    "shuffles": shuffles,
    "threads": job.threads,
    "artifacts": [dependency.role_payload.decode(errors="replace") for dependency in environment.dependencies],
    "pipeline_bytes": proto.ByteSize(),
    "machine": pool.machine_type,
    "autoscaling": pool.autoscaling_settings.algorithm.name,
    "max_workers": pool.autoscaling_settings.max_num_workers,
    "workers": pool.num_workers,
    "images": [image.container_image for image in pool.sdk_harness_container_images],
    "threads_each": pool.num_threads_per_worker,
    "one_core_each": [image.use_single_core_per_container for image in pool.sdk_harness_container_images],
    "location": sent["sdk_location"],
    "name": result.job.proto.name,
    "labels": dict(result.job.proto.labels),
    "account": request.service_account_email,
    "addresses": pool.ip_configuration.name,
    "subnetwork": pool.subnetwork,
    "temporary": request.temp_storage_prefix,
}))
"""
FLAGS = [
    *("--runner=DataflowRunner", "--dry_run=True", "--no_auth", "--sdk_location=container", "--project=my-project"),
    *("--region=us-central1", "--staging_location=gs://beam-bucket/stage", "--temp_location=gs://beam-bucket/tmp"),
]
NUM_EXAMPLES = 10**9


def translated(*more: str) -> dict:
    return json.loads(python(TRANSLATE, NUM_EXAMPLES, *FLAGS, *more).splitlines()[-1])


@pytest.mark.slow
def test_the_job_and_its_graph():
    """It does not grow with the data: Dataflow refuses jobs of over 10 MB, and a list of all chunks would be one."""
    job = translated()
    assert [name.partition("/")[0] for name in job["shuffles"]] == ["Cut", "Reports", "Shuffle", "Spread"]
    assert job["pipeline_bytes"] < 200_000
    # Beam's own image, and a worker process for each core, so one thread in each.
    (image,) = job["images"]
    assert f"beam_python{sys.version_info.major}.{sys.version_info.minor}_sdk:" in image
    assert job["one_core_each"] == [True]
    assert job["threads"] == job["threads_each"] == 1
    assert not [name for name in job["artifacts"] if "main_session" in name]


IMAGE = "us-docker.pkg.dev/my-project/arith/worker:1"
NAMES = {"$IMAGE": IMAGE, "PROJECT": "my-project", "BUCKET": "beam-bucket", "SUBNET": "arith"}


def documented() -> list[str]:
    """Beam's flags of the command that docs/how-to/dataflow.md shows for Dataflow."""
    page = (ROOT / "docs/how-to/dataflow.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"\n(arith-data generate [^`]*--runner=DataflowRunner[^`]*)```", page)
    for name, value in NAMES.items():
        command = command.replace(name, value)
    _, _, flags = command.replace("\\\n", " ").partition("--data-dir gs://beam-bucket/data")
    return flags.split()


@pytest.mark.slow
def test_the_command_of_the_page():
    """Each of its flags arrives, and there is nothing to install when a worker starts."""
    job = translated(*documented())
    assert job["machine"] == "e2-standard-4"
    assert (job["autoscaling"], job["max_workers"]) == ("AUTOSCALING_ALGORITHM_BASIC", 8)
    assert job["images"] == [IMAGE]
    assert job["location"] == "container"
    assert job["name"] == "arith-addition-d8"
    assert job["labels"].items() >= {"team": "arith", "dataset": "addition-d8"}.items()
    assert job["account"] == "arith@my-project.iam.gserviceaccount.com"
    assert job["addresses"] == "WORKER_IP_PRIVATE"
    assert job["subnetwork"] == "regions/us-central1/subnetworks/arith"
    assert "beam-bucket/temp" in job["temporary"]
    assert not [name for name in job["artifacts"] if "workflow" in name or "whl" in name]
