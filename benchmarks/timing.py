"""Runs each measurement in a separate process, without the memory, threads or graphs of earlier measurements."""

import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from seq2seq_arith.pipelines.run_records import KIBIBYTE


def call(function: Callable, *arguments: Any) -> tuple[Any, int]:
    """The result of a module's function, and the bytes of memory of its process at the peak."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, function, arguments).result()


def _measured(function: Callable, arguments: tuple) -> tuple[Any, int]:
    return function(*arguments), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
