"""Runs the pipeline on the engine that Beam's options name, and waits for what its workers leave."""

import contextlib
import dataclasses
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.utils.subprocess_server import SubprocessServer

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.beam import jobs
from seq2seq_arith.pipelines.beam.failures import SubmittedError, add_messages
from seq2seq_arith.pipelines.beam.options import in_one_line, plain_labels
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.places.staging import REPORT, Staging
from seq2seq_arith.pipelines.steps.cutoff import Windows
from seq2seq_arith.pipelines.steps.job import Job, Written, package_versions, read_report
from seq2seq_arith.pipelines.steps.pipeline import build


def write_dataset(
    task: Task,
    layout: Layout,
    staging: Staging,
    options: PipelineOptions,
    threads: int = 1,
    num_draws: int | None = None,
) -> dict[str, Any]:
    """Writes all files of a dataset, TFDS's files included, and returns its metadata.

    ``num_draws`` are the draws of the first run, if they have been computed already. Raises InputError if the task has
    too few different pairs or the runner cannot be used, and EngineError if the engine's job left no report.
    """
    job = Job(
        task=task,
        layout=layout,
        staging=staging,
        num_draws=coverage.num_draws(task) if num_draws is None else num_draws,
        windows=Windows.around(task),
        threads=threads,
        versions=package_versions(layout.formats),
    )
    written = run_pipeline(job, options)
    widening = 1
    while written is None:
        # One run in 10^9 has a few keys too few, or misses a window.
        widening *= 2
        more = job.num_draws // 8 + 64
        job = dataclasses.replace(job, num_draws=job.num_draws + more, windows=Windows.around(task, widening=widening))
        written = run_pipeline(job, options)
    return describe(task, layout, staging, written)


def describe(task: Task, layout: Layout, staging: Staging, written: Written) -> dict[str, Any]:
    """Writes the files that describe a dataset whose shards are written, and returns its metadata."""
    staging.expect({path: version for shard in written.shards for path, version in shard.versions.items()})
    # Workers import this module, and need less memory without TFDS.
    from seq2seq_arith.pipelines.formats.catalog import write_catalog

    return write_catalog(task, layout, staging.catalog, written.draws_used, written.shards)


def run_pipeline(job: Job, options: PipelineOptions) -> Written | None:
    """Runs the pipeline once, and waits for it: the result, or None if the draws did not suffice.

    Raises SubmittedError if the job goes on alone.
    """
    pipeline: Any = new_pipeline(options)
    result: Any = None
    waits = not options.view_as(StandardOptions).no_wait_until_finish
    try:
        # A job server that Beam starts ends with the block.
        with plain_labels(), SubprocessServer.cache_subprocesses():
            build(job, pipeline)
            result = pipeline.run()
            with jobs.shown(result, options):
                if waits:
                    result.wait_until_finish()
    except BaseException as error:
        add_messages(error, result)
        with contextlib.suppress(Exception):
            result.cancel()  # the job would go on in a remote engine
        raise
    if waits:
        return read_report(job.staging.own_file(REPORT)).written
    raise SubmittedError(jobs.name(result))


def new_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """An empty pipeline; raises InputError if the runner does not exist, is not installed, or lacks an option."""
    try:
        return beam.Pipeline(options=options)
    except (ValueError, ImportError) as error:
        runner = options.view_as(StandardOptions).runner
        raise InputError(f"--runner={runner} cannot be used: {in_one_line(str(error))}; see docs/engines.md") from error
