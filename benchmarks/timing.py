"""Calls what is measured in a process of its own, without memory, threads or graphs of what was measured before."""

import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from seq2seq_arith.pipelines.run_records import KIBIBYTE


def call(function: Callable, *given: Any) -> tuple[Any, int]:
    """The result of a module's function, and the bytes of memory of its process at the peak."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, function, given).result()


def _measured(function: Callable, given: tuple) -> tuple[Any, int]:
    return function(*given), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
