"""The dataset once more, drawn by other code: whole arrays and plain sorts, for checking what the pipeline wrote.

Nothing is shared with the pipeline but the task itself, so that a mistake there is not repeated here.
"""

import numpy as np

from seq2seq_arith.pipelines.tasks import Task

Examples = tuple[np.ndarray, np.ndarray]  # left and right operands, uint64

U32 = np.uint64(32)
LOW = np.uint64(2**32 - 1)


def redraw(task: Task, draws_used: int, num_shards: int) -> dict[str, list[Examples]]:
    """The operands of every example, by split and shard, in the order of the files."""
    left, right = _operands(task, draws_used)
    x, y = (left, right) if task.ordered else (np.minimum(left, right), np.maximum(left, right))
    kept = _first_of_each(x, y)
    left, right, x, y = left[kept], right[kept], x[kept], y[kept]
    order_hash, split_hash = (_hash(task, purpose, x, y) for purpose in (1, 2))
    validation = np.zeros(len(x), bool)
    validation[np.lexsort((y, x, split_hash))[: task.num_validation]] = True
    order = np.lexsort((y, x, order_hash))
    shard = _scale(order_hash[order], num_shards)
    rows = {"train": order[~validation[order]], "validation": order[validation[order]]}
    shards = {"train": shard[~validation[order]], "validation": shard[validation[order]]}
    return {
        split: [
            (left[part], right[part])
            for part in np.split(rows[split], np.searchsorted(shards[split], np.arange(1, num_shards)))
        ]
        for split in rows
    }


def _operands(task: Task, count: int) -> Examples:
    draws = np.arange(count, dtype=np.uint64)
    if task.operation.notation == "dashes":
        per_draw, read = 1, lambda words: _scale(words[0], task.digits) + np.uint64(1)
    else:
        per_draw, read = 1 + (task.digits + 8) // 9, lambda words: _number(task.digits, words)
    sides = []
    for side in (0, 1):
        first = (draws * np.uint64(2) + np.uint64(side)) * np.uint64(per_draw)
        sides.append(read([_splitmix(task.seed, first + np.uint64(i)) for i in range(per_draw)]))
    return sides[0], sides[1]


def _number(digits: int, words: list[np.ndarray]) -> np.ndarray:
    length = _scale(words[0], digits).astype(np.int64) + 1
    value = np.zeros(len(length), np.uint64)
    for limb, word in enumerate(words[1:]):
        here = np.clip(length - 9 * limb, 0, 9)
        drawn = _scale(word, np.power(10, here).astype(np.uint64))
        value += np.where(here > 0, drawn, 0).astype(np.uint64) * np.uint64(10 ** (9 * limb))
    return value


def _splitmix(seed: int, n: np.ndarray) -> np.ndarray:
    return _mix(np.uint64(seed) + (n + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _hash(task: Task, purpose: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    step = np.uint64(0x9E3779B97F4A7C15)
    z = _mix(np.array([task.seed], np.uint64) + np.array([purpose], np.uint64) * step)
    for value in (x, y):
        z = _mix((z ^ value) + step)
    return z


def _scale(words: np.ndarray, bound) -> np.ndarray:
    """⌊word·bound / 2^64⌋ by the halves of the word."""
    bound = np.uint64(bound)
    carried = ((words & LOW) * bound) >> U32
    return ((words >> U32) * bound + carried) >> U32


def _first_of_each(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Ascending indices of the first occurrence of each pair."""
    order = np.lexsort((np.arange(len(x)), y, x))
    new = np.ones(len(order), bool)
    new[1:] = (x[order][1:] != x[order][:-1]) | (y[order][1:] != y[order][:-1])
    return np.sort(order[new])
