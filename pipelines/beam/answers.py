"""What an engine tells of a job while it runs, and how a REST API is asked."""

import dataclasses
import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

SECONDS = 2.0  # timeout of a request
WAITS = "waits for slots"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a job has done so far.

    Attributes:
      counts: The counters, by name, as far as the engine tells them.
      step: What it does now, if the engine tells it; empty if it is to be taken from the counts.
    """

    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    step: str = ""


# Asks the engine once; any exception stands for no answer.
Question = Callable[[], Answer]

# From a path of a REST API to its answer.
Get = Callable[[str], Any]


def rest_api(address: str) -> Get:
    """Asks a REST API that answers in JSON.

    Args:
      address: ``http://HOST:PORT``.
    """

    def get(path: str) -> Any:
        with urllib.request.urlopen(address + path, timeout=SECONDS) as answer:
            return json.load(answer)

    return get
