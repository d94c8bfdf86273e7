"""Batches read from the files during a training; each depends on the seed and its step alone.

A pass over a split has up to 64 lanes. Each lane has its own part of the split, and reads it in ranges of 1 MiB. The
order of the ranges, and the order within each, are keyed permutations. A batch takes equally many rows from all lanes::

    split    |------- lane 0 -------|------- lane 1 -------|------- lane 2 -------|  ...
    ranges   |   2   |   0   |  1  |   1   |   2   |  0  |                           the order in this pass
    step 0    rows 0, 1 of lane 0,   rows 0, 1 of lane 1,   rows 0, 1 of lane 2,    ...
    step 1    rows 2, 3 of lane 0,   rows 2, 3 of lane 1,   ...

Examples are stored in the order of a hash, so a batch is a random sample. Each batch mixes distant ranges, so that the
same rows are not in one batch again in another pass. One range per lane is in memory. Resuming at any step needs only
the number of the step, and a machine of a cluster reads only the lanes of its own rows.
"""

import dataclasses
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from seq2seq_arith.trainer.data.permutation import Permutation, combined
from seq2seq_arith.trainer.data.records import Split, items

MAX_LANES = 64


@dataclasses.dataclass(frozen=True)
class Block:
    """The rows of some consecutive steps."""

    questions: np.ndarray  # uint8 code points [steps, rows, question width]
    answers: np.ndarray  # uint8 code points [steps, rows, answer width]
    # float32 [steps, rows]: one over the number of examples of the batch, zero for padding. So the weighted sum over
    # all replicas is the mean.
    weights: np.ndarray


