"""Runs beside each other, and the questions that they are judged by."""

import html
from collections.abc import Callable
from typing import Any, NoReturn

from seq2seq_arith.arithmetic import scoring, text
from seq2seq_arith.base.checks import check_int, one_of
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import call, shows
from seq2seq_arith.base.tables import Table, Tabular
from seq2seq_arith.pipelines.commands import suite as suites
from seq2seq_arith.trainer.api import given
from seq2seq_arith.trainer.api.dataset import is_config_name, named
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.runs import history


def compare(*runs: TrainedRun) -> Table:
    """What runs were given, what they reached, and what that took.

    Asks each best model its task's suite, unless the scores are known. Of a run that has not ended, weights and seconds
    are not known.

    Returns a row per run: ``name`` of its folder, its ``hints``, ``draws`` of its data, ``exact_match`` on the
    validation set in the best epoch, ``worst_slice`` with its share of right answers, ``wrong`` answers to the suite
    with the bound on their rate, ``weights``, and ``seconds`` of training, also of the processors, ``cpu_seconds``.

    Raises InputError if a run has no checkpoint.
    """
    given.objects(runs, TrainedRun, "compare")
    rows = []
    for run in runs:
        asked, summary = run.in_full, run.summary  # a run without a checkpoint is refused first
        took = (summary.weights, summary.seconds, summary.cpu_seconds) if summary else (None, None, None)
        rows.append((run.folder.name, run.hints, run.run.task.draws, run.exact_match, *asked, *took))
    names = ["name", "hints", "draws", "exact_match", "worst_slice", "wrong", "weights", "seconds", "cpu_seconds"]
    return Table([dict(zip(names, row, strict=True)) for row in rows], names)


class Playground:
    """A page on which people ask models, shown in a notebook's cell; ``str(page)`` is its HTML."""

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
    """A page that asks one or two models and shows how they write, in a cell of a notebook: no server is needed.

    The networks are computed in the browser, which has those that ``arith-model serve --export`` puts on a page.

    Args:
      run, other: The models, of one task.
      question: What is asked first; the page has a hard one if there is none.
      height: Of the page, in pixels.

    Raises InputError if the browser cannot compute a network, the tasks differ, or it is not a question.
    """
    runs = given.objects((run, *([] if other is None else [other])), TrainedRun, "playground")
    from seq2seq_arith.trainer.playground import catalog, page

    check_int("height", height, 100, 10_000)
    names = history.labels([str(each.folder) for each in runs])
    catalog.read(text.example(run.task) if question == "" else question, *(each.run for each in runs))
    asked = {"run": names[0], "beside": names[-1] if other else "", "question": question}
    folders = dict(zip(names, (each.folder for each in runs), strict=True))
    return Playground(page.standalone(folders, {name: value for name, value in asked.items() if value}), height)


class Suite(Tabular, dict[str, Table]):
    """The questions of a suite: from the name of a slice to its rows of ``question`` and ``answer``.

    ``suite.score(function)`` asks any function, whatever it is made with. Nothing here needs TensorFlow.
    """

    def __init__(self, slices: dict[str, Table], why: dict[str, str], title: str, **suite: Any) -> None:
        super().__init__(slices)
        self._why, self._title, self._suite = why, title, suite

    def __missing__(self, name: str) -> NoReturn:
        raise InputError(f"there is no slice {name!r}; {one_of(name, self)}")

    def score(self, function: Callable[[Any], Any], batch_size: int | None = None) -> scoring.Scores:
        """Asks a function each different question once, and scores its answers by slice.

        ``function`` takes a question, such as ``"39+3"``, and returns its answer: ``suite.score(eval)``. With
        ``batch_size=512``, it takes a list of at most 512 questions and returns as many answers, as a model on a GPU
        does. An answer is a string, or a whole number, or None if there is none, which counts as wrong.

        Raises InputError if ``function`` is not one, or returns anything else.
        """
        rows = [scoring.Row(name, **row) for name, of_slice in self.items() for row in of_slice]
        return scoring.score(rows, scoring.ask(function, rows, batch_size), self._why, **self._suite)

    def _shown(self) -> Table:
        rows = [{"slice": name, "questions": len(rows), "why": self._why[name]} for name, rows in self.items()]
        return Table(rows, title=self._title)


@shows(suites.suite)
def suite(task: str, **options: Any) -> Suite:
    """The hard questions of a task's suite, with their answers, as ``arith-data suite`` writes them.

    There are at most ``per_slice`` questions per slice, and ``seed`` decides which. ``set`` is ``standard``, or
    ``held_out``: slices that were made when the recipes were fixed, on which nobody tunes. An earlier ``version`` of
    the suites has fewer slices. The size is the most of an operand, ``digits``, for pq ``dashes``, ``letters``, or
    ``modulus`` of modular addition; without it, the task's default. ``unseen_of`` is the path of a dataset, the pairs
    of whose training split are left out.

    Raises InputError if there is no such task, it has no suite, or a value is out of its range.
    """
    from seq2seq_arith.pipelines.suite import rows

    if is_config_name(task):
        drawn = call(suites.suite, options, task=named(task, {}))
    else:
        drawn = call(suites.suite, options | {"task": task})
    asked, built = drawn.task, drawn.suite
    of_slices: dict[str, list[dict[str, str]]] = {name: [] for name in built.pairs}
    for name, question, answer in rows(asked, built):
        of_slices[name].append({"question": question, "answer": answer})
    tables = {name: Table(found, ["question", "answer"], name) for name, found in of_slices.items()}
    why = {each.name: each.why for each in asked.operation.slices(drawn.chosen.set, asked.size)}
    title = f"suite of {asked.description}, version {built.version}"
    known = {"set": drawn.chosen.set, "version": built.version, "size": asked.size}
    return Suite(tables, why, f"{title}: {built.num_questions:,} different questions", **known)
