"""Draws a dataset a second time, to check what the pipeline wrote.

This module is a witness: it follows the data format's description and shares nothing with the writer except ``Task``.
It repeats the draws, the hashes and the notation on purpose, and must not use the writer's draws or ``Notation``: a
mistake there would otherwise repeat here and stay unseen. It also works in another way: the writer partitions the
draws by shard and finds the split with windows; this module sorts hashes and looks at all of them.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from seq2seq_arith.arithmetic import drawing, splitmix
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_rules import DRAWINGS
from seq2seq_arith.base.machine import cores

# From left to right: uint64, or Python integers beyond 18 digits. A word of letters is the number whose digits in base
# 27 are its letters, a is 1, the first letter the least significant.
Operands = tuple[np.ndarray, ...]

CHUNK = 2**20  # draws, and sorted rows, that are worked on at once
BLOCK = 2**15  # draws whose arrays fit into a core's cache

LIMB = 9  # decimal digits that one word of the generator gives
LIMB_BOUNDS = np.array([10**i for i in range(LIMB + 1)], np.uint64)
WORD = 18  # decimal digits of a number that are hashed at once
STEP = 0x9E3779B97F4A7C15
U32 = np.uint64(32)
LOW = np.uint64(2**32 - 1)
U64 = 2**64 - 1

DECIMAL, POSITIVE, DASHES, LETTERS = "decimal", "positive", "dashes", "letters"
SIX, TWELVE = 6, 12  # letters that one word of the generator gives, and letters that are hashed at once

ORDER, SPLIT = 1, 2  # the purpose of a hash


def redraw(task: Task, draws_used: int, num_shards: int) -> dict[str, list[np.ndarray]]:
    """The draws that become examples, of so many draws: from a split to one array per shard, in the order of its file.

    These are the draws' numbers; ``operands`` gives the rest. It takes 12 bytes per draw and 24 per example at the
    peak.
    """
    numbers, order_hash, split_hash = _distinct(task, draws_used)
    validation = _smallest(task, split_hash, numbers, min(task.num_validation, len(numbers)))
    shard = _scale(order_hash, num_shards)
    return {
        split: np.split(numbers[of_split], np.searchsorted(shard[of_split], np.arange(1, num_shards)))
        for split, of_split in (("train", ~validation), ("validation", validation))
    }


def operands(task: Task, numbers: np.ndarray) -> Operands:
    """The operands of the draws with these numbers, from left to right."""
    starts = range(0, max(1, len(numbers)), BLOCK)
    parts = [_operands(task, numbers[start : start + BLOCK]) for start in starts]
    return tuple(np.concatenate(side) for side in zip(*parts, strict=True))


def notation(task: Task) -> str:
    """How operands are written: its name, which is all that this package takes from the task's notation."""
    return task.operation.notation.name


