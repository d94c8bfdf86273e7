"""Counts the requests to object stores that their clients repeated, because a store was busy or an answer was lost.

A worker in another process hands its count over to the engine, whose counters come back at the end of the job.
"""

import threading

from seq2seq_arith.base import events

COUNTER = "repeated requests"  # the engine's
HELP = "Requests to object stores that were repeated."

_lock = threading.Lock()
_new = 0  # since the last ``hand_over``
_handed_over = 0  # by this process, since the engine's count came back


def add(amount: int = 1) -> None:
    """Counts requests of this process; 0 tells that there is a store."""
    global _new
    with _lock:
        _new += amount
        events.add_to_metric("repeated_requests", amount, HELP)


def hand_over() -> int:
    """How many were repeated since the last call."""
    global _new, _handed_over
    with _lock:
        amount, _new = _new, 0
        _handed_over += amount
        return amount


def add_engines(amount: int) -> None:
    """Counts those of the engine's workers; the ones of this process, which are among them, are counted already."""
    global _handed_over
    with _lock:
        events.add_to_metric("repeated_requests", max(0, amount - _handed_over), HELP)
        _handed_over = 0
