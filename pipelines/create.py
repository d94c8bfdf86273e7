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
from seq2seq_arith.pipelines.steps.run import describe, write_dataset


def create(order: Order) -> dict[str, Any]:
    """Makes the ordered dataset, if it is not there, and returns its metadata.

    A dataset whose files a finished job has left is published, and nothing is drawn. With ``overwrite``, a dataset that
    stands there is replaced when the new one is complete.

    Raises InputError, StoreError, EngineError, an OSError of the disk, or PublishedError: the dataset is complete, but
    the default config could not be written.
    """
    publisher, began, told = order.publisher, run_records.clock(), dict[str, Any]()
    progress.reset()
    with publisher.locked():
        # Another run may have finished since the caller looked.
        metadata = order.published()
        is_new = metadata is None
        if is_new and (finished := order.finished_run()):
            path, written = finished
            print(
                f"a job that has ended left the files in {path.parents[0]}; nothing is drawn",
                file=sys.stderr,
                flush=True,
            )
            with publisher.taken_up(path, order.overwrite) as staging:
                metadata = describe(order.task, order.layout, staging, written)
            told["job"] = path.parents[0].name
        elif is_new:
            order.check_engine()
            options, outlives = order.options, job_outlives_program(order.options)
            with (
                _progress(order),
                publisher.staged(order.layout, order.overwrite, outlives) as staging,
                private.on_loopback(),
                translate_errors(),
            ):
                metadata = write_dataset(
                    order.task, order.layout, staging, options, default_threads(options), order.plan.draws, told
                )
        if is_new:
            run_records.write(order, metadata["sha256"], began, told, "engine" in told and is_local(order.options))
        publisher.name_default()
    return metadata


def _progress(order: Order) -> contextlib.AbstractContextManager[Any]:
    """Shows progress, if the workers are in this process and count it here."""
    if not workers_share_process(order.options):
        return contextlib.nullcontext()
    totals = {"draws": order.plan.draws, "shards": order.layout.num_shards}

    def step() -> str:
        return "publishes" if progress.count("shards") >= totals["shards"] else ""

    return progress.watch(totals, progress.count, step)
