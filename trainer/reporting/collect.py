"""What a report of a run holds, and how it is measured: all of it is the same each time.

The best model is asked three sets of its dataset, of which it has seen one, then the suite of its task, and the suite
at further lengths::

    training set    seen          the first examples of the split, which are a random sample
    validation      not seen      it decided which epoch is the best
    test set        not seen      from the dataset of another seed, without all that this one has
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.scoring import Mistake, Scores, Share
from seq2seq_arith.arithmetic.suites import DEFAULT, SETS, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.asking import evaluation
from seq2seq_arith.trainer.asking.answering import Result, ask, breakdown, mistakes
from seq2seq_arith.trainer.asking.suites import ask_run
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.models.build import sketch
from seq2seq_arith.trainer.registry import writes_numbers
from seq2seq_arith.trainer.reporting import errors
from seq2seq_arith.trainer.reporting.errors import Confusion
from seq2seq_arith.trainer.runs import evaluated, history, samples
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.samples import EpochSamples
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import describe
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

MISTAKES = 30
TRAINED, VALIDATION, TEST = "training set", "validation set", "test set"
LENGTHS = "operand lengths"
# Without --lengths, operands of up to so many characters are asked about beyond the trained ones.
FURTHER_WIDTH = 64


@dataclasses.dataclass(frozen=True)
class SetResult:
    """The score of a set, such as ``TRAINED``."""

    name: str
    meaning: str  # which examples these are
    share: Share  # of the answers that are right as a whole
    characters: float  # the share of characters that are right


@dataclasses.dataclass(frozen=True)
class Group:
    """A group of examples, such as those with two carries; without such examples, a share is None."""

    names: tuple[str, ...]  # one, or the lengths of both operands
    seen: Share | None  # of the training set
    unseen: Share | None  # of the validation set


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetAnswers:
    """What the model answered to the sets of its dataset; confusion and mistakes are of the validation set."""

    sets: tuple[SetResult, ...]
    tables: dict[str, tuple[Group, ...]]
    confusion: Confusion | None  # None if its answers are not numbers
    mistakes: tuple[Mistake, ...]  # the first ones
    wrong: int  # how many there are


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunReport:
    """All that a report says about one run."""

    label: str
    run: Run
    layers: tuple[describe.Layer, ...]
    facts: dict[str, str]  # what the network is, and what it is given
    history: tuple[dict[str, Any], ...]
    best: dict[str, Any]  # the row of the best epoch
    samples: tuple[EpochSamples, ...]  # none if they were not recorded
    summary: Summary | None  # None if the training has not ended
    sets: SetAnswers | None  # None if the dataset is not there
    scores: Scores  # of both sets of the suite, at the run's own length first, then at further ones
    searched: tuple[evaluated.Searched, ...]  # as ``evaluated.searched``
    notes: tuple[str, ...]

    @property
    def task(self) -> Task:
        return self.run.task

    def own(self, set: str) -> Scores:
        """The scores of a set of the suite, at the run's own length."""
        return self.scores.of(set, self.task.size)


def further_lengths(run: Run) -> list[int]:
    """Lengths beyond the trained ones that a model is asked about by default: one more, and twice as many."""
    if not run.task.notation.has_lengths:
        return []
    wanted = dict.fromkeys((run.task.size + 1, 2 * run.task.size))
    return [length for length in wanted if length <= min(run.max_size, FURTHER_WIDTH)]


def _reads(run: OpenRun, length: int) -> bool:
    """Whether a model reads operands of a length: one's own, or its view, may have weights for every place."""
    if not run.run.config.model.own_code:
        return True
    try:
        run.learner(run.run.task_of_length(length))
    except InputError:
        return False
    return True


