"""What a job of Flink does, by Flink's REST API: Beam's job server tells nothing of a job before it has ended.

The step is that of the vertices, which Flink tells at once. The counters are in one of Flink's accumulators, where Beam
puts them: each part of a step adds its own when it ends.
"""

from collections.abc import Mapping
from typing import Any

from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.portable_runner import PortableMetrics
from google.protobuf import json_format

from seq2seq_arith.pipelines.beam import jobs
from seq2seq_arith.pipelines.beam.answers import WAITS, Answer, Get, rest_api

RUNNING, FINISHED = "RUNNING", "FINISHED"
BEAM = "__metricscontainers"  # the accumulator of Beam's counters, as of Beam 2.62


class FlinkJob:
    """A ``Question`` about a job of a Flink cluster.

    Args:
      address: Of the REST API, ``http://HOST:PORT``.
      job: Beam's name of the job: Flink's, and a number.
      namespace: That of the counters.
      labels: From a label in the pipeline to the name of the step, in the order of the steps.
      get: From a path of the API to its answer; for tests.
    """

    def __init__(
        self, address: str, job: str, namespace: str, labels: Mapping[str, str], get: Get | None = None
    ) -> None:
        self._name = job.rpartition("_")[0]
        self._namespace = namespace
        self._labels = labels
        self._get = get or rest_api(address)
        self._others: set[str] | None = None

    def __call__(self) -> Answer:
        """The counters; and the first step that is running, or else the last that has ended.

        If none has begun, it waits. Flink starts a step when its first input is there, so several are running at once.
        """
        named = [job for job in self._get("/jobs/overview")["jobs"] if job["name"] == self._name]
        if self._others is None:
            # Names can be given twice (--job_name). What had ended before the first question is another job.
            self._others = {job["jid"] for job in named if job["end-time"] > 0}
        ours = [job for job in named if job["jid"] not in self._others]
        if not ours:
            return Answer()
        path = f"/jobs/{max(ours, key=lambda job: job['start-time'])['jid']}"
        told = self._get(path)
        counts = counters(self._get(f"{path}/accumulators"), self._namespace)
        return Answer(counts, "" if told["state"] == FINISHED else self._step(told["vertices"]))

    def _step(self, vertices: Any) -> str:
        running, ended = (self._named(vertices, status) for status in (RUNNING, FINISHED))
        return [*running[:1], *ended[-1:], WAITS][0]

    def _named(self, vertices: Any, status: str) -> list[str]:
        """The steps whose vertices have a status."""
        names = " ".join(vertex["name"] for vertex in vertices if vertex["status"] == status)
        return [step for label, step in self._labels.items() if _has(names, label)]


def counters(accumulators: Any, namespace: str) -> dict[str, int]:
    """Beam's counters among Flink's accumulators: they are written as a job server would answer."""
    texts = [each["value"] for each in accumulators["user-task-accumulators"] if each["name"] == BEAM]
    answer = json_format.Parse(texts[0] if texts else "{}", beam_job_api_pb2.GetJobMetricsResponse())
    return jobs.largest(PortableMetrics(answer), namespace)


def _has(names: str, label: str) -> bool:
    """Whether a step of this label is among the names of Flink's vertices.

    >>> _has("MapPartition (MapPartition at [6]{Read, Deduplicate, Kept})", "Deduplicate")
    True
    >>> _has("MapPartition (MapPartition at [3]{Write, Reports})", "Read")
    False
    """
    return any(f"{before}{label}{after}" in names for before in "{ ]" for after in ",})")
