"""Makes a dataset and publishes it: what both the program and the TFDS builder do."""

from typing import Any

from seq2seq_arith.pipelines import coverage, failures, options, progress, stores
from seq2seq_arith.pipelines.generate import generate
from seq2seq_arith.pipelines.plan import check_memory, plan
from seq2seq_arith.pipelines.publish import dataset_path
from seq2seq_arith.pipelines.remote import publisher
from seq2seq_arith.pipelines.shards import Layout
from seq2seq_arith.pipelines.tasks import Task


def create(
    task: Task, layout: Layout, data_dir: stores.AnyPath, beam_flags: list[str], overwrite: bool = False
) -> dict[str, Any]:
    """Makes the dataset under the data directory, on disk or in a store, if it is not there, and returns its metadata.

    With ``overwrite``, a dataset that stands there is replaced when the new one is complete.

    Raises:
      InputError: A flag or a parameter cannot be used, something else stands there, or another run is making it.
      OSError: The disk is full, or the directory cannot be written.
      StoreError: The store fails.
      PublishedError: The dataset is complete, but the default config could not be named.
      WorkerLostError: A worker process of the engine died.
      EngineError: The engine gave the job up.
    """
    path = dataset_path(data_dir, task)
    publish = publisher(path)
    with publish.locked(path):
        # Another run may have finished since the caller looked.
        metadata = publish.published(path, task, layout, overwrite)
        if metadata is None:
            check(task, layout, beam_flags)
            with publish.staged(path, layout, overwrite) as directory:
                metadata = fill(task, layout, directory, beam_flags)
        publish.name_default_config(path)
    return metadata


def check(task: Task, layout: Layout, beam_flags: list[str]) -> None:
    """Makes sure that the run can begin, before there is anything of it that would have to be removed.

    Raises:
      InputError: It cannot.
    """
    beam_options = options.pipeline_options(beam_flags)
    options.check_engine(beam_options)
    if options.is_local(beam_options):
        check_memory(plan(task, layout).local_memory)


def fill(task: Task, layout: Layout, directory: stores.AnyPath, beam_flags: list[str]) -> dict[str, Any]:
    """Makes the dataset in an empty directory or a staged prefix, showing progress, and returns its metadata."""
    beam_options = options.pipeline_options(beam_flags)
    threads = options.default_threads(beam_options)
    seen = stores.counter(directory, "*-validation.tfrecord-*")
    totals = {"draws": coverage.num_draws(task), "shards": layout.num_shards}
    if not options.counts_here(beam_options):
        del totals["draws"]

    def current(name: str) -> int:
        # Workers in other processes count for themselves, but their files can be seen.
        counted = progress.count(name)
        return counted if name != "shards" else max(counted, seen())

    progress.reset()
    with failures.named(), progress.shown(totals, current):
        return generate(task, layout, directory, beam_options, threads)
