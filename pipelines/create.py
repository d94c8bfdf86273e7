"""Makes a dataset and publishes it, for both the program and the TFDS builder."""

import contextlib
from collections.abc import Iterator
from typing import Any

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.beam.options import default_threads, job_outlives_program, workers_share_process
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.staging import Staging
from seq2seq_arith.pipelines.publish import take_up
from seq2seq_arith.pipelines.steps.run import generate


def create(order: Order) -> dict[str, Any]:
    """Makes the ordered dataset, if it is not there, and returns its metadata.

    With ``overwrite``, a dataset that stands there is replaced when the new one is complete.

    Raises:
      InputError: An option cannot be used, something else stands there, or another run is making the dataset.
      OSError: The disk is full, or the directory cannot be written.
      StoreError: The store fails.
      PublishedError: The dataset is complete, but the default config could not be written.
      EngineError: The engine gave the job up.
    """
    publisher = order.publisher
    progress.reset()
    with publisher.locked():
        # Another run may have finished since the caller looked.
        metadata = order.published() or take_up(order)
        if metadata is None:
            order.check_engine()
            outlives = job_outlives_program(order.options)
            with shown(order), publisher.staged(order.layout, order.overwrite, outlives) as staging:
                metadata = fill(order, staging)
        publisher.name_default()
    return metadata


@contextlib.contextmanager
def shown(order: Order) -> Iterator[None]:
    """Shows progress until the block ends, if the workers are in this process and count it here."""
    totals = {"draws": order.plan.draws, "shards": order.layout.num_shards}

    def step() -> str:
        return "publishes" if progress.count("shards") >= totals["shards"] else ""

    is_counted = workers_share_process(order.options)
    with progress.watch(totals, progress.count, step) if is_counted else contextlib.nullcontext():
        yield


def fill(order: Order, staging: Staging) -> dict[str, Any]:
    """Writes the files of the ordered dataset, and returns its metadata."""
    threads = default_threads(order.options)
    with on_loopback(), translate_errors():
        return generate(order.task, order.layout, staging, order.options, threads, order.plan.draws)
