"""The demo: it shows three things.

1. Networks learn: for each task, ten answers turn from wrong to right.
2. A proof checks every case of a network. Where it finds a mistake, the network trains on it, until the proof holds.
3. Two equal networks that were trained on different data have the same score, and only one of them knows 500-500.
"""

import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.base import process, progress
from seq2seq_arith.base.tables import fitted
from seq2seq_arith.base.terminal import GREEN, RED, as_typed, colored, has_escapes, say, terminal_width, wrapped
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import making, question_sets
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.evaluation import answering, summary_table
from seq2seq_arith.trainer.proving.networks import why_not
from seq2seq_arith.trainer.recipes import DEMO_QUESTIONS, recipe, recipe_data
from seq2seq_arith.trainer.runs import files, samples
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, Run, existing_run, local_folder, open_run
from seq2seq_arith.trainer.runs.samples import Sample
from seq2seq_arith.trainer.training import proof, session
from seq2seq_arith.trainer.training.loop import SAMPLES, Loop
from seq2seq_arith.trainer.training.observers import Observer
from seq2seq_arith.trainer.training.opened import OpenRun
from seq2seq_arith.trainer.training.session import Trained, TrainOptions

# The run that comes with the package, and answers 500-500 wrong.
RANDOM_PAIRS = PRETRAINED_RUNS / "subtraction-random-pairs"
RANDOM_QUESTION = "5831-294"
LEARNING = "Networks learn: ten answers turn from wrong to right."
PROOF = "A proof checks all cases: does {} answer every question right?"
APART = (
    "Two equal networks, trained on different data. Both answer every question of their validation sets, and random "
    "questions such as {}. But random pairs are hardly ever equal:"
)
CELL_WIDTH = 38  # of an answer; a terminal of 80 characters has two of them side by side
SHOWN_IN_LOG = 3  # answers
# Answering takes at most this share of the time of a training.
SHARE = 0.2


def run(
    data_dir: str, run_dir: str, replicas: int | None = None, questions: Mapping[str, str] = DEMO_QUESTIONS
) -> list[Trained]:
    """Trains a model for each task with the best recipe, proves it, and shows two networks of subtraction side by side.

    Each task, with its hard question, gets a folder below ``run_dir``; missing datasets are created.
    """
    top = local_folder(run_dir)
    tasks = {name: recipe_data("best", name) for name in questions}
    for name, task in tasks.items():
        existing_run(top / name, task)  # raises InputError for the folder of another run before anything is created
    other = _random_pairs(top)
    trained, runs, scores = [], list[OpenRun](), []
    with _without_log_of_progress():
        for task in tasks.values():
            making.make_missing(task, data_dir)
        say(f"\n{LEARNING}")
        for name, task in tasks.items():
            config = override(recipe("best", name), replicas=replicas, keep_epochs=True)
            options = TrainOptions(observe=lambda loop, question=questions[name]: Learning(loop, question))
            trained.append(session.train(task, data_dir, str(top / name), config, options))
            runs.append(OpenRun(trained[-1].run, replicas=replicas))
            _prove(runs[-1])
            scores.append(summary_table.evaluate_suite(runs[-1]))
    columns = [
        summary_table.facts(result.summary, suite, opened.proof)
        for result, suite, opened in zip(trained, scores, runs, strict=True)
    ]
    answers = [_cell(answered(opened, question)) for opened, question in zip(runs, questions.values(), strict=True)]
    names = ("exact match", "worst slice", "proved", "seconds")
    rows = [[name, *(facts[key] for key in names)] for name, facts in zip(questions, columns, strict=True)]
    rows = [[*row, answer] for row, answer in zip(rows, answers, strict=True)]
    say("\n" + fitted(["task", *names, "hard question"], rows, terminal_width()))
    if other.task.name in questions:
        index, question = list(questions).index(other.task.name), questions[other.task.name]
        say("\n" + wrapped(APART.format(RANDOM_QUESTION)) + "\n")
        say(beside(OpenRun(other), runs[index], columns[index], question))
    return trained


