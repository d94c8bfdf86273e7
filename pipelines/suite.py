"""Writes the questions of a task's suite as a table, for ``arith-data suite``."""

import dataclasses
from collections.abc import Iterator

from seq2seq_arith.arithmetic import draws, numbers, suites, text
from seq2seq_arith.arithmetic.scoring import Row
from seq2seq_arith.arithmetic.suites import SETS, Pair, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking.metadata import read_sound
from seq2seq_arith.pipelines.formats.advice import advice
from seq2seq_arith.pipelines.formats.layout import METADATA
from seq2seq_arith.pipelines.steps.example_draws import example_draws
from seq2seq_arith.pipelines.storage.paths import AnyPath


@dataclasses.dataclass(frozen=True)
class Suite:
    """A task's questions."""

    # From a slice's name to the operands of its questions; a slice without questions is there, too.
    pairs: dict[str, list[Pair]]
    version: int
    left_out: int = 0  # how many different pairs were left out because they stand in a training set

    @property
    def num_questions(self) -> int:
        """The number of distinct questions; a question in several slices counts once."""
        return len({pair for of_slice in self.pairs.values() for pair in of_slice})


def build(task: Task, chosen: SuiteOptions, unseen_of: AnyPath | None = None) -> Suite:
    """One set of the suite of a task, of which the name and the size matter; InputError if it has no such set.

    Pairs in the training split of the dataset ``unseen_of`` are left out, in either order unless its pairs are ordered.
    """
    slices = task.operation.slices(chosen.set, task.size, chosen.version)
    if not slices:
        has = [set_name for set_name in SETS if task.operation.slices(set_name, task.size)]
        instead = f"; give the set {has[0]}, which it has" if has else ""
        raise InputError(f"{task.name} has no suite{f' of the set {chosen.set}' if has else ''}{instead}")
    drawn = {slice.name: suites.pairs(task.name, task.size, slice, chosen.seed, chosen.per_slice) for slice in slices}
    if unseen_of is None:
        return Suite(drawn, suites.version(slices))
    pairs = {pair for of_slice in drawn.values() for pair in of_slice}
    seen = _seen(task, unseen_of, pairs)
    unseen = {name: [pair for pair in of_slice if pair not in seen] for name, of_slice in drawn.items()}
    return Suite(unseen, suites.version(slices), len(seen))


def rows(task: Task, suite: Suite) -> Iterator[tuple[str, str, str]]:
    """The slice, the question and the answer of every question, as people write them."""
    plain = dataclasses.replace(task, reverse=False)
    words = task.notation.words(task.size)
    for name, pairs in suite.pairs.items():
        if pairs:
            operands = [numbers.from_ints(side, words) for side in zip(*pairs, strict=True)]
            columns = (text.to_strings(write(plain, *operands)) for write in (text.questions, text.answers))
            for question, answer in zip(*columns, strict=True):
                yield name, question.rstrip(), answer.rstrip()


def as_table(task: Task, suite: Suite) -> str:
    """The suite as a table: a line of the columns' names, and one line per question, with tabs between them."""
    return "".join("\t".join(line) + "\n" for line in (Row._fields, *rows(task, suite)))


def _seen(task: Task, directory: AnyPath, pairs: set[Pair]) -> set[Pair]:
    """The pairs of a suite that are in the training split of a dataset."""
    of_dataset, layout, metadata = read_sound(directory)
    if of_dataset.name != task.name:
        raise InputError(f"{directory} is of {of_dataset.name}, not of {task.name}; give a dataset of the same task")
    if of_dataset.size != task.size and not task.notation.has_lengths:
        raise InputError(f"{directory} has the modulus {of_dataset.size}; add --modulus {of_dataset.size}")

    def key(pair: Pair) -> Pair:
        return pair if of_dataset.ordered else tuple(sorted(pair))

    examples = example_draws(of_dataset, metadata["draws_used"], layout.num_shards)
    if examples is None:
        raise InputError(f"{directory / METADATA}: draws_used is wrong; {advice(directory, of_dataset)}")
    keys = {key(pair) for pair in pairs}
    trained = set()
    for drawn in examples["train"]:
        sides = map(numbers.to_ints, draws.operands(of_dataset, drawn))
        trained |= keys & set(map(key, zip(*sides, strict=True)))
    return {pair for pair in pairs if key(pair) in trained}