def parallel_map(function, items: Iterable) -> Iterable:
    """``map`` in one thread per core; NumPy and PyArrow release Python's lock while they work."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(function, items)


def _distinct(task: Task, draws_used: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first draw of each key in the order of the files: its number, and the key's two hashes.

    Keys with one hash lie side by side when the hashes are sorted, so sorting finds the duplicates too. The hashes are
    sorted in bands: all hashes that begin with the same bits.
    """
    bits = min(16, (draws_used // CHUNK).bit_length())
    bands: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in range(1 << bits)]
    firsts = range(0, draws_used, CHUNK)
    for pieces in parallel_map(lambda first: _by_band(task, first, min(first + CHUNK, draws_used), bits), firsts):
        for band, piece in zip(bands, pieces, strict=True):
            band.append(piece)

    def sort(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        band, bands[index] = bands[index], []
        return _first_of_each(task, *map(np.concatenate, zip(*band, strict=True)))

    numbers, order_hash, split_hash = zip(*parallel_map(sort, range(len(bands))), strict=True)
    return np.concatenate(numbers), np.concatenate(order_hash), np.concatenate(split_hash)


def _by_band(task: Task, first: int, end: int, bits: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each band, the order hashes and the numbers of those draws from ``first`` to ``end`` that lie in it."""
    numbers = np.arange(first, end, dtype=np.uint64)
    blocks = (numbers[start : start + BLOCK] for start in range(0, len(numbers), BLOCK))
    hashes = np.concatenate([_hash(task, ORDER, _key(task, _operands(task, block))) for block in blocks])
    band = (hashes >> np.uint64(48) >> np.uint64(16 - bits)).astype(np.uint16)
    by_band = np.argsort(band, kind="stable")
    ends = np.searchsorted(band[by_band], np.arange(1, 1 << bits))
    smallest = np.uint32 if end <= 2**32 else np.uint64
    return list(zip(np.split(hashes[by_band], ends), np.split(numbers[by_band].astype(smallest), ends), strict=True))


def _first_of_each(task: Task, hashes: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorts draws by (hash, key) and keeps the first draw of each key; the draws come in ascending order."""
    by_hash = np.argsort(hashes, kind="stable")
    hashes, numbers = hashes[by_hash], numbers[by_hash]
    key = _key(task, operands(task, numbers))
    same_key = _repeated(key)
    if np.any((hashes[1:] == hashes[:-1]) & ~same_key):
        # Two keys with one hash: about one dataset of 40 million draws in 20,000.
        rows = sorted(range(len(hashes)), key=lambda row: (hashes[row], *(side[row] for side in key), numbers[row]))
        hashes, numbers, key = hashes[rows], numbers[rows], tuple(side[rows] for side in key)
        same_key = _repeated(key)
    first = np.concatenate([[True], ~same_key.astype(bool)])[: len(hashes)]
    return numbers[first], hashes[first], _hash(task, SPLIT, tuple(side[first] for side in key))


def _repeated(key: Operands) -> np.ndarray:
    """Whether each key but the first is the one before it."""
    return np.all([(side[1:] == side[:-1]).astype(bool) for side in key], axis=0)


def _smallest(task: Task, hashes: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """A mask of the ``count`` rows with the smallest (hash, key)."""
    if not count:
        return np.zeros(len(hashes), bool)
    last = np.partition(hashes, count - 1)[count - 1]
    chosen = hashes < last
    tied = np.flatnonzero(hashes == last)
    key = _key(task, operands(task, numbers[tied]))
    in_order = sorted(range(len(tied)), key=lambda row: [side[row] for side in key])
    chosen[tied[in_order[: count - np.count_nonzero(chosen)]]] = True
    return chosen


def _key(task: Task, operands: Operands) -> Operands:
    """The keys; draws with the same key are duplicates."""
    return operands if task.ordered else (np.minimum(*operands), np.maximum(*operands))


def _operands(task: Task, numbers: np.ndarray) -> Operands:
    draws, sides = numbers.astype(np.uint64), range(task.operation.arity)
    if not any(task.drawing in known for known in DRAWINGS.values()):  # of a task of one's own, which has its code
        words = splitmix.Words(task.seed, draws, task.drawing.words_per_draw(task.digits, len(sides)))
        base = 27**TWELVE if notation(task) == LETTERS else 10**WORD
        drawn = task.drawing.operands(task.digits, words, len(sides))
        columns = [side.astype(object) if len(side) > 1 else side for side in drawn]
        return tuple(np.asarray(sum(word * base**i if i else word for i, word in enumerate(side))) for side in columns)
    if notation(task) == LETTERS:
        size = 1 + -(-task.digits // SIX)
        return tuple(_letters(task, draws, len(sides) * size, side * size) for side in sides)
    if notation(task) not in (DECIMAL, POSITIVE):
        lowest = np.uint64(notation(task) == DASHES)
        return tuple(_scale(_word(task, draws, len(sides), side), task.digits) + lowest for side in sides)
    size = 1 + -(-task.digits // LIMB)
    structured = task.drawing in (drawing.CARRYING, drawing.BORROWING)
    per_draw = len(sides) * size + 12 * structured
    drawn = [_number(task, draws, per_draw, side * size) for side in sides]
    if not structured:
        least = int(notation(task) == POSITIVE)
        return tuple(np.maximum(value, least) for value, _ in drawn) if least else tuple(value for value, _ in drawn)
    left, right = drawn
    changed = np.flatnonzero(_scale(_word(task, draws, per_draw, 2 * size), 2))
    words = [_word(task, draws[changed], per_draw, 2 * size + i) for i in range(1, 12)]
    longest = np.maximum(left[1], right[1])
    left[0][changed], right[0][changed] = _rearranged(
        task, words, left[0][changed], right[0][changed], longest[changed]
    )
    return left[0], right[0]


def _number(task: Task, draws: np.ndarray, per_draw: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    """A number from the words of a draw that begin with ``first``, and how many digits were drawn."""
    if task.drawing is drawing.VALUE:
        length = np.full(len(draws), task.digits, np.int64)
    else:
        length = _scale(_word(task, draws, per_draw, first), task.digits).astype(np.int64) + 1
    value, powers = _zeros(task, len(draws)), _powers(task)
    for limb in range(-(-task.digits // LIMB)):
        here = np.minimum(length - LIMB * limb, LIMB)
        bound = np.where(here > 0, LIMB_BOUNDS[np.maximum(here, 0)], np.uint64(0))
        drawn = _scale(_word(task, draws, per_draw, first + 1 + limb), bound).astype(value.dtype)
        value += drawn * powers[LIMB * limb]
    return value, length


def _letters(task: Task, draws: np.ndarray, per_draw: int, first: int) -> np.ndarray:
    """A word of letters from the words of a draw that begin with ``first``, as a number in base 27."""
    length = _scale(_word(task, draws, per_draw, first), task.digits).astype(np.int64) + 1
    if task.drawing is drawing.FIXED_LETTERS:
        length[:] = task.digits
    value = np.zeros(len(draws), np.uint64 if task.digits <= TWELVE else object)
    for part in range(-(-task.digits // SIX)):
        here = np.clip(length - SIX * part, 0, SIX)
        bound = np.array([26**count for count in range(SIX + 1)], np.uint64)[here]
        drawn = _scale(_word(task, draws, per_draw, first + 1 + part), bound)
        for place in range(SIX):
            letter = np.where(place < here, drawn // np.uint64(26**place) % np.uint64(26) + np.uint64(1), np.uint64(0))
            weight = 27 ** (SIX * part + place)
            value += letter.astype(value.dtype) * (weight if value.dtype == object else np.uint64(weight))
    return value


def _rearranged(
    task: Task, words: list[np.ndarray], left: np.ndarray, right: np.ndarray, longest: np.ndarray
) -> Operands:
    """Three runs of digits replaced and a nudge, as ``structured`` asks of half of the draws."""
    powers = _powers(task)
    top = powers[longest] - 1  # as many nines as the longer number has digits
    a, b = left, right
    for f, p, q in (words[0:3], words[3:6], words[6:9]):
        kind = _scale(f, 6)
        ends = [_scale(word, longest.astype(np.uint64) + np.uint64(1)).astype(np.int64) for word in (p, q)]
        low, high = powers[np.minimum(*ends)], powers[np.maximum(*ends)]

        def run(value: np.ndarray, low: np.ndarray = low, high: np.ndarray = high) -> np.ndarray:
            return value % high - value % low

        passing = top - a if task.drawing is drawing.CARRYING else a
        right_fill = np.where(kind == 2, _zeros(task, len(a)), np.where(kind == 3, top, passing))
        left_fill = np.where(kind == 0, _zeros(task, len(a)), top)
        changed = a + run(left_fill) - run(a), b + run(right_fill) - run(b)
        a, b = np.where(kind <= 1, changed[0], a), np.where(kind <= 1, b, changed[1])
    nudge, step = _scale(words[9], 3), powers[_scale(words[10], longest).astype(np.int64)]
    up = (nudge == 1) & (b + step <= top)
    down = (nudge == 2) & (b >= step)
    return a, np.where(up, b + step, np.where(down, b - step, b))


def _zeros(task: Task, count: int) -> np.ndarray:
    """uint64 while every number fits, Python integers beyond."""
    return np.zeros(count, np.uint64 if task.digits <= WORD else object)


def _powers(task: Task) -> np.ndarray:
    """10^0 to 10^D."""
    return np.array([10**i for i in range(task.digits + 1)], np.uint64 if task.digits <= WORD else object)


def _word(task: Task, draws: np.ndarray, per_draw: int, index: int) -> np.ndarray:
    """Word ``index`` of each draw's words: outputs of SplitMix64."""
    start = np.uint64((task.seed + (index + 1) * STEP) & U64)
    return _mix(draws * np.uint64(per_draw * STEP & U64) + start)


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _hash(task: Task, purpose: int, key: Operands) -> np.ndarray:
    z = _mix(np.array([(task.seed + purpose * STEP) & U64], np.uint64))
    for value in key:
        for word in _hashed_words(task, value):
            z = _mix((z ^ word) + np.uint64(STEP))
    return z


def _hashed_words(task: Task, value: np.ndarray) -> Iterable[np.ndarray]:
    """A number as it is hashed: words of 18 digits, or of twelve letters; the least significant word first."""
    size, base = (TWELVE, 27**TWELVE) if notation(task) == LETTERS else (WORD, 10**WORD)
    if notation(task) not in (DECIMAL, POSITIVE, LETTERS) or task.digits <= size:
        yield value
        return
    for _ in range(-(-task.digits // size)):
        yield (value % base).astype(np.uint64)
        value = value // base


def _scale(words: np.ndarray, bound) -> np.ndarray:
    """⌊word·bound / 2^64⌋ by the halves of the word."""
    bound = np.asarray(bound).astype(np.uint64)
    carried = ((words & LOW) * bound) >> U32
    return ((words >> U32) * bound + carried) >> U32
