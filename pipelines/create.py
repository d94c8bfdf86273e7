"""Makes a dataset and publishes it, for both the program and the TFDS builder."""

import functools
from collections.abc import Callable
from typing import Any

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.flink_steps import FlinkSteps
from seq2seq_arith.pipelines.beam.jobs import flink_master
from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.beam.options import default_threads, workers_share_process
from seq2seq_arith.pipelines.beam.quiet_worker import quiet_workers
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.staging import Staging
from seq2seq_arith.pipelines.steps.run import generate

DRAWS, DEDUPLICATES, WRITES, PUBLISHES = "draws", "drops duplicates", "writes", "publishes"


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
    current, step = progress.count, functools.partial(step_here, dict(totals))
    if not workers_share_process(order.options):
        # Workers in other processes have counters of their own, but their files can be seen.
        del totals["draws"]
        written = staging.file_counter("*-validation.tfrecord-*")

        def seen(name: str) -> int:
            return max(progress.count(name), written())

        current, step = seen, steps_elsewhere(order, seen)
    progress.reset()
    with on_loopback(), quiet_workers(), translate_errors(), progress.watch(totals, current, step):
        return generate(
            order.task, order.layout, staging, order.options, default_threads(order.options), order.plan.draws
        )


def steps_elsewhere(order: Order, current: Callable[[str], int]) -> Callable[[], str]:
    """A function that says what is done now by workers in other processes: as Flink tells it, or by their files."""
    if master := flink_master(order.options):
        steps = FlinkSteps(master, {"Draw": DRAWS, "Deduplicate": DEDUPLICATES, "Write": WRITES})
        steps.step()  # the jobs that are there now are not ours
        return steps.step
    return lambda: WRITES if current("shards") else DRAWS


def step_here(totals: dict[str, int]) -> str:
    """What is done now by workers that share this process, which have counters of every step."""
    if progress.count("draws") < totals["draws"]:
        return DRAWS
    if progress.count("deduplicated shards") < totals["shards"]:
        return DEDUPLICATES
    return WRITES if progress.count("shards") < totals["shards"] else PUBLISHES
