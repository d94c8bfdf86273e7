"""A model asked its task's suite of hard questions: a network is one more that answers, with ``Scores`` as others."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seq2seq_arith.arithmetic.scoring import Mistake, Scores, SliceScore, count_slices, equal_characters, kind
from seq2seq_arith.arithmetic.suites import DEFAULT, HELD_OUT, SETS, STANDARD, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.evaluation.answering import ask, mistakes
from seq2seq_arith.trainer.runs.evaluated import EpochScore
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

# So many characters of questions are asked at once, so that long questions fit into memory.
CHARACTERS = 1 << 24


def no_suite(task: Task, set: str = STANDARD) -> str:
    """Says of a task without a suite, or without a set of it, that no such questions were asked."""
    if set == STANDARD:
        return f"{task.name} has no suite, so no hard questions were asked"
    return f"{task.name} has no {set} slices, so none were asked"


def ask_run(
    run: OpenRun,
    chosen: SuiteOptions = DEFAULT,
    *,
    lengths: Sequence[int] = (),
    sets: Sequence[str] = (STANDARD,),
    trained: question_sets.Known | None = None,
) -> Scores:
    """Asks the best model of a run its task's suite, at the D that it was trained on and at further ones.

    ``sets`` are asked one after another at each D. ``trained`` is the training set, None if it is not known.
    """
    tasks = run.run.tasks_of_sizes(lengths)  # refuses a length before the model is restored
    each_set = [dataclasses.replace(chosen, set=each) for each in sets]
    rows = [
        row
        for size, task in tasks.items()
        for each in each_set
        for row in ask_suite(run.learner(task), each, size=size, trained=trained).rows
    ]
    scores = Scores(tuple(rows), per_slice=chosen.per_slice, seed=chosen.seed)
    scores.emit(task=run.run.task.name)
    return scores


def suite_notes(run: Run, trained: question_sets.Known | None) -> list[str]:
    """What must be known beside the results of the suite."""
    has = {set: bool(run.task.operation.slices(set, run.task.size)) for set in SETS}
    lacking = [] if has[HELD_OUT] else [no_suite(run.task, HELD_OUT)]
    if not has[STANDARD]:
        return [*lacking, no_suite(run.task)]
    if trained is None:
        why = "it was drawn without end" if run.config.stream else "that set is no longer there"
        lacking.append(f"which questions of the suite are in the training set is not known, for {why}")
    return lacking


def ask_epochs(
    learner: Callable[[int, Task], Learner], epochs: Sequence[int], tasks: Mapping[int, Task], chosen: SuiteOptions
) -> list[EpochScore]:
    """The suite, asked of the weights of each epoch at each D, of which ``tasks`` have the strings.

    ``learner`` gives the model after an epoch, as ``OpenRun.learner_of_epoch``.
    """
    rows = []
    for size, task in tasks.items():
        for epoch in epochs:
            scores = ask_suite(learner(epoch, task), chosen, size=size)
            total, worst = scores.total(), scores.worst()
            assert worst
            shares = {"exact_match": total.right / total.questions, "worst": worst.right / worst.questions}
            about = EpochScore(epoch=epoch, digits=size, questions=total.questions, **shares, worst_slice=worst.slice)
            rows.append(about)
    return sorted(rows, key=lambda row: row["epoch"])


def ask_suite(
    learner: Learner,
    chosen: SuiteOptions = DEFAULT,
    *,
    size: int | None = None,
    trained: question_sets.Known | None = None,
) -> Scores:
    """Asks a model, on strings with room for the questions, its task's suite at this D; None for the task's own."""
    task = learner.input_format.task
    size = size or task.size
    slices, version, operands, place = question_sets.suite_questions(task, chosen, size)
    if not slices:
        return Scores((), per_slice=chosen.per_slice, seed=chosen.seed)
    title = f"{task.name}, {kind(chosen.set)}suite ({task.notation.size_word} {size})"
    columns, wrong = _answered(learner, operands, place, title)
    if trained is not None:
        seen = trained.has(operands)
        columns |= {"seen": seen, "seen_right": seen & columns["right"]}
    counts = count_slices(place, len(slices), **columns)
    suite = {"set": chosen.set, "version": version, "size": size}
    rows = (
        SliceScore(**of_slice, **suite, slice=slice.name, why=slice.why, mistake=wrong.get(number))
        for number, (slice, of_slice) in enumerate(zip(slices, counts, strict=True))
    )
    return Scores(tuple(rows), per_slice=chosen.per_slice, seed=chosen.seed)


def _answered(
    learner: Learner, operands: question_sets.Operands, place: np.ndarray, title: str
) -> tuple[dict[str, np.ndarray], dict[int, Mistake]]:
    """The counts of a ``SliceScore`` for each question, [questions], and the first mistake in each slice that has one.

    The questions are asked all together, some million characters at a time, because a call has a cost of its own.
    """
    task, total = learner.input_format.task, len(place)
    size = max(1, CHARACTERS // task.question_width)
    columns = {name: np.zeros(total, np.int64) for name in ("characters", "characters_right", "wrong_lengths")}
    right = np.zeros(total, bool)
    wrong: dict[int, Mistake] = {}
    with progress(title, total, "questions") as report_progress:
        for start in range(0, total, size):
            rows = slice(start, start + size)
            examples = question_sets.examples(task, tuple(side[:, rows] for side in operands))
            result = ask(learner, examples, lambda done, start=start: report_progress(start + done))
            right[rows] = result.exact
            misses = result.wrong
            indices, first = np.unique(place[rows][misses], return_index=True)
            found = mistakes(task, result, misses[first])
            wrong = dict(zip(indices.tolist(), found, strict=True)) | wrong
            characters = np.count_nonzero(examples.answers != ord(" "), axis=1)
            columns["characters"][rows] = columns["characters_right"][rows] = characters
            said, answers = (
                map(str.strip, to_strings(codes[misses])) for codes in (result.predicted, examples.answers)
            )
            for number, prediction, answer in zip((start + misses).tolist(), said, answers, strict=True):
                columns["characters_right"][number] = equal_characters(prediction, answer)
                columns["wrong_lengths"][number] = len(prediction) != len(answer)
    return columns | {"right": right}, wrong
