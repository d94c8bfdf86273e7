"""Beam in half the time, within the tests' own process: what it works out again and again is kept.

A run of the pipeline makes 250 views of its options, each with a new argument parser, and looks eight times through
every function of each step for states and timers. Programs that tests start are as they are.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose results are kept for each first argument as long as that lives."""
    kept: Any = weakref.WeakKeyDictionary()

    @functools.wraps(function)
    def cached(first: Any, *others: Any) -> Any:
        results = kept.setdefault(first, {})
        if others not in results:
            results[others] = function(first, *others)
        return results[others]

    return cached


@functools.cache
def use() -> None:
    """Changes Beam in this process, once."""
    PipelineOptions.view_as = _once(PipelineOptions.view_as)
    userstate.get_dofn_specs = _once(userstate.get_dofn_specs)
