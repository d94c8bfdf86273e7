"""The pipeline's steps in this process, without Beam: the draws that are the examples of an existing dataset.

Its metadata has the number of draws, so the N-th kept draw need not be searched for.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.machine import cores
from seq2seq_arith.pipelines.steps import cutoff, dedup
from seq2seq_arith.pipelines.steps.blocks import Block, Drawn, by_shard, draw_numbers
from seq2seq_arith.pipelines.steps.cutoff import Windows


def example_draws(task: Task, draws_used: int, num_shards: int) -> dict[str, list[np.ndarray]] | None:
    """The draws that are the examples of a dataset: from a split to uint64 (n,) per shard, in the order of its file.

    None if the last of these draws is not the N-th kept one. It needs about 4 bytes per draw and 12 per example.
    """
    size = dedup.chunk_size(draws_used, num_shards)
    windows = dataclasses.replace(Windows.around(task), first_draw=draws_used - 1, last_draw=draws_used - 1)
    of_shard: list[list[bytes]] = [[] for _ in range(num_shards)]

    def draw(first: int) -> list[Block]:
        stop = min(first + size, draws_used)
        return list(by_shard(Drawn(first, *dedup.partition(task, first, stop, num_shards))))

    def deduplicate(shard: int) -> bytes:
        numbers = draw_numbers(of_shard[shard])
        of_shard[shard].clear()
        return cutoff.packed(windows, dedup.unique(task, numbers, num_shards, shard))

    for chunk in parallel_map(draw, range(0, draws_used, size)):
        for shard, block in chunk:
            of_shard[shard].append(block)
    kept = list(parallel_map(deduplicate, range(num_shards)))
    cut = cutoff.cutoff(task, windows, cutoff.together(cutoff.find(task, windows, block) for block in kept))
    if cut is None:
        return None
    splits = [cutoff.split(task, block, cut) for block in kept]
    return {name: [of_shard[name] for of_shard in splits] for name in task.splits}


def parallel_map(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """``map`` in one thread per core; NumPy, hashing and PyArrow release Python's lock while they work."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(function, items)
