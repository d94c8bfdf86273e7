"""The evaluation of a model on its task's suite of hard questions, with the same ``Scores`` as any other answers."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seq2seq_arith.arithmetic.scoring import Mistake, Scores, SliceScore, count_slices, equal_characters, kind
from seq2seq_arith.arithmetic.suites import DEFAULT, HELD_OUT, SETS, STANDARD, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.evaluation.answering import evaluate, mistakes
from seq2seq_arith.trainer.runs.evaluated import EpochScore
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.answerers import Answerer
from seq2seq_arith.trainer.training.opened import OpenRun

# The most characters of questions in one call of the model, so that long questions fit into memory.
CHARACTERS = 1 << 24


def no_suite(task: Task, set: str = STANDARD) -> str:
    """The note for a task without a suite, or without one of its sets."""
    if set == STANDARD:
        return f"{task.name} has no suite, so it was not evaluated on hard questions"
    return f"{task.name} has no {set.replace('_', '-')} slices, so none were evaluated"


def evaluate_run(
    run: OpenRun,
    chosen: SuiteOptions = DEFAULT,
    *,
    lengths: Sequence[int] = (),
    sets: Sequence[str] = (STANDARD,),
    trained: question_sets.TrainingPairs | None = None,
) -> Scores:
    """Evaluates the best model of a run on its task's suite, at the D that it was trained on and at ``lengths``.

    At each D, the ``sets`` follow one another. ``trained`` has the keys of the training set, None if it is missing.
    """
    tasks = run.run.tasks_of_sizes(lengths)  # an invalid length is an error before the model is restored
    options_of_sets = [dataclasses.replace(chosen, set=set) for set in sets]
    rows = [
        row
        for size, task in tasks.items()
        for options in options_of_sets
        for row in evaluate_suite(run.answerer(task), options, size=size, trained=trained).rows
    ]
    scores = Scores(tuple(rows), per_slice=chosen.per_slice, seed=chosen.seed)
    scores.emit(task=run.run.task.name)
    return scores


def suite_notes(run: Run, trained: question_sets.TrainingPairs | None) -> list[str]:
    """Notes on the scores of the suite: sets that the task lacks, and a training set that is missing."""
    has = {set: bool(run.task.operation.slices(set, run.task.size)) for set in SETS}
    notes = [] if has[HELD_OUT] else [no_suite(run.task, HELD_OUT)]
    if not has[STANDARD]:
        return [*notes, no_suite(run.task)]
    if trained is None:
        reason = "it was an endless stream of draws" if run.config.stream else "that set no longer exists"
        notes.append(f"which questions of the suite are in the training set is not known, because {reason}")
    return notes


def evaluate_epochs(
    answerer: Callable[[int, Task], Answerer], epochs: Sequence[int], tasks: Mapping[int, Task], chosen: SuiteOptions
) -> list[EpochScore]:
    """The scores on the suite of the weights of each epoch at each D, a key of ``tasks``; sorted by epoch.

    ``answerer`` returns the model after an epoch for the strings of a task, as ``OpenRun.answerer``.
    """
    rows = []
    for size, task in tasks.items():
        for epoch in epochs:
            scores = evaluate_suite(answerer(epoch, task), chosen, size=size)
            total, worst = scores.total(), scores.worst()
            assert worst
            shares = {"exact_match": total.right / total.questions, "worst": worst.right / worst.questions}
            row = EpochScore(epoch=epoch, digits=size, questions=total.questions, **shares, worst_slice=worst.slice)
            rows.append(row)
    return sorted(rows, key=lambda row: row["epoch"])


def evaluate_suite(
    answerer: Answerer,
    chosen: SuiteOptions = DEFAULT,
    *,
    size: int | None = None,
    trained: question_sets.TrainingPairs | None = None,
) -> Scores:
    """Evaluates a model, whose strings are wide enough, on its task's suite at D = ``size``; None is the task's own."""
    task = answerer.task
    size = size or task.size
    slices, version, operands, slice_index = question_sets.suite_questions(task, chosen, size)
    if not slices:
        return Scores((), per_slice=chosen.per_slice, seed=chosen.seed)
    title = f"{task.name}, {kind(chosen.set)}suite ({task.notation.size_word} {size})"
    columns, wrong = _counts(answerer, operands, slice_index, title)
    if trained is not None:
        seen = trained.has(operands)
        columns |= {"seen": seen, "seen_right": seen & columns["right"]}
    counts = count_slices(slice_index, len(slices), **columns)
    suite = {"set": chosen.set, "version": version, "size": size}
    rows = (
        SliceScore(**count, **suite, slice=slice.name, why=slice.why, mistake=wrong.get(number))
        for number, (slice, count) in enumerate(zip(slices, counts, strict=True))
    )
    return Scores(tuple(rows), per_slice=chosen.per_slice, seed=chosen.seed)


def _counts(
    answerer: Answerer, operands: question_sets.Operands, slice_index: np.ndarray, title: str
) -> tuple[dict[str, np.ndarray], dict[int, Mistake]]:
    """The counts of a ``SliceScore`` for each question, [questions], and the first mistake in each slice that has one.

    The questions of all slices are evaluated together, in few calls of the model, because each call has a fixed cost.
    """
    task, total = answerer.task, len(slice_index)
    size = max(1, CHARACTERS // task.question_width)
    columns = {name: np.zeros(total, np.int64) for name in ("characters", "characters_right", "wrong_lengths")}
    right = np.zeros(total, bool)
    wrong: dict[int, Mistake] = {}
    with progress(title, total, "questions") as report_progress:
        for start in range(0, total, size):
            rows = slice(start, start + size)
            examples = question_sets.examples(task, tuple(side[:, rows] for side in operands))
            result = evaluate(answerer, examples, lambda done, start=start: report_progress(start + done))
            right[rows] = result.exact
            misses = result.wrong
            slices, first = np.unique(slice_index[rows][misses], return_index=True)
            first_mistakes = mistakes(task, result, misses[first])
            wrong = dict(zip(slices.tolist(), first_mistakes, strict=True)) | wrong
            characters = np.count_nonzero(examples.answers != ord(" "), axis=1)
            columns["characters"][rows] = columns["characters_right"][rows] = characters
            predictions, answers = (
                map(str.strip, to_strings(codes[misses])) for codes in (result.predicted, examples.answers)
            )
            for number, prediction, answer in zip((start + misses).tolist(), predictions, answers, strict=True):
                columns["characters_right"][number] = equal_characters(prediction, answer)
                columns["wrong_lengths"][number] = len(prediction) != len(answer)
    return columns | {"right": right}, wrong
