"""Sets of questions for a trained model: unseen ones and all that exist; and which pairs it was trained on."""

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

# The keys of a training set of up to so many examples are held in memory.
HELD = 2**20
# A row is looked for where its hash should be, with so many standard deviations to both sides.
DEVIATIONS = 6
# The validation set and the test set may be large. The first examples are a random sample, and enough for a score.
MOST_EXAMPLES = 1 << 16
# All unseen examples of pq would fill gigabytes.
UNSEEN_CHARACTERS = 1 << 24

Operands = tuple[np.ndarray, ...]


def examples(task: Task, operands: Operands) -> Examples:
    """The questions on these operands, uint64 [words, examples] each, and the right answers."""
    return Examples(*(np.ascontiguousarray(write(task, *operands)) for write in (text.questions, text.answers)))


def asked(task: Task, stored: Sequence[str]) -> Examples:
    """Questions as they are stored, and the right answers."""
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

    task: Task  # the task of the set; it decides what a key is
    values: np.ndarray  # as ``keys`` gives them

    def has(self, operands: Operands) -> np.ndarray:
        """bool [examples]: whether the key of each pair is in the set; operands may have more or fewer words."""
        fitting, short = _fitting(self.task, operands)
        return short & np.isin(keys(self.task, fitting), self.values)