def collect(
    run: Run,
    label: str,
    *,
    examples: int,
    lengths: Sequence[int] | None = None,
    chosen: SuiteOptions = DEFAULT,
    data_dir: str | None = None,
) -> RunReport:
    """Asks the best model of a run all that its report holds.

    ``label`` is what the report calls the run, ``examples`` are the most of each set, and ``lengths`` are further D at
    which to ask the suite; None for ``further_lengths``. The others are as for ``evaluation.measure``.
    """
    rows, opened = history.epochs_of(run), OpenRun(run, data_dir)
    best = max(rows, key=history.rank)
    further = [each for each in further_lengths(run) if _reads(opened, each)] if lengths is None else list(lengths)
    learner = opened.learner()
    data, notes = evaluation.open_data(opened)
    trained = None if data is None or run.config.stream else data.trained
    sets = ask_sets(run, learner, data, examples) if data is not None else None
    scores = ask_run(opened, chosen, lengths=further, sets=SETS, trained=trained)
    return RunReport(
        label=label,
        run=run,
        layers=tuple(sketch(run.config.model, learner.view, describe.layers, cudnn=True)),
        facts=describe.view_facts(run.config.model, learner.view),
        history=tuple(rows),
        best=best,
        samples=tuple(samples.read_jsonl(run.samples)),
        summary=opened.summary,
        sets=sets,
        scores=scores,
        searched=tuple(evaluated.searched(run, best["epoch"])),
        notes=(*notes, *evaluation.suite_notes(run, trained)),
    )


def ask_sets(run: Run, learner: Learner, data: evaluation.Data, most: int) -> SetAnswers:
    """Asks a model the sets of its dataset, at most so many examples of each."""
    task, sets, seen = run.task, [], {}

    def ask_set(name: str, meaning: str, examples: Examples) -> Result:
        with progress(f"{task.name}, {name}", len(examples), "examples") as report_progress:
            result = ask(learner, examples, report_progress)
        share = Share(len(result.exact), int(np.count_nonzero(result.exact)))
        sets.append(SetResult(name, meaning, share, result.character_accuracy))
        return result

    def tables(result: Result) -> dict[str, list[dict]]:
        operands = text.operands(task, result.examples.questions)
        return breakdown(task, operands, result.examples.answers, result.exact)

    if not run.config.stream:
        meaning = "a sample of the pairs that it was trained on"
        seen = tables(ask_set(TRAINED, meaning, data.source.splits["train"].head(most)))
    validation = ask_set(VALIDATION, "not seen; they decided which epoch is the best", data.validation[:most])
    seed, others = (0, data.validation[:0]) if run.config.stream else evaluation.test_set(data, most)
    if len(others):
        ask_set(TEST, f"not seen, and nothing was chosen by them: from the dataset of seed {seed}", others)
    wrong = np.flatnonzero(~validation.exact)
    answers, predicted = validation.examples.answers, validation.predicted
    return SetAnswers(
        sets=tuple(sets),
        tables=joined(seen, tables(validation)),
        confusion=errors.confusion(task, answers, predicted) if writes_numbers(task) else None,
        mistakes=tuple(mistakes(task, validation, wrong[:MISTAKES])),
        wrong=len(wrong),
    )


def joined(seen: dict[str, list[dict]], unseen: dict[str, list[dict]]) -> dict[str, tuple[Group, ...]]:
    """The tables of a breakdown of seen and of unseen examples, as one: a group for each that one of them has."""
    found = {}
    for name, rows in unseen.items():
        of_seen, of_unseen = _by_names(seen.get(name, [])), _by_names(rows)
        order = sorted({*of_seen, *of_unseen}, key=lambda names: [(isinstance(each, str), each) for each in names])
        found[name] = tuple(
            Group(tuple(str(each).replace(" ", "") for each in names), of_seen.get(names), of_unseen.get(names))
            for names in order
        )
    return found


def _by_names(rows: list[dict]) -> dict[tuple, Share]:
    """The rows of a table by the names of their groups, which stand before the two figures."""
    found = {}
    for row in rows:
        *names, count, exact_match = row.values()
        found[tuple(names)] = Share(count, round(exact_match * count))
    return found
