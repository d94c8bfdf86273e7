"""Endless batches of fresh samples, which are drawn while a model is trained, without files (online sampling).

A draw is a function of its number (``arithmetic/draws.py``), so a batch is one of the seed and of its step, as in
``lanes.py``. The pairs that may be in the validation set are left out, by the hash that chose them::

    row r of step s    n = s * batch_size + r
    its pair           draw n of seed (seed, 0), or if its split hash is below the cutoff, of (seed, 1), (seed, 2), ...
"""

import dataclasses
import functools
import itertools

import numpy as np

from seq2seq_arith.arithmetic import draws, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.lanes import Block, Lanes
from seq2seq_arith.trainer.data.permutation import combined
from seq2seq_arith.trainer.data.records import Source

# The minimum number of pairs per million that remain for training.
LEAST = 10_000
SAMPLE = 4096  # examples that tell where the cutoff is


@dataclasses.dataclass(frozen=True)
class Stream:
    """An endless stream of global batches of fresh draws; a pair may come again, as draws do."""

    task: Task  # decides how pairs are drawn
    cutoff: int  # pairs whose split hash is below it are left out
    batch_size: int  # examples per batch
    multiple: int  # the number of replicas; the rows of a step are padded to a multiple of it
    seed: int  # another seed has other draws
    length: int | None = None  # the maximum number of digits (dashes, letters) of an operand; None for that of the task

    @classmethod
    def beside(cls, source: Source, batch_size: int, multiple: int, seed: int) -> "Stream":
        """The stream that leaves out the validation pairs of a dataset.

        The validation set has the smallest split hashes. So each is below that of any training example, and the
        smallest hash of some training examples is a cutoff that leaves out all validation pairs, and few others.
        """
        task = source.task
        operands = text.operands(task, source.splits["train"].head(SAMPLE).questions)
        cutoff = int(draws.key_hash(task, draws.SPLIT, draws.key(task, *operands)).min())
        if 2**64 - cutoff < LEAST * 2**64 // 10**6:
            raise InputError(
                f"{task.config_name} keeps all but {1 - cutoff / 2**64:.2%} of its pairs for validation, so there is "
                "next to nothing to draw; train without --stream, or on a dataset with a smaller --num-validation"
            )
        return cls(task, cutoff, batch_size, multiple, seed)

    def up_to(self, length: int) -> "Stream":
        """The stream of strings up to a length, as its task writes them. It leaves out the same pairs."""
        shorter = dataclasses.replace(self, length=length)
        sample = shorter._drawn(0, np.arange(SAMPLE, dtype=np.uint64))
        if shorter._left_out(sample).all():
            raise InputError(
                f"all pairs of at most {length:,} {self.task.notation.unit} are kept for validation; give the "
                "curriculum a larger START"
            )
        return shorter

    @functools.cached_property
    def drawn_task(self) -> Task:
        """The task whose strings are drawn."""
        return dataclasses.replace(self.task, size=self.length or self.task.size)

    @property
    def rows(self) -> int:
        """Rows per step, padding included."""
        return -(-self.batch_size // self.multiple) * self.multiple

    def examples_in(self, steps: int) -> int:
        """Examples of the first steps of the stream."""
        return steps * self.batch_size

    def block(self, first: int, count: int, rows: slice | None = None) -> Block:
        """Draws steps ``first`` to ``first + count - 1`` of the stream; of each, these rows, with start and stop."""
        rows = rows or slice(0, self.rows)
        width, drawn = rows.stop - rows.start, range(rows.start, min(rows.stop, self.batch_size))
        numbers = np.arange(first, first + count)[:, np.newaxis] * self.batch_size + np.array(drawn, np.int64)
        operands = self._operands(numbers.ravel().astype(np.uint64))
        weights = np.zeros((count, width), np.float32)
        weights[:, : len(drawn)] = 1 / self.batch_size

        def by_step(strings: np.ndarray) -> np.ndarray:
            steps = strings.reshape(count, len(drawn), strings.shape[-1])
            return np.pad(steps, ((0, 0), (0, width - len(drawn)), (0, 0)))

        task = self.drawn_task
        questions, answers = text.questions(task, *operands), text.answers(task, *operands)
        return Block(by_step(questions), by_step(answers), weights)

    def _operands(self, numbers: np.ndarray) -> draws.Key:
        """The pairs of some places of the stream, uint64 [words, places] each."""
        operands = self._drawn(0, numbers)
        for attempt in itertools.count(1):
            out = np.flatnonzero(self._left_out(operands))
            if not len(out):
                break
            for side, drawn in zip(operands, self._drawn(attempt, numbers[out]), strict=True):
                side[:, out] = drawn
        return operands

    def _drawn(self, attempt: int, numbers: np.ndarray) -> draws.Key:
        seed = combined(self.task.seed, self.seed, attempt)
        return draws.operands(dataclasses.replace(self.drawn_task, seed=seed), numbers)

    def _left_out(self, operands: draws.Key) -> np.ndarray:
        """Whether each pair may be in the validation set: bool [pairs]."""
        # The hash goes over all words that an operand of the task may have.
        missing = self.task.notation.words(self.task.size) - len(operands[0])
        whole = (np.pad(side, ((0, missing), (0, 0))) for side in operands)
        return draws.key_hash(self.task, draws.SPLIT, draws.key(self.task, *whole)) < np.uint64(self.cutoff)


@dataclasses.dataclass(frozen=True)
class Doubling:
    """Batches that double at equal shares of a training: a step has 1, then 2, then 4, ... consecutive ones.

    Of 9 steps with 2 doublings, steps 0 to 2 have one batch each, 3 to 5 two, and 6 to 8 four: 21 batches.

    Smith et al., "Don't Decay the Learning Rate, Increase the Batch Size", ICLR 2018.
    """

    batches: Lanes | Stream
    doublings: int
    total_steps: int

    @property
    def _begins(self) -> list[int]:
        """The first step of each size but the first."""
        return [-(-part * self.total_steps // (self.doublings + 1)) for part in range(1, self.doublings + 1)]

    @property
    def rows(self) -> int:
        """Rows of the largest step."""
        return self.batches.rows << self.doublings

    @property
    def drawn_task(self) -> Task:
        return self.batches.drawn_task

    def up_to(self, length: int) -> "Doubling":
        return dataclasses.replace(self, batches=self.batches.up_to(length))

    def left(self, step: int) -> int:
        """How many steps, from this one on, have its size."""
        return next((begin - step for begin in self._begins if begin > step), 2**62)

    def _before(self, step: int) -> int:
        """The batches of all steps before this one."""
        return step + sum(max(0, step - begin) << part for part, begin in enumerate(self._begins))

    def examples_in(self, steps: int) -> int:
        return self.batches.examples_in(self._before(steps))

    def block(self, first: int, count: int, rows: slice) -> Block:
        """As that of the batches; all steps have the size of the first one."""
        size = self._before(first + 1) - self._before(first)
        of_one = slice(rows.start >> self.doublings, rows.stop >> self.doublings)
        block = self.batches.block(self._before(first), count * size, of_one)
        questions, answers, weights = (
            part.reshape(count, -1, *part.shape[2:]) for part in (block.questions, block.answers, block.weights)
        )
        return Block(questions, answers, weights / np.float32(size))


Batches = Lanes | Stream | Doubling
