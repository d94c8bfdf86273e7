"""Comparisons of runs, the playground in a notebook, and the suite of a task for any model."""

import html
from collections.abc import Callable
from typing import Any, NoReturn

from seq2seq_arith.arithmetic import scoring, text
from seq2seq_arith.base.checks import check_int, one_of
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import call, shows
from seq2seq_arith.base.tables import Table, Tabular
from seq2seq_arith.pipelines.commands import suite as suites
from seq2seq_arith.trainer.api import arguments
from seq2seq_arith.trainer.api.dataset import is_config_name, named
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.runs import history


def compare(*runs: TrainedRun) -> Table:
    """A table that compares runs: their hints and data, the scores of their best models, and the cost of training.

    Evaluates each best model on its task's suite, unless its scores are saved. For a run that has not ended, weights
    and seconds are None.

    Returns a row per run: ``name`` of its folder, its ``hints``, ``draws`` of its data, ``exact_match`` on the
    validation set in the best epoch, ``worst_slice`` with its exact match, ``wrong`` answers to the suite with the
    bound on their rate, ``weights``, and ``seconds`` and ``cpu_seconds`` of training, wall-clock and CPU.

    Raises InputError if a run has no checkpoint.
    """
    arguments.objects(runs, TrainedRun, "compare")
    rows = []
    for run in runs:
        scores, summary = run.in_full, run.summary  # a run without a checkpoint is an error first
        cost = (summary.weights, summary.seconds, summary.cpu_seconds) if summary else (None, None, None)
        rows.append((run.folder.name, run.hints, run.run.task.draws, run.exact_match, *scores, *cost))
    names = ["name", "hints", "draws", "exact_match", "worst_slice", "wrong", "weights", "seconds", "cpu_seconds"]
    return Table([dict(zip(names, row, strict=True)) for row in rows], names)


class Playground:
    """The playground as an object that a notebook displays; ``str(page)`` is its HTML."""

    def __init__(self, html: str, height: int) -> None:
        self._html, self._height = html, height

    def __str__(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return "a page for a cell of a notebook; a terminal has arith-model serve"

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {self._height}px; border: 0"
        return f'<iframe title="Playground" style="{style}" srcdoc="{html.escape(self._html)}"></iframe>'


def playground(run: TrainedRun, other: TrainedRun | None = None, question: str = "", height: int = 900) -> Playground:
    """The playground in a notebook cell: a page on which one or two models answer questions, step by step.

    The networks run in the browser, without a server. Supported are the networks of ``arith-model serve --export``.

    Args:
      run, other: The models, of one task.
      question: The first question; a hard one if empty.
      height: The height of the page, in pixels.

    Raises InputError if the browser cannot compute a network, the tasks differ, or ``question`` is not one of the task.
    """
    runs = arguments.objects((run, *([] if other is None else [other])), TrainedRun, "playground")
    from seq2seq_arith.trainer.playground import catalog, page

    check_int("height", height, 100, 10_000)
    names = history.labels([str(run.folder) for run in runs])
    catalog.read(text.example(run.task) if question == "" else question, *(run.run for run in runs))
    fields = {"run": names[0], "beside": names[-1] if other else "", "question": question}
    folders = dict(zip(names, (run.folder for run in runs), strict=True))
    return Playground(page.standalone(folders, {name: value for name, value in fields.items() if value}), height)


class Suite(Tabular, dict[str, Table]):
    """The questions of a suite: from the name of a slice to its rows of ``question`` and ``answer``.

    ``suite.score(function)`` evaluates any function, of any framework. Nothing here needs TensorFlow.
    """

    def __init__(self, slices: dict[str, Table], why: dict[str, str], title: str, **suite: Any) -> None:
        super().__init__(slices)
        self._why, self._title, self._suite = why, title, suite

    def __missing__(self, name: str) -> NoReturn:
        raise InputError(f"there is no slice {name!r}; {one_of(name, self)}")

    def score(self, function: Callable[[Any], Any], batch_size: int | None = None) -> scoring.Scores:
        """Calls a function once for each distinct question, and scores its answers by slice.

        ``function`` takes a question, such as ``"39+3"``, and returns its answer. For example, ``suite.score(eval)``
        scores Python's ``eval``. With ``batch_size=512``, the function takes a list of at most 512 questions and
        returns a list of as many answers, for models that predict in batches. An answer is a string or an integer, or
        None, which counts as wrong.

        Raises InputError if ``function`` is not a function, or returns anything else.
        """
        rows = [scoring.Row(name, **row) for name, of_slice in self.items() for row in of_slice]
        return scoring.score(rows, scoring.ask(function, rows, batch_size), self._why, **self._suite)

    def _shown(self) -> Table:
        rows = [{"slice": name, "questions": len(rows), "why": self._why[name]} for name, rows in self.items()]
        return Table(rows, title=self._title)


@shows(suites.suite)
def suite(task: str, **options: Any) -> Suite:
    """The suite (challenge set) of a task, as of ``arith-data suite``: hard questions in slices, with their answers.

    There are at most ``per_slice`` questions per slice, chosen by ``seed``: 0 for published tables, 1 and above for
    tuning. ``set`` is ``standard``, or ``held_out``: slices that were written after the recipes were fixed, and are
    never used for tuning. An earlier ``version`` of the suites has fewer slices. The size is the maximum length of an
    operand, by default that of the task: ``digits``, ``dashes`` for pq, or ``letters``; or ``modulus`` for modular
    addition. ``unseen_of`` is the path of a dataset; questions whose pair is in its training split are left out.
    ``lm_eval`` is a new folder, into which the suite is also written as tasks of lm-evaluation-harness.

    Raises InputError if there is no such task, it has no suite, or a value is out of its range.
    """
    from seq2seq_arith.pipelines.suite import rows

    if is_config_name(task):
        drawn = call(suites.suite, options, task=named(task, {}))
    else:
        drawn = call(suites.suite, options | {"task": task})
    sized_task, built = drawn.task, drawn.suite
    of_slices: dict[str, list[dict[str, str]]] = {name: [] for name in built.pairs}
    for name, question, answer in rows(sized_task, built):
        of_slices[name].append({"question": question, "answer": answer})
    tables = {name: Table(questions, ["question", "answer"], name) for name, questions in of_slices.items()}
    why = {slice.name: slice.why for slice in sized_task.operation.slices(drawn.chosen.set, sized_task.size)}
    title = f"suite of {sized_task.description}, version {built.version}"
    columns = {"set": drawn.chosen.set, "version": built.version, "size": sized_task.size}
    return Suite(tables, why, f"{title}: {built.num_questions:,} distinct questions", **columns)
