"""The content of a report of a run, and how it is measured; the measurements are deterministic.

The best model is evaluated on three sets of examples, one of which it has seen, then on the suite of its task, also at
further lengths::

    training set    seen          the first examples of the split, which are a random sample
    validation      not seen      it decided which epoch is the best
    test set        not seen      from the dataset of another seed, without any example of this one
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
from seq2seq_arith.trainer.data.question_sets import HeldOut
from seq2seq_arith.trainer.evaluation import evaluation
from seq2seq_arith.trainer.evaluation.answering import Result, breakdown, evaluate, mistakes
from seq2seq_arith.trainer.evaluation.suites import evaluate_run, suite_notes
from seq2seq_arith.trainer.models.build import sketch
from seq2seq_arith.trainer.registry import writes_numbers
from seq2seq_arith.trainer.reporting import errors
from seq2seq_arith.trainer.reporting.errors import Confusion
from seq2seq_arith.trainer.runs import evaluated, history, samples
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.samples import EpochSamples
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import describe
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

MISTAKES = 8
TRAINED, VALIDATION, TEST = "training set", "validation set", "test set"
LENGTHS = "operand lengths"
# Without --lengths, the maximum length of operands beyond the trained ones.
FURTHER_WIDTH = 64


# From the names of a group, such as ``("2",)`` for two carries, or the lengths of both operands, to its exact match.
Groups = dict[tuple[Any, ...], Share]


@dataclasses.dataclass(frozen=True)
class SetResult:
    """The score of a set, such as ``TRAINED``."""

    meaning: str  # which examples these are
    share: Share  # of the answers that match exactly


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetAnswers:
    """The answers of a model to the sets of its dataset; confusion and mistakes are of the validation set."""

    sets: dict[str, SetResult]
    unseen: dict[str, Groups]  # by the name of a table, such as ``LENGTHS``: of the validation set
    seen: dict[str, Groups]  # likewise of the training set; none if there was no fixed one
    confusion: Confusion | None  # None if its answers are not numbers
    mistakes: tuple[Mistake, ...]  # the first ones

    @property
    def wrong(self) -> int:
        """The number of wrong answers to the validation set."""
        return self.sets[VALIDATION].share.wrong


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunReport:
    """The content of a report about one run."""

    label: str
    run: Run
    layers: tuple[describe.Layer, ...]
    facts: dict[str, str]  # about the network, its input format and its hints
    history: tuple[dict[str, Any], ...]
    samples: tuple[EpochSamples, ...]  # none if they were not recorded
    summary: Summary | None  # None if the training has not ended
    proof: Proof | None  # of the best weights
    sets: SetAnswers | None  # None if the dataset is missing
    scores: Scores  # of both sets of the suite, at the run's own length first, then at further ones
    searched: tuple[evaluated.Searched, ...]  # as ``evaluated.searched``
    notes: tuple[str, ...]

    @property
    def task(self) -> Task:
        return self.run.task

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch."""
        return max(self.history, key=history.rank)

    def own(self, set: str) -> Scores:
        """The scores of a set of the suite, at the run's own length."""
        return self.scores.select(set, self.task.size)


def further_lengths(run: Run) -> list[int]:
    """Lengths beyond the trained ones that are evaluated by default: one more, and twice as many."""
    if not run.task.notation.has_lengths:
        return []
    wanted = dict.fromkeys((run.task.size + 1, 2 * run.task.size))
    return [length for length in wanted if length <= min(run.max_size, FURTHER_WIDTH)]


def _reads(run: OpenRun, length: int) -> bool:
    """Whether a model reads operands of a length: a custom model or input format may have weights for each position."""
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
    """Evaluates the best model of a run for its report.

    ``label`` is the name of the run in the report, ``examples`` the maximum number of examples of each set, and
    ``lengths`` are further D for the suite; None for ``further_lengths``. The others are as for
    ``evaluation.measure``.
    """
    rows, opened = history.epochs_of(run), OpenRun(run, data_dir)
    further = (
        [length for length in further_lengths(run) if _reads(opened, length)] if lengths is None else list(lengths)
    )
    learner = opened.learner()
    data, notes = evaluation.held_out(opened)
    trained = None if data is None or run.config.stream else data.trained
    sets = evaluate_sets(run, learner, data, examples) if data is not None else None
    scores = evaluate_run(opened, chosen, lengths=further, sets=SETS, trained=trained)
    return RunReport(
        label=label,
        run=run,
        layers=tuple(sketch(run.config.model, learner.input_format, describe.layers, cudnn=True)),
        facts=describe.input_format_facts(run.config.model, learner.input_format),
        history=tuple(rows),
        samples=tuple(samples.read_jsonl(run.samples)),
        summary=opened.summary,
        proof=opened.proof,
        sets=sets,
        scores=scores,
        searched=tuple(evaluated.searched(run, opened.best_epoch)),
        # Without its dataset, what else is not known follows from that, and is not said again.
        notes=tuple(notes or suite_notes(run, trained)),
    )


def evaluate_sets(run: Run, learner: Learner, data: HeldOut, most: int) -> SetAnswers:
    """Evaluates a model on the sets of its dataset, on at most ``most`` examples of each."""
    task, examples_of_sets = run.task, {}
    if not run.config.stream:
        trained = data.source.splits["train"].head(most)
        examples_of_sets[TRAINED] = "a sample of the pairs that it was trained on", trained
    examples_of_sets[VALIDATION] = "not seen; they decided which epoch is the best", data.validation[:most]
    if not run.config.stream:
        seed, others = data.test_set(most)
        if len(others):
            meaning = f"not seen, and not used to choose anything: from the dataset of seed {seed}"
            examples_of_sets[TEST] = meaning, others
    results, sets = {}, {}
    for name, (meaning, examples) in examples_of_sets.items():
        with progress(f"{task.name}, {name}", len(examples), "examples") as report_progress:
            result = results[name] = evaluate(learner, examples, report_progress)
        share = Share(len(result.exact), int(np.count_nonzero(result.exact)))
        sets[name] = SetResult(meaning, share)
    validation = results[VALIDATION]
    answers, predicted = validation.examples.answers, validation.predicted
    return SetAnswers(
        sets=sets,
        unseen=tables(task, validation),
        seen=tables(task, results[TRAINED]) if TRAINED in results else {},
        confusion=errors.confusion(task, answers, predicted) if writes_numbers(task) else None,
        mistakes=tuple(mistakes(task, validation, validation.wrong[:MISTAKES])),
    )


def tables(task: Task, result: Result) -> dict[str, Groups]:
    """Exact match by groups of the examples: a table per breakdown, by its name."""
    groups: dict[str, Groups] = {}
    operands = text.operands(task, result.examples.questions)
    for name, rows in breakdown(task, operands, result.examples.answers, result.exact).items():
        groups[name] = {}
        for row in rows:
            *names, count, exact_match = row.values()
            groups[name][tuple(names)] = Share(count, round(exact_match * count))
    return groups
