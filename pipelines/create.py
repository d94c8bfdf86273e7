"""Makes a dataset and publishes it, for both the program and the TFDS builder."""

import contextlib
import sys
from typing import Any

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines import run_records
from seq2seq_arith.pipelines.beam import private
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.options import default_threads, is_local, job_outlives_program, workers_share_process
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.steps.job import Report, RunFacts
from seq2seq_arith.pipelines.steps.run import describe, write_dataset
from seq2seq_arith.pipelines.storage.paths import AnyPath


def create(order: Order) -> dict[str, Any]:
    """Makes the ordered dataset, if it is not there, and returns its metadata.

    A dataset whose files a finished job has left is published, and nothing is drawn. With ``overwrite``, a dataset that
    stands there is replaced when the new one is complete.

    Raises InputError, StoreError, EngineError, an OSError of the disk, or PublishedError: the dataset is complete, but
    the default config could not be written.
    """
    began = run_records.clock()
    progress.reset()
    with order.publisher.locked():
        # Another run may have finished since the caller looked.
        metadata = order.published()
        if metadata is None:
            finished = order.finished_run()
            metadata, facts = _publish_finished(order, *finished) if finished else _make(order)
            in_this_process = facts.engine is not None and is_local(order.options)
            run_records.write(order, metadata["sha256"], began, facts, in_this_process)
        order.publisher.name_default()
    return metadata


def _publish_finished(order: Order, path: AnyPath, report: Report) -> tuple[dict[str, Any], RunFacts]:
    """Publishes the files that a finished job has left beside its report; returns their metadata, and what is known."""
    folder = path.parents[0]
    print(f"a job that has ended left the files in {folder}; nothing is drawn", file=sys.stderr, flush=True)
    with order.publisher.taken_up(path, order.overwrite) as staging:
        metadata = describe(order.task, order.layout, staging, report)
    return metadata, RunFacts(job=folder.name)


def _make(order: Order) -> tuple[dict[str, Any], RunFacts]:
    """Makes the files on the engine, and publishes them; their metadata, and what is known of the run."""
    order.check_engine()
    options = order.options
    with (
        _progress(order),
        order.publisher.staged(order.layout, order.overwrite, job_outlives_program(options)) as staging,
        private.on_loopback(),
        translate_errors(),
    ):
        return write_dataset(order.task, order.layout, staging, options, default_threads(options))


def _progress(order: Order) -> contextlib.AbstractContextManager[Any]:
    """Shows progress, if the workers are in this process and count it here."""
    if not workers_share_process(order.options):
        return contextlib.nullcontext()
    totals = {"draws": order.plan.draws, "shards": order.layout.num_shards}

    def step() -> str:
        return "publishes" if progress.count("shards") >= totals["shards"] else ""

    return progress.watch(totals, progress.count, step)
