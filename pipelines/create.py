"""Makes a dataset and publishes it, for both the program and the TFDS builder."""

import contextlib
from collections.abc import Iterator
from typing import Any

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.followed_job import followed_job
from seq2seq_arith.pipelines.beam.jobs import Begun
from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.beam.options import default_threads, job_outlives_program
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.staging import Staging
from seq2seq_arith.pipelines.publish import take_up
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
            with shown(order) as begun, publisher.staged(order.layout, order.overwrite, outlives) as staging:
                metadata = fill(order, staging, begun)
        publisher.name_default()
    return metadata


@contextlib.contextmanager
def shown(order: Order) -> Iterator[Begun]:
    """Shows progress until the block ends, in which the ordered dataset is made and published.

    Yields:
      What is called with Beam's result of each job that is begun.
    """
    totals = _totals(order)
    with (
        followed_job(order.options, NAMESPACE, LABELS) as job,
        progress.watch(totals, progress.count, lambda: current_step(totals, progress.count, job.step)),
    ):
        yield job.follow


def fill(order: Order, staging: Staging, begun: Begun = lambda _: None) -> dict[str, Any]:
    """Writes the files of the ordered dataset, and returns its metadata.

    Args:
      order: What is made.
      staging: Where.
      begun: Called with Beam's result of each job that is begun.
    """
    threads = default_threads(order.options)
    with on_loopback(), translate_errors():
        metadata = generate(order.task, order.layout, staging, order.options, threads, order.plan.draws, begun)
    for name, total in _totals(order).items():
        progress.raise_to(name, total)  # the last counts of an engine may not have come
    return metadata


def _totals(order: Order) -> dict[str, int]:
    """What is counted for the eye, and how far."""
    return {"draws": order.plan.draws, "shards": order.layout.num_shards}
