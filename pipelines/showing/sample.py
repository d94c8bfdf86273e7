"""The examples that are shown, from the files of a dataset, or, without any file, from the draws of its parameters::

a directory    the first examples of each split: a random sample, because they lie in the order of a hash
a task         the same examples; or, if the dataset takes very many draws, the first of these
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic import coverage, draws, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking.files import Files
from seq2seq_arith.pipelines.checking.metadata import read_sound
from seq2seq_arith.pipelines.formats.advice import advice
from seq2seq_arith.pipelines.formats.layout import SPLITS, TFRECORD, shard_file
from seq2seq_arith.pipelines.formats.metadata import read_shard_lengths
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.steps.cutoff import DRAW, SPLIT
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath

# Limits on draws, examples and characters, for about a second of work.
MAX_DRAWS = 2**20
MAX_FIRST = 2**15  # examples of a dataset with more draws
MAX_EXAMPLES = 2**18
MAX_CHARACTERS = 2**24


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """Some examples of a dataset, or all of them; those of the training split come first."""

    task: Task  # the dataset's parameters
    questions: np.ndarray  # as they are stored, uint8 of shape (n, width)
    answers: np.ndarray  # likewise
    directory: AnyPath | None = None  # where they were read; None if they were drawn here
    draws_used: int | None = None  # the number of draws of the dataset; None if it is not known

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def is_whole(self) -> bool:
        """Whether these are all examples of the dataset."""
        return len(self) == self.task.num_examples

    @functools.cached_property
    def operands(self) -> tuple[np.ndarray, ...]:
        """The operands from left to right, uint64 of shape (words, n) each."""
        return text.operands(self.task, self.questions)


def read(directory: AnyPath, max_examples: int = MAX_EXAMPLES) -> Sample:
    """The first examples of each split of a dataset, about ``most``: a random sample, or all."""
    task, layout, metadata = read_sound(directory)
    lengths, count = read_shard_lengths(directory), min(max_examples, _examined(task))
    if {split: sum(of_split) for split, of_split in lengths.items()} != task.splits:
        raise InputError(f"{directory} does not have the examples of its name; {advice(directory)}")
    if problem := next(
        Files(directory, task, layout, metadata["files"], paths.sizes(directory), lengths).size_problems(), None
    ):
        raise InputError(f"{problem}; {advice(directory)}")
    heads = [_head(directory, task, split, lengths[split], _share(count, task.splits[split], task)) for split in SPLITS]
    questions, answers = (np.concatenate(side) for side in zip(*heads, strict=True))
    return Sample(
        task=task, questions=questions, answers=answers, directory=directory, draws_used=metadata["draws_used"]
    )


def draw(task: Task) -> Sample:
    """The examples that ``read`` would find, drawn here; of a dataset of very many draws, the first of these."""
    count, examined = coverage.num_draws(task), _examined(task)
    is_whole = count <= MAX_DRAWS
    num_wanted = task.num_examples if is_whole else min(examined, MAX_FIRST)
    count = count if is_whole else 2 * num_wanted
    while True:
        rows = dedup.unique(task, np.arange(count, dtype=np.uint64))  # as a pipeline of one shard
        if rows.shape[1] >= num_wanted:
            break
        coverage.check_draws(task, count)
        count *= 2
    last = np.partition(rows[DRAW], num_wanted - 1)[num_wanted - 1]
    rows = rows[:, rows[DRAW] <= last]
    chosen = rows[DRAW]
    if is_whole:
        chosen = np.concatenate([of_split[: _share(examined, len(of_split), task)] for of_split in _splits(task, rows)])
    operands = draws.operands(task, chosen)
    return Sample(
        task=task,
        questions=text.questions(task, *operands),
        answers=text.answers(task, *operands),
        draws_used=int(last) + 1 if is_whole else None,
    )


def _examined(task: Task) -> int:
    """The number of examined examples of a dataset."""
    fitting = MAX_CHARACTERS // (task.question_width + task.answer_width)
    return max(1, min(task.num_examples, MAX_EXAMPLES, fitting))


def _share(examined: int, of_split: int, task: Task) -> int:
    """The number of examined examples of a split: its share of all, rounded up."""
    return -(-examined * of_split // task.num_examples)


def _head(directory: AnyPath, task: Task, split: str, lengths: Sequence[int], count: int) -> list[np.ndarray]:
    """The first questions and answers of a split, uint8 of shape (count, width) each."""
    record, parts = record_format(task), []
    for shard, length in enumerate(lengths):
        rows = min(length, count - sum(map(len, parts)))
        records = np.empty((rows, record.length), np.uint8)
        file = directory / shard_file(TFRECORD, split, shard, len(lengths))
        try:
            size = paths.read_into(file, 0, records.data.cast("B")) if rows else 0
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
        if size < records.nbytes or not record.intact(records).all():
            raise InputError(f"{file} is damaged; {advice(directory, task)}")
        parts.append(records)
    records = np.concatenate(parts)
    return [np.ascontiguousarray(column) for column in record.texts(records)]


def _splits(task: Task, rows: np.ndarray) -> list[np.ndarray]:
    """The draws of the training and of the validation split, in their order, from the rows of all examples."""
    is_validation = np.zeros(task.num_examples, bool)
    is_validation[np.argpartition(rows[SPLIT], task.num_validation - 1)[: task.num_validation]] = True
    return [rows[DRAW][~is_validation], rows[DRAW][is_validation]]