# A range of a lane: the pass for which it was shuffled, the index of its first row in that pass, and its shuffled
# examples, one item each: a question followed by its answer.
_Range = tuple[int, int, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Lanes:
    """An endless stream of global batches, each pass in a new order, the same for any machines, replicas and blocks."""

    split: Split  # the training set
    batch_size: int  # examples per batch; the last batch of a pass may have fewer
    multiple: int  # the number of replicas; the rows of a step are padded to a multiple of it
    seed: int  # the order of pass p is a function of (seed, p)
    # The last range of each lane that was read.
    _ranges: dict[int, _Range] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    @functools.cached_property
    def lanes(self) -> int:
        """The number of lanes: the largest divisor of the batch that is at most ``MAX_LANES``."""
        return max(lanes for lanes in range(1, MAX_LANES + 1) if self.batch_size % lanes == 0)

    @property
    def _share(self) -> int:
        """Rows of a batch per lane."""
        return self.batch_size // self.lanes

    def __len__(self) -> int:
        """Examples of a pass."""
        return len(self.split)

    @property
    def steps_per_pass(self) -> int:
        return -(-len(self) // self.batch_size)

    @property
    def rows(self) -> int:
        """Rows per step, padding included."""
        return -(-self.batch_size // self.multiple) * self.multiple

    def examples_in(self, steps: int) -> int:
        """The number of examples in the first steps of the stream, counting repeated ones each time."""
        passes, rest = divmod(steps, self.steps_per_pass)
        return passes * len(self) + rest * self.batch_size

    def lanes_of(self, rows: slice) -> range:
        """The lanes from which these rows of a step come."""
        return range(min(rows.start // self._share, self.lanes), min(-(-rows.stop // self._share), self.lanes))

    def part(self, lane: int) -> range:
        """The examples of a lane."""
        return range(lane * len(self) // self.lanes, (lane + 1) * len(self) // self.lanes)

    def block(self, first: int, count: int, rows: slice | None = None) -> Block:
        """Reads steps ``first`` to ``first + count - 1`` of the stream.

        With 5 examples, batches of 2 in 2 lanes, lane 0 has examples 0 and 1, and lane 1 has 2, 3 and 4. A pass is::

            step 0    [1, 3]    weights [1/2, 1/2]
            step 1    [0, 4]    weights [1/2, 1/2]
            step 2    [-, 2]    weights [0,   1  ]

        ``rows`` is the slice of each step's rows to read, with start and stop.
        """
        rows = rows or slice(0, self.rows)
        lanes = self.lanes_of(rows)
        before = lanes.start * self._share
        width = max(rows.stop - before, len(lanes) * self._share)
        task = self.split.task
        strings = np.zeros((count * width, task.question_width + task.answer_width), np.uint8)
        weights = np.zeros((count, width), np.float32)
        # Where the rows of the first lane go, step after step; those of the others are a few rows further.
        places = (width * np.arange(count)[:, np.newaxis] + np.arange(self._share)).ravel()
        done, into = 0, items(strings)
        while done < count:
            number, step = divmod(first + done, self.steps_per_pass)
            steps = min(count - done, self.steps_per_pass - step)
            for lane, row, chosen in self._rows(lanes, number, step, steps):
                row += done * self._share
                into[places[row : row + len(chosen)] + (lane - lanes.start) * self._share] = chosen
            weights[done : done + steps, : len(lanes) * self._share] = self._weights(lanes, step, steps)
            done += steps
        strings = strings.reshape(count, width, -1)
        questions, answers = strings[:, :, : task.question_width], strings[:, :, task.question_width :]
        wanted = slice(rows.start - before, rows.stop - before)
        return Block(questions[:, wanted], answers[:, wanted], weights[:, wanted])

    def _rows(self, lanes: range, number: int, step: int, steps: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """The rows of some steps of a pass, range by range: the lane, their first row in these steps, and the rows."""
        begin, size = step * self._share, steps * self._share
        left = {lane: range(begin, min(begin + size, len(self.part(lane)))) for lane in lanes}
        while left := {lane: places for lane, places in left.items() if places}:
            self._load(number, {lane: places.start for lane, places in left.items()})
            for lane, places in left.items():
                _, first, shuffled = self._ranges[lane]
                chosen = shuffled[places.start - first : places.stop - first]
                yield lane, places.start - begin, chosen
                left[lane] = places[len(chosen) :]

    def _load(self, number: int, places: dict[int, int]) -> None:
        """Reads the ranges that contain these rows of the lanes in a pass, unless they are in memory."""
        missing = [lane for lane, place in places.items() if not self._has(lane, number, place)]
        read = functools.partial(self._read, number, places)
        if len(missing) > 1 and self.split.is_remote:  # a store answers slowly, and many at once
            with ThreadPoolExecutor(len(missing)) as pool:
                self._ranges.update(zip(missing, pool.map(read, missing), strict=True))
        else:
            self._ranges.update(zip(missing, map(read, missing), strict=True))

    def _has(self, lane: int, number: int, place: int) -> bool:
        of_pass, first, shuffled = self._ranges.get(lane, (None, 0, ()))
        return of_pass == number and 0 <= place - first < len(shuffled)

    def _weights(self, lanes: range, step: int, steps: int) -> np.ndarray:
        """The weights of the lanes' rows in some steps of a pass: float32 [steps, rows]."""
        begin = self._share * np.arange(step, step + steps)
        left = np.array([len(self.part(lane)) for lane in lanes])[:, np.newaxis] - np.arange(self._share)
        examples = np.minimum(self.batch_size, len(self) - self.batch_size * np.arange(step, step + steps))
        return np.where(begin[:, np.newaxis] < left.reshape(1, -1), 1 / examples[:, np.newaxis], 0).astype(np.float32)

    def _read(self, number: int, places: dict[int, int], lane: int) -> _Range:
        """Reads the range that contains a row of a lane in a pass."""
        place = places[lane]
        size, part, key = self.split.rows_per_range, self.part(lane), combined(self.seed, number, lane)
        count = -(-len(part) // size)
        order = Permutation(count, key)(np.arange(count))
        # All ranges but the last one of the lane have the same size, so it decides where the others begin.
        last, missing = int(np.argmax(order)), count * size - len(part)
        turn = place // size if place < last * size else (place + missing) // size
        chosen = int(order[turn])
        rows = min(size, len(part) - chosen * size)
        shuffled = Permutation(rows, combined(key, chosen))(np.arange(rows))
        strings = self.split.read_strings(part.start + chosen * size, rows, shuffled)
        return number, turn * size - (missing if turn > last else 0), items(strings)
