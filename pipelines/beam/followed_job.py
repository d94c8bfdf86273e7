"""Follows the job that an engine runs for this program: which step it is at, and what has been counted.

Each engine is asked in its own way, by a ``Question``. What it has counted goes to the counters of this process,
``base.progress``, to which workers in this process add theirs. The answers are for the eye alone: an engine that is
slow, silent or gone neither stops nor delays the work.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines.beam import jobs
from seq2seq_arith.pipelines.beam.answers import Answer, Question
from seq2seq_arith.pipelines.beam.flink_rest import FlinkJob
from seq2seq_arith.pipelines.beam.options import workers_share_process
from seq2seq_arith.pipelines.beam.spark_rest import SparkJob

SECONDS = 1.0  # between two questions
UNCOUNTED = "waits for counts"


class FollowedJob:
    """Asks an engine now and then, in a thread of its own.

    Args:
      options: Beam's.
      namespace: That of the counters.
      labels: From a label in the pipeline to the name of the step, in the order of the steps.

    Attributes:
      step: What the job does now, where its counters do not tell; or else empty.
    """

    def __init__(self, options: PipelineOptions, namespace: str, labels: Mapping[str, str]) -> None:
        self.step = "" if workers_share_process(options) else UNCOUNTED
        self._options = options
        self._namespace = namespace
        self._labels = labels
        self._ended = threading.Event()

    def follow(self, result: Any) -> None:
        """Follows a job that has just begun, by Beam's result of it, and no longer the one before it."""
        if not workers_share_process(self._options):
            self.ask(question(result, self._options, self._namespace, self._labels))

    def ask(self, asked: Question) -> None:
        """Asks this from now on, instead of what was asked before."""
        self.end()
        self._ended = threading.Event()
        threading.Thread(target=self._follow, args=(asked, self._ended), daemon=True).start()

    def end(self) -> None:
        """Asks no more. A question that is not answered yet is not waited for."""
        self._ended.set()

    def _follow(self, asked: Question, ended: threading.Event) -> None:
        while not ended.wait(SECONDS):
            with contextlib.suppress(Exception):
                answer = asked()
                if ended.is_set():
                    return
                for name, amount in answer.counts.items():
                    progress.raise_to(name, amount)
                self.step = answer.step or ("" if answer.counts else self.step)


@contextlib.contextmanager
def followed_job(options: PipelineOptions, namespace: str, labels: Mapping[str, str]) -> Iterator[FollowedJob]:
    """A ``FollowedJob`` for a run with these options, which asks no more when the block ends."""
    job = FollowedJob(options, namespace, labels)
    try:
        yield job
    finally:
        job.end()


def question(result: Any, options: PipelineOptions, namespace: str, labels: Mapping[str, str]) -> Question:
    """The question for a job: Flink's or Spark's REST API, if an option names it, or else Beam's counters.

    Beam's job servers of Flink and Spark tell no counters before the job has ended. Prism and Dataflow do.
    """
    if address := jobs.flink_address(options):
        return FlinkJob(address, jobs.name(result), namespace, labels)
    if address := jobs.spark_address(options):
        return SparkJob(address, jobs.name(result), namespace, next(iter(labels.values())))
    return lambda: Answer(jobs.counters_so_far(result, namespace))