@dataclasses.dataclass(frozen=True)
class KeySearch:
    """The keys of a training set that stays in its files, whose examples lie in the order of a hash of the key.

    So a key lies where its hash says, give or take some rows: n examples whose hashes are uniform lie within a few
    times sqrt(n)/2 of their expected rows. Only these rows are read, and more if the hashes there do not enclose the
    key's own.
    """

    split: Split  # the training set

    def has(self, operands: Operands) -> np.ndarray:
        """bool [examples]: whether the key of each pair is in the set; operands may have more or fewer words."""
        task = self.split.task
        fitting, short = _fitting(task, operands)
        wanted, hashes = keys(task, fitting), draws.key_hash(task, draws.ORDER, draws.key(task, *fitting))
        found = np.zeros(len(wanted), bool)
        order = np.argsort(hashes)
        shards = uniform(hashes, len(self.split.lengths)).astype(np.int64)[order]
        for shard in np.unique(shards):
            rows = order[np.searchsorted(shards, shard) : np.searchsorted(shards, shard, "right")]
            found[rows] = self._in_shard(int(shard), hashes[rows], wanted[rows])
        return short & found

    def _in_shard(self, shard: int, hashes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Whether keys are in their shard: bool [keys]; the hashes are sorted."""
        found, done, begin = np.zeros(len(hashes), bool), 0, int(self.split.starts[shard])
        length, count = self.split.lengths[shard], len(self.split.lengths)
        # The place of a hash among all hashes of the shard, from 0 to 1.
        share = np.clip(hashes / 2.0**64 * count - shard, 0.0, 1.0)
        margin = int(DEVIATIONS * np.sqrt(length) / 2) + 1
        while done < len(hashes) and length:
            first = max(0, int(share[done] * length) - margin)
            stop = min(length, first + max(2 * margin + 1, self.split.rows_per_range))
            there, theirs = self._read(begin + first, stop - first)
            # Further, until the hashes enclose the wanted one, or the shard has no more rows.
            while (first > 0 and there[0] > hashes[done]) or (stop < length and there[-1] < hashes[done]):
                size = stop - first
                first, stop = max(0, first - size), min(length, stop + size)
                there, theirs = self._read(begin + first, stop - first)
            # These are decided here: all up to the last hash that was read, or all if the shard ends here.
            end = len(hashes) if stop == length else int(np.searchsorted(hashes, there[-1], "right"))
            found[done:end] = np.isin(wanted[done:end], theirs)
            done = end
        return found

    def _read(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The hashes and the keys of some rows."""
        task = self.split.task
        operands = text.operands(task, self.split.read(first, count).questions)
        return draws.key_hash(task, draws.ORDER, draws.key(task, *operands)), keys(task, operands)


Known = KeySet | KeySearch  # the pairs of a training set


def trained_on(split: Split) -> Known:
    """The pairs of a training set: held if they are few, and else looked for in the files."""
    if len(split) > HELD:
        return KeySearch(split)
    return KeySet(split.task, keys(split.task, text.operands(split.task, split.head(len(split)).questions)))


def _fitting(task: Task, operands: Operands) -> tuple[Operands, np.ndarray]:
    """Operands of any number of words with those of the task, and which pairs these can hold: bool [examples]."""
    words = task.notation.words(task.size)
    missing = ((0, max(0, words - len(operands[0]))), (0, 0))
    fitting = tuple(np.pad(side[:words], missing) for side in operands)
    return fitting, np.all([~side[words:].any(axis=0) for side in operands], axis=0)


def unseen(task: Task, is_seen: Callable[[Operands], np.ndarray], seed: int, most: int) -> Operands:
    """The first ``most`` examples of the dataset of another seed that are not seen (operands to bool [examples])."""
    other = dataclasses.replace(task, seed=seed)
    count = 2 * min(task.num_examples, most)
    while True:
        operands = draws.operands(other, np.arange(count, dtype=np.uint64))
        _, first = np.unique(keys(other, operands), return_index=True)
        kept = np.sort(first)[: task.num_examples]
        found = tuple(side[:, kept] for side in operands)
        fresh = np.flatnonzero(~is_seen(found))[:most]
        if len(fresh) == most or len(kept) == task.num_examples:
            return tuple(side[:, fresh] for side in found)
        count *= 2


def all_questions(task: Task, most: int | None = None) -> Operands:
    """Every combination of operands, or of the ``most`` smallest, which must be few; they have one word."""
    values = task.notation.values(task.size, most or task.sampler.num_values(task.size))
    return tuple(side.reshape(1, -1) for side in np.meshgrid(*[values] * task.operation.arity, indexing="ij"))


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """What a model was not trained on: the validation set of its dataset, and a test set beyond the dataset."""

    source: Source

    @functools.cached_property
    def validation(self) -> Examples:
        """The validation set, or the beginning of a large one."""
        return self.source.splits["validation"].head(MOST_EXAMPLES)

    @functools.cached_property
    def operands(self) -> Operands:
        """Those of the validation set, uint64 [words, examples] each."""
        return text.operands(self.source.task, self.validation.questions)

    @functools.cached_property
    def pairs(self) -> KeySet:
        """The pairs of the validation set."""
        return KeySet(self.source.task, keys(self.source.task, self.operands))

    @functools.cached_property
    def trained(self) -> Known:
        """The pairs of the training set; raises InputError if a validation pair is one of them."""
        task, trained = self.source.task, trained_on(self.source.splits["train"])
        shared = trained.has(self.operands)
        if shared.any():
            raise InputError(
                f"{int(shared.sum())} validation pairs of {task.config_name} are in its training set, the first is "
                f"{pair(task, self.pairs.values[int(np.argmax(shared))])}; generate the dataset anew"
            )
        return trained

    def test_set(self, most: int = MOST_EXAMPLES) -> tuple[int, Examples]:
        """The seed of another dataset, and its first examples that are not in this one; at most so many.

        So the model was neither trained on them nor chosen by them.
        """
        task = self.source.task
        seed = task.seed + 1 if task.seed < 2**63 else task.seed - 1
        most = min(most, max(1000, UNSEEN_CHARACTERS // task.question_width))

        def is_seen(operands: Operands) -> np.ndarray:
            return self.trained.has(operands) | self.pairs.has(operands)

        return seed, examples(task, unseen(task, is_seen, seed, most))


class SuiteQuestions(NamedTuple):
    """The questions of a suite, slice by slice."""

    slices: list[suites.Slice]  # that have questions
    version: int  # of the suite
    operands: Operands  # uint64 [words, questions] each
    place: np.ndarray  # the slice of each question, int64 [questions]


def suite_questions(task: Task, chosen: SuiteOptions, size: int) -> SuiteQuestions:
    """The questions of a suite at this D, as the strings of a task hold them."""
    slices = task.operation.slices(chosen.set, size, chosen.version)
    drawn = {slice: suites.pairs(task.name, size, slice, chosen.seed, chosen.per_slice) for slice in slices}
    version, asked = suites.version(slices), [slice for slice, pairs in drawn.items() if pairs]
    words, every = task.notation.words(task.size), [pair for slice in asked for pair in drawn[slice]]
    operands = tuple(numbers.from_ints(side, words) for side in zip(*every, strict=True))
    place = np.repeat(np.arange(len(asked)), [len(drawn[slice]) for slice in asked])
    return SuiteQuestions(asked, version, operands, place)