class Learning(Observer):
    """Shows a training by ten answers: rewritten in a terminal, and in a log once at the beginning and once at the end.

    The questions are a hard one, and the first ones of the validation set.
    """

    def __init__(self, loop: Loop, question: str) -> None:
        task = loop.run.task
        hard, drawn = question_sets.from_stored(task, [loop.run.parse(question).stored]), loop.validation[: SAMPLES - 1]
        pairs = ((hard.questions, drawn.questions), (hard.answers, drawn.answers))
        self._loop, self._examples = loop, Examples(*map(np.concatenate, pairs))
        self._total = loop.epoch_end(loop.config.epochs)
        self._lines = 0  # of what is rewritten
        self._next = 0.0  # the time of the next answers
        self._shown = 0  # the step of the last answers

    def on_steps(self, first: int, outcomes: dict[str, np.ndarray]) -> None:
        step = self._loop.state.step + len(outcomes["loss"])
        if time.monotonic() >= self._next and (has_escapes() or not self._shown):
            self._show(step)

    def on_epoch(self, row: dict[str, Any], samples: str) -> None:
        if row["steps"] == self._total:
            self._show(row["steps"])
            if self._loop.config.prove:
                say(wrapped(f"\n{PROOF.format(self._loop.run.task.name)}"))

    def _show(self, step: int) -> None:
        started, self._shown = time.monotonic(), step
        with self._loop.learner.averaged():
            predicted, _ = self._loop.learner.answer(self._examples)
        answers = samples.make_samples(self._loop.run.task, self._examples, predicted)
        now = time.monotonic()
        self._next = now + (now - started) * (1 / SHARE - 1)
        right = f"{sum(sample.right for sample in answers)} of {len(answers)} right"
        head = f"  after {step:,} of {self._total:,} steps: {right}"
        if not has_escapes():
            say(f"{head}, for example {', '.join(map(_cell, answers[:SHOWN_IN_LOG]))}")
            return
        width = max(1, terminal_width() // CELL_WIDTH)
        rows = [answers[start : start + width] for start in range(0, len(answers), width)]
        lines = [head, *("  " + "".join(_cell(sample, CELL_WIDTH - 2) for sample in row) for row in rows)]
        back = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
        self._lines = len(lines)
        say(back + "\n".join(lines))


def _cell(sample: Sample, width: int = 0) -> str:
    """A question with its answer and a mark, coloured in a terminal."""
    text = f"{sample.question} = {sample.prediction} {'✓' if sample.right else '✗'}"
    return colored(text.ljust(width), GREEN if sample.right else RED)


@contextlib.contextmanager
def _without_log_of_progress() -> Iterator[None]:
    """Shows no progress in a log, which would have a line every few seconds."""
    with process.override(has_progress=sys.stderr.isatty() or progress.is_notebook()):
        yield


def _prove(run: OpenRun) -> None:
    """Proves a network whose training has not done that, if it can be proved, and says what was found."""
    if run.proof is None and not why_not(run.run.task, run.run.config):
        say(wrapped(f"\n{PROOF.format(run.run.task.name)}"))
        proved = proof.prove(run.run, run.learner)
        proved.save()
        say(colored(wrapped(str(proved.proof)), GREEN if proved.proof.holds else RED))
    say()


def _random_pairs(top: Path) -> Run:
    """The run that fails, copied into a folder beside the others, where every command finds it."""
    shipped, folder = open_run(RANDOM_PAIRS), top / RANDOM_PAIRS.name
    if existing_run(folder, shipped.task) is None:
        with files.whole_folder(folder) as partial:
            shutil.copytree(RANDOM_PAIRS, partial, dirs_exist_ok=True)
    return open_run(folder)


def beside(other: OpenRun, run: OpenRun, of_run: Mapping[str, str], question: str) -> str:
    """A table of two runs with their scores and their answers to a random and a hard question; and how to see them."""
    facts = summary_table.facts(other.summary, other.in_full, other.proof) if other.summary else {}
    names = ("trained on", "exact match", "worst slice", "proved")
    rows = [[name, facts.get(name, "-"), of_run[name]] for name in names]
    for asked in (RANDOM_QUESTION, question):
        answers = [answered(opened, asked) for opened in (other, run)]
        rows.append([asked, *(f"{sample.prediction} {'✓' if sample.right else '✗'}" for sample in answers)])
    folders = [opened.run.folder for opened in (other, run)]
    head = ["run", *(folder.name for folder in folders)]
    words = ["serve", str(folders[1].parent), "--question", *head[1:], question]
    command = shlex.join([as_typed("arith-model"), *words])
    return "\n".join([fitted(head, rows, terminal_width()), "\nsee both in your browser:", f"  {command}"])


def answered(run: OpenRun, question: str) -> Sample:
    """The answer of a run's best model to a question as people write it."""
    parsed = run.run.parse(question)
    examples = question_sets.from_stored(parsed.task, [parsed.stored])
    result = answering.evaluate(run.learner(parsed.task), examples)
    return samples.make_samples(parsed.task, examples, result.predicted)[0]
