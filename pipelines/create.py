"""Makes a dataset and publishes it, for both the program and the TFDS builder."""

from typing import Any

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.followed_job import followed_job
from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.beam.options import default_threads
from seq2seq_arith.pipelines.beam.quiet_worker import quiet_workers
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.staging import Staging
from seq2seq_arith.pipelines.steps.current_step import LABELS, current_step
from seq2seq_arith.pipelines.steps.run import generate
from seq2seq_arith.pipelines.steps.transforms import NAMESPACE


def create(order: Order) -> dict[str, Any]:
    """Makes the ordered dataset, if it is not there, and returns its metadata.

    With ``overwrite``, a dataset that stands there is replaced when the new one is complete.

    Raises:
      InputError: An option cannot be used, something else stands there, or another run is making the dataset.
      OSError: The disk is full, or the directory cannot be written.
      StoreError: The store fails.
      PublishedError: The dataset is complete, but the default config could not be written.
      WorkerLostError: A worker process of the engine died.
      EngineError: The engine gave the job up.
    """
    publisher = order.publisher
    with publisher.locked():
        # Another run may have finished since the caller looked.
        metadata = order.published()
        if metadata is None:
            order.check_engine()
            with publisher.staged(order.layout, order.overwrite) as staging:
                metadata = fill(order, staging)
        publisher.name_default()
    return metadata


def fill(order: Order, staging: Staging) -> dict[str, Any]:
    """Writes the files of the ordered dataset, showing progress, and returns its metadata."""
    totals = {"draws": order.plan.draws, "shards": order.layout.num_shards}
    options, threads = order.options, default_threads(order.options)
    progress.reset()
    with (
        on_loopback(),
        quiet_workers(),
        translate_errors(),
        followed_job(options, NAMESPACE, LABELS) as job,
        progress.watch(totals, progress.count, lambda: current_step(totals, progress.count, job.step)),
    ):
        return generate(order.task, order.layout, staging, options, threads, order.plan.draws, job.follow)
