"""What a job of Flink does now, by Flink's REST API: Beam's job server tells nothing of a job before it has ended."""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

SECONDS = 2.0  # timeout of a request
WAITS = "waits for slots"
RUNNING, FINISHED = "RUNNING", "FINISHED"


class FlinkSteps:
    """Looks at the newest job of a Flink cluster.

    Args:
      address: Of the REST API, ``http://HOST:PORT``.
      steps: From a label in the pipeline to the name of the step, in the order of the steps.
      get: From a path of the API to its answer; for tests.
    """

    def __init__(self, address: str, steps: Mapping[str, str], get: Callable[[str], Any] | None = None) -> None:
        self._address = address
        self._steps = steps
        self._get = get or self._request
        self._old: set[str] | None = None  # the jobs that were there before ours

    def step(self) -> str:
        """The first step that is running, or else the last that has ended; that it waits, if none has begun.

        It is empty if there is no job, or Flink does not answer. The jobs that are there at the first call are not
        ours. Flink starts a step when its first input is there, so several are running at once.
        """
        try:
            jobs = self._get("/jobs/overview")["jobs"]
            if self._old is None:
                self._old = {job["jid"] for job in jobs}
            ours = [job for job in jobs if job["jid"] not in self._old]
            if not ours:
                return ""
            newest = max(ours, key=lambda job: job["start-time"])
            vertices = self._get(f"/jobs/{newest['jid']}")["vertices"]
        except (OSError, ValueError, KeyError):  # it shows the work, and must not stop it
            return ""
        running, ended = (self._named(vertices, status) for status in (RUNNING, FINISHED))
        return [*running[:1], *ended[-1:], WAITS][0]

    def _named(self, vertices: Any, status: str) -> list[str]:
        """The steps whose vertices have a status."""
        names = " ".join(vertex["name"] for vertex in vertices if vertex["status"] == status)
        return [step for label, step in self._steps.items() if _has(names, label)]

    def _request(self, path: str) -> Any:
        with urllib.request.urlopen(self._address + path, timeout=SECONDS) as answer:
            return json.load(answer)


def _has(names: str, label: str) -> bool:
    """Whether a step of this label is among the names of Flink's vertices.

    >>> _has("MapPartition (MapPartition at [6]{Read, Deduplicate, Kept})", "Deduplicate")
    True
    >>> _has("MapPartition (MapPartition at [3]{Write, Reports})", "Read")
    False
    """
    return any(f"{before}{label}{after}" in names for before in "{ ]" for after in ",})")
