"""Runs the pipeline on the runner in Beam's options, and waits for the report of its workers."""

import contextlib
import dataclasses
import json
import platform
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.beam import private
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.beam.options import in_one_line, job_outlives_program
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.steps.cutoff import Windows
from seq2seq_arith.pipelines.steps.job import REFUSED, Job, Report, RunFacts, package_versions, read_report
from seq2seq_arith.pipelines.steps.pipeline import build
from seq2seq_arith.pipelines.steps.transforms import NAMESPACE
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath
from seq2seq_arith.pipelines.storage.staging import REPORT, Staging

SECONDS = 1.0  # between two queries of the state
DATAFLOW = "https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"


def write_dataset(
    task: Task, layout: Layout, staging: Staging, options: PipelineOptions, threads: int
) -> tuple[dict[str, Any], RunFacts]:
    """Writes all files of a dataset, TFDS's files included; returns its metadata, and facts about the run.

    Raises InputError if the task has too few different pairs or the runner cannot be used, and RunnerError if the
    job left no report.
    """
    job = Job(
        task=task,
        layout=layout,
        staging=staging,
        num_draws=coverage.num_draws(task),
        windows=Windows.around(task),
        threads=threads,
        versions=package_versions(layout.formats),
    )
    widening = 1
    while True:
        report, facts = run_pipeline(job, options)
        if report.shards:
            return describe(task, layout, staging, report), facts
        # One run in 10^9 lacks a few keys, or misses a window. If many keys are missing, the estimate was too low.
        widening *= 2
        more = job.num_draws // 8 + 64 if widening == 2 else job.num_draws
        coverage.check_draws(task, job.num_draws)
        job = dataclasses.replace(job, num_draws=job.num_draws + more, windows=Windows.around(task, widening=widening))


def describe(task: Task, layout: Layout, staging: Staging, report: Report) -> dict[str, Any]:
    """Writes the files that describe a dataset whose shards are written, and returns its metadata."""
    staging.expect(report.versions)
    # Workers import this module, and need less memory without TFDS.
    from seq2seq_arith.pipelines.formats.catalog import write_catalog

    return write_catalog(task, layout, staging.catalog, report.draws_used, report.shards)


def run_pipeline(job: Job, options: PipelineOptions) -> tuple[Report, RunFacts]:
    """Runs the pipeline once, and waits for it; returns the report of its workers, and facts about the run.

    Raises SubmittedError if the job continues without this program.
    """
    pipeline: Any = new_pipeline(options)
    result: Any = None
    path, waits = job.staging.own_file(REPORT), not options.view_as(StandardOptions).no_wait_until_finish
    try:
        # The job server that Beam may start ends with the block.
        with private.plain_labels(), private.own_servers():
            build(job, pipeline)
            result = pipeline.run()
            with shown(result, options, path):
                if waits:
                    result.wait_until_finish()
    except BaseException as error:
        private.add_messages(error, result)
        with contextlib.suppress(Exception):
            result.cancel()  # otherwise the job would continue on a remote runner
        if message := _refused(path):
            path.unlink()  # it is not the report of a finished job
            raise InputError(message) from error
        raise
    name = private.job_name(result)
    if not waits:
        raise SubmittedError(name)
    return read_report(path), RunFacts(
        runner=options.view_as(StandardOptions).runner,
        image=options.view_as(WorkerOptions).sdk_container_image,
        versions={"python": platform.python_version(), **job.versions},
        job=name,
        counters=_counters(result),
    )


def new_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """An empty pipeline; raises InputError if the runner does not exist, is not installed, or lacks an option."""
    try:
        return beam.Pipeline(options=options)
    except (ValueError, ImportError) as error:
        runner = options.view_as(StandardOptions).runner
        raise InputError(
            f"--runner={runner} cannot be used: {in_one_line(str(error))}; see docs/how-to/flink-spark-prism.md"
        ) from error


def _counters(result: Any) -> dict[str, int]:
    """The sums of the pipeline's counters, as far as the runner reports them."""
    counters: Counter[str] = Counter()
    with contextlib.suppress(Exception):
        for counter in result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
            counters[counter.key.metric.name] += counter.result
    return dict(counters)


def _refused(report: AnyPath) -> str:
    """Why a worker refused to work: it has other versions than this program. Empty if none did."""
    with contextlib.suppress(Exception):  # usually there is no report
        return json.loads(paths.read_bytes(report))[REFUSED]
    return ""


@contextlib.contextmanager
def shown(result: Any, options: PipelineOptions, report: AnyPath) -> Iterator[None]:
    """Prints the name and the page of a job, and each new state until the block ends; nothing for a local run.

    If a worker is refused, the job is cancelled: the runner would retry that worker for minutes.
    """
    job, ended, outlives = private.job_name(result), threading.Event(), job_outlives_program(options)

    def follow() -> None:
        state = ""
        while not ended.wait(SECONDS):
            with contextlib.suppress(Exception):  # a runner that does not answer must not stop the work
                before, state = state, str(result.state)
                if state != before and not ended.is_set():
                    events.emit("job", id=job, page=page, state=state)
                    print(f"job {job} is {state}", file=sys.stderr, flush=True)
                if outlives and _refused(report):
                    result.cancel()

    page = page_of(job, options) if job else ""
    if job:
        events.emit("job", id=job, page=page, state="STARTED")
        print(f"the runner started job {job}" + f"; see {page}" * bool(page), file=sys.stderr, flush=True)
        threading.Thread(target=follow, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def page_of(job: str, options: PipelineOptions) -> str:
    """The address of the page that shows a job; empty if it is not known."""
    google, master = options.view_as(GoogleCloudOptions), options.view_as(FlinkRunnerOptions).flink_master
    if options.view_as(StandardOptions).runner == "DataflowRunner":
        return DATAFLOW.format(region=google.region, job=job, project=google.project)
    if master in (None, "[auto]", "[local]", "[collection]"):
        return ""
    return (master if "://" in master else f"http://{master}").rstrip("/")
