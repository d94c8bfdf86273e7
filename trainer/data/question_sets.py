"""Sets of questions for a trained model: unseen ones, all that exist, and suites; and the pairs of its training set."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from seq2seq_arith.arithmetic import draws, numbers, suites, text
from seq2seq_arith.arithmetic.splitmix import uniform
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.records import Examples, Source, Split

# The keys of a training set of up to this number of examples are kept in memory.
MAX_IN_MEMORY = 2**20
# A row is searched where its hash is expected, up to this number of standard deviations to both sides.
DEVIATIONS = 6
# The validation set and the test set may be large. Their first examples are a random sample, and enough for a score.
MAX_EXAMPLES = 1 << 16
# All unseen examples of pq would fill gigabytes.
UNSEEN_CHARACTERS = 1 << 24

Operands = tuple[np.ndarray, ...]


def examples(task: Task, operands: Operands) -> Examples:
    """The questions on these operands, uint64 [words, examples] each, and the right answers."""
    return Examples(*(np.ascontiguousarray(write(task, *operands)) for write in (text.questions, text.answers)))


def from_stored(task: Task, stored: Sequence[str]) -> Examples:
    """The examples of some questions as they are stored, with the right answers."""
    codes = text.to_codes(stored, task.question_width)
    return Examples(codes, text.answers(task, *text.operands(task, codes)))


def keys(task: Task, operands: Operands) -> np.ndarray:
    """The key of each pair as one structured value, so that sets of keys can be compared; [examples]."""
    words = np.concatenate(draws.key(task, *operands))
    return np.ascontiguousarray(words.T).view([("", np.uint64)] * len(words))[:, 0]


def pair(task: Task, key: np.void) -> tuple[int, ...]:
    """The numbers of one of the ``keys``."""
    words = np.split(np.array([key.item()], np.uint64).T, task.operation.arity)
    return tuple(numbers.to_ints(number)[0] for number in words)


@dataclasses.dataclass(frozen=True)
class KeySet:
    """The keys of a training set.

    >>> trained = KeySet(Task("addition"), keys(Task("addition"), (numbers.from_ints([3]), numbers.from_ints([5]))))
    >>> trained.has((numbers.from_ints([5, 3, 5], 2), numbers.from_ints([3, 5, 10**20 + 3], 2))).tolist()
    [True, True, False]
    """

    task: Task  # the task of the set, which defines its keys
    values: np.ndarray  # as ``keys`` returns them

    def has(self, operands: Operands) -> np.ndarray:
        """bool [examples]: whether the key of each pair is in the set; operands may have more or fewer words."""
        fitting, fits = _fitting(self.task, operands)
        return fits & np.isin(keys(self.task, fitting), self.values)


@dataclasses.dataclass(frozen=True)
class KeySearch:
    """The keys of a training set that stays in its files, whose examples are in the order of a hash of the key.

    The hash of a key determines its row, give or take some rows: n examples with uniform hashes are within a few times
    sqrt(n)/2 of their expected rows. Only these rows are read, and more if their hashes do not enclose that of the key.
    """

    split: Split  # the training set

    def has(self, operands: Operands) -> np.ndarray:
        """bool [examples]: whether the key of each pair is in the set; operands may have more or fewer words."""
        task = self.split.task
        fitting, fits = _fitting(task, operands)
        wanted, hashes = keys(task, fitting), draws.key_hash(task, draws.ORDER, draws.key(task, *fitting))
        is_in = np.zeros(len(wanted), bool)
        order = np.argsort(hashes)
        shards = uniform(hashes, len(self.split.lengths)).astype(np.int64)[order]
        for shard in np.unique(shards):
            rows = order[np.searchsorted(shards, shard) : np.searchsorted(shards, shard, "right")]
            is_in[rows] = self._in_shard(int(shard), hashes[rows], wanted[rows])
        return fits & is_in

    def _in_shard(self, shard: int, hashes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Whether keys are in their shard: bool [keys]; the hashes are sorted."""
        is_in, done, begin = np.zeros(len(hashes), bool), 0, int(self.split.starts[shard])
        length, count = self.split.lengths[shard], len(self.split.lengths)
        # The place of a hash among all hashes of the shard, from 0 to 1.
        share = np.clip(hashes / 2.0**64 * count - shard, 0.0, 1.0)
        margin = int(DEVIATIONS * np.sqrt(length) / 2) + 1
        while done < len(hashes) and length:
            first = max(0, int(share[done] * length) - margin)
            stop = min(length, first + max(2 * margin + 1, self.split.rows_per_range))
            row_hashes, row_keys = self._read(begin + first, stop - first)
            # Read further until the hashes enclose the wanted one, or the shard has no more rows.
            while (first > 0 and row_hashes[0] > hashes[done]) or (stop < length and row_hashes[-1] < hashes[done]):
                size = stop - first
                first, stop = max(0, first - size), min(length, stop + size)
                row_hashes, row_keys = self._read(begin + first, stop - first)
            # These rows decide all keys up to the last hash that was read, or all keys if the shard ends here.
            end = len(hashes) if stop == length else int(np.searchsorted(hashes, row_hashes[-1], "right"))
            is_in[done:end] = np.isin(wanted[done:end], row_keys)
            done = end
        return is_in

    def _read(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The hashes and the keys of some rows."""
        task = self.split.task
        operands = text.operands(task, self.split.read(first, count).questions)
        return draws.key_hash(task, draws.ORDER, draws.key(task, *operands)), keys(task, operands)


TrainingPairs = KeySet | KeySearch  # the pairs of a training set


def trained_on(split: Split) -> TrainingPairs:
    """The pairs of a training set: in memory if they are few, otherwise searched in the files."""
    if len(split) > MAX_IN_MEMORY:
        return KeySearch(split)
    return KeySet(split.task, keys(split.task, text.operands(split.task, split.head(len(split)).questions)))


def _fitting(task: Task, operands: Operands) -> tuple[Operands, np.ndarray]:
    """Operands with the number of words of the task, and whether each pair fits into them: bool [examples]."""
    words = task.notation.words(task.size)
    missing = ((0, max(0, words - len(operands[0]))), (0, 0))
    fitting = tuple(np.pad(side[:words], missing) for side in operands)
    return fitting, np.all([~side[words:].any(axis=0) for side in operands], axis=0)


def unseen(task: Task, is_seen: Callable[[Operands], np.ndarray], seed: int, most: int) -> Operands:
    """The first ``most`` examples of the dataset of another seed for which ``is_seen`` returns False."""
    other = dataclasses.replace(task, seed=seed)
    count = 2 * min(task.num_examples, most)
    while True:
        operands = draws.operands(other, np.arange(count, dtype=np.uint64))
        _, first = np.unique(keys(other, operands), return_index=True)
        rows = np.sort(first)[: task.num_examples]
        distinct = tuple(side[:, rows] for side in operands)
        fresh = np.flatnonzero(~is_seen(distinct))[:most]
        if len(fresh) == most or len(rows) == task.num_examples:
            return tuple(side[:, fresh] for side in distinct)
        count *= 2


def all_questions(task: Task, most: int | None = None) -> Operands:
    """Every combination of operands, or of the ``most`` smallest, which must be few; they have one word."""
    values = task.notation.values(task.size, most or task.sampler.num_values(task.size))
    return tuple(side.reshape(1, -1) for side in np.meshgrid(*[values] * task.operation.arity, indexing="ij"))


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Examples on which a model was not trained: the validation set of its dataset, and a test set beyond it."""

    source: Source

    @functools.cached_property
    def validation(self) -> Examples:
        """The validation set, or the beginning of a large one."""
        return self.source.splits["validation"].head(MAX_EXAMPLES)

    @functools.cached_property
    def operands(self) -> Operands:
        """Those of the validation set, uint64 [words, examples] each."""
        return text.operands(self.source.task, self.validation.questions)

    @functools.cached_property
    def pairs(self) -> KeySet:
        """The pairs of the validation set."""
        return KeySet(self.source.task, keys(self.source.task, self.operands))

    @functools.cached_property
    def trained(self) -> TrainingPairs:
        """The pairs of the training set; raises InputError if a validation pair is one of them."""
        task, trained = self.source.task, trained_on(self.source.splits["train"])
        shared = trained.has(self.operands)
        if shared.any():
            raise InputError(
                f"{int(shared.sum())} validation pairs of {task.config_name} are in its training set, the first is "
                f"{pair(task, self.pairs.values[int(np.argmax(shared))])}; generate the dataset again"
            )
        return trained

    def test_set(self, most: int = MAX_EXAMPLES) -> tuple[int, Examples]:
        """The seed of another dataset, and at most ``most`` of its examples that are not in this one.

        The model was neither trained nor selected on them.
        """
        task = self.source.task
        seed = task.seed + 1 if task.seed < 2**63 else task.seed - 1
        most = min(most, max(1000, UNSEEN_CHARACTERS // task.question_width))

        def is_seen(operands: Operands) -> np.ndarray:
            return self.trained.has(operands) | self.pairs.has(operands)

        return seed, examples(task, unseen(task, is_seen, seed, most))


class SuiteQuestions(NamedTuple):
    """The questions of a suite, slice by slice."""

    slices: list[suites.Slice]  # the slices with questions
    version: int  # the version of the suite
    operands: Operands  # uint64 [words, questions] each
    place: np.ndarray  # the index of the slice of each question, int64 [questions]


def suite_questions(task: Task, chosen: SuiteOptions, size: int) -> SuiteQuestions:
    """The questions of a suite at length D = ``size``, for the strings of a task."""
    slices = task.operation.slices(chosen.set, size, chosen.version)
    drawn = {slice: suites.pairs(task.name, size, slice, chosen.seed, chosen.per_slice) for slice in slices}
    version, with_questions = suites.version(slices), [slice for slice, pairs in drawn.items() if pairs]
    words, every = task.notation.words(task.size), [pair for slice in with_questions for pair in drawn[slice]]
    operands = tuple(numbers.from_ints(side, words) for side in zip(*every, strict=True))
    place = np.repeat(np.arange(len(with_questions)), [len(drawn[slice]) for slice in with_questions])
    return SuiteQuestions(with_questions, version, operands, place)
