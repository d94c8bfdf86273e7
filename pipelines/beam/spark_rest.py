"""What a job of Spark does, by its driver's REST API: Beam's job server tells nothing of a job before it has ended.

The stages have no names that would tell the steps. But Beam keeps its counters in an accumulator, and Spark shows the
accumulators of a stage, as text, whenever a task has ended.
"""

import re
from collections.abc import Iterator
from typing import Any

from seq2seq_arith.pipelines.beam.answers import WAITS, Answer, Get, rest_api

BEAM = "Beam.Metrics"  # the accumulator, as of Beam 2.62
# In its text: {NAME=draws, PTRANSFORM=..., NAMESPACE=seq2seq_arith}: 1200, with the labels in any order
COUNTER = re.compile(r":user:sum_int64:v1 \{([^{}]*)\}: (\d+)")


class SparkJob:
    """A ``Question`` about a job of Spark.

    Args:
      address: Of the driver's page, ``http://HOST:PORT``.
      job: Beam's name of the job, which is Spark's, too.
      namespace: That of the counters.
      first: The name of the first step that counts anything.
      get: From a path of the API to its answer; for tests.
    """

    def __init__(self, address: str, job: str, namespace: str, first: str, get: Get | None = None) -> None:
        self._job = job
        self._namespace = namespace
        self._first = first
        self._get = get or rest_api(address)

    def __call__(self) -> Answer:
        """The counters; the first step, if a task has begun and none has counted; or else that it waits."""
        ours = [each["id"] for each in self._get("/api/v1/applications") if each["name"] == self._job]
        if not ours:
            return Answer()
        stages = self._get(f"/api/v1/applications/{ours[0]}/stages")
        if not any(stage["numActiveTasks"] or stage["numCompleteTasks"] for stage in stages):
            return Answer(step=WAITS)
        counts = counters(stages, self._namespace)
        return Answer(counts, "" if counts else self._first)


def counters(stages: Any, namespace: str) -> dict[str, int]:
    """Beam's counters. Each stage shows the one accumulator as it was at its end: the largest value is the newest."""
    newest: dict[tuple[str, str], int] = {}
    for name, transform, value in _values(stages, namespace):
        newest[name, transform] = max(value, newest.get((name, transform), 0))
    total: dict[str, int] = {}
    for (name, _), value in newest.items():
        total[name] = total.get(name, 0) + value
    return total


def _values(stages: Any, namespace: str) -> Iterator[tuple[str, str, int]]:
    """The name, the transform and the value of each counter of each stage."""
    for stage in stages:
        for accumulator in stage["accumulatorUpdates"]:
            if accumulator["name"] != BEAM:
                continue
            for text, value in COUNTER.findall(accumulator["value"] or ""):
                labels = dict(label.split("=", 1) for label in text.split(", "))
                if labels["NAMESPACE"] == namespace:
                    yield labels["NAME"], labels["PTRANSFORM"], int(value)
