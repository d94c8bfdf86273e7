"""The Beam transform that the pipeline is built from; pure functions on arrays do the work itself."""

import collections
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import AsSingleton
from apache_beam.transforms.window import GlobalWindows

from seq2seq_arith.base import progress

Counters = Callable[[Any], dict[str, int]]
NAMESPACE = "seq2seq_arith"  # of the Beam counters


def threaded_map(
    function: Callable, *side_inputs: AsSingleton, threads: int, counters: Counters = lambda result: {}
) -> beam.ParDo:
    """A ``Map`` that calls its picklable function in threads, for several elements at once.

    NumPy, hashing and writing files release the interpreter's lock, so that one process uses several cores without
    sending data between processes. A bundle holds at most one more element than there are ``threads``. ``counters``
    takes a result to the amounts to add to the Beam counters, and to those of this process, by name.
    """
    return beam.ParDo(_Threaded(function, threads, counters), *side_inputs)


class _Threaded(beam.DoFn):
    def __init__(self, function: Callable, threads: int, counters: Counters) -> None:
        self._function = function
        self._threads = threads
        self._counters = counters

    def setup(self) -> None:
        self._pool = ThreadPoolExecutor(self._threads)

    def start_bundle(self) -> None:
        self._running: collections.deque[Future] = collections.deque()

    def process(self, element, *side_inputs):
        self._running.append(self._pool.submit(self._function, element, *side_inputs))
        if len(self._running) > self._threads:
            yield self._next()

    def finish_bundle(self):
        # The pipeline has no windows, so every element is in the global one.
        while self._running:
            yield GlobalWindows.windowed_value(self._next())

    def teardown(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _next(self):
        result = self._running.popleft().result()
        for name, amount in self._counters(result).items():
            Metrics.counter(NAMESPACE, name).inc(amount)
            progress.add(name, amount)
        return result
