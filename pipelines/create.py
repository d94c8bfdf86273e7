"""Creates a dataset and publishes it, for both the program and the TFDS builder."""

import contextlib
import sys
from typing import Any, NamedTuple

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines import run_records
from seq2seq_arith.pipelines.beam import private
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.options import default_threads, is_local, job_outlives_program, workers_share_process
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.steps.job import Report, RunFacts
from seq2seq_arith.pipelines.steps.run import describe, write_dataset
from seq2seq_arith.pipelines.storage.paths import AnyPath


class Created(NamedTuple):
    """The metadata of a dataset that exists, and whether this run drew its examples."""

    metadata: dict[str, Any]
    is_drawn: bool


def create(request: Request) -> Created:
    """Creates the requested dataset, unless it exists.

    If an earlier job has written all files without publishing them, they are published, and nothing is sampled again.
    With ``overwrite``, an existing dataset is replaced when the new one is complete.

    Raises InputError, StoreError, RunnerError, an OSError of the disk, or PublishedError: the dataset is complete, but
    the default config could not be written.
    """
    start = run_records.clock()
    progress.reset()
    is_drawn = False
    with request.publisher.locked():
        # Another run may have finished since the caller looked.
        metadata = request.published()
        if metadata is None:
            finished = request.finished_run()
            metadata, facts = _publish_finished(request, *finished) if finished else _make(request)
            is_drawn = facts.runner is not None
            in_this_process = is_drawn and is_local(request.options)
            run_records.write(request, metadata["sha256"], start, facts, in_this_process)
        request.publisher.name_default()
    return Created(metadata, is_drawn)


def _publish_finished(request: Request, path: AnyPath, report: Report) -> tuple[dict[str, Any], RunFacts]:
    """Publishes the files that a finished job left beside its report; returns the metadata, and facts about the run."""
    folder = path.parents[0]
    print(
        f"a finished job left the files in {folder}; they are published without drawing again",
        file=sys.stderr,
        flush=True,
    )
    with request.publisher.resume_publication(path, request.overwrite) as staging:
        metadata = describe(request.task, request.layout, staging, report)
    return metadata, RunFacts(job=folder.name)


def _make(request: Request) -> tuple[dict[str, Any], RunFacts]:
    """Writes the files on the runner, and publishes them; returns the metadata, and facts about the run."""
    request.check_runner()
    options = request.options
    with (
        _progress(request),
        request.publisher.staged(request.layout, request.overwrite, job_outlives_program(options)) as staging,
        private.on_loopback(),
        translate_errors(),
    ):
        return write_dataset(request.task, request.layout, staging, options, default_threads(options))


def _progress(request: Request) -> contextlib.AbstractContextManager[Any]:
    """Shows progress, if the workers are in this process and count it here."""
    if not workers_share_process(request.options):
        return contextlib.nullcontext()
    totals = {"draws": request.plan.draws, "shards": request.layout.num_shards}

    def step() -> str:
        return "publishes" if progress.count("shards") >= totals["shards"] else ""

    return progress.watch(totals, progress.count, step)
