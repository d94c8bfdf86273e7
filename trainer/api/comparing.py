"""Runs beside each other, and the questions that they are judged by."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seq2seq_arith.arithmetic import scoring
from seq2seq_arith.arithmetic.suites import STANDARD, SuiteOptions
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import Table, Tabular
from seq2seq_arith.trainer.api import given
from seq2seq_arith.trainer.api.dataset import named
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.quiet import import_tensorflow


def compare(*runs: TrainedRun) -> Table:
    """What runs were given, what they reached, and what that took.

    Asks each best model its task's suite, unless ``compare`` has asked it before. Of a run that has not ended, weights
    and seconds are not known.

    Returns a row per run: ``name`` of its folder, ``given`` to the model, ``draws`` of its data, ``exact_match`` on the
    validation set in the best epoch, ``worst_slice`` with its share of right answers, ``wrong`` answers to the suite
    with the bound on their rate, ``weights``, and ``seconds`` of training, also of the processors, ``cpu_seconds``.

    Raises InputError if a run has no checkpoint.
    """
    given.objects(runs, TrainedRun, "compare")
    import_tensorflow()
    from seq2seq_arith.trainer.demo import worst_slice

    rows = []
    for run in runs:
        asked, summary = run.suite_result, run.summary  # a run without a checkpoint is refused first
        took = (summary.weights, summary.seconds, summary.cpu_seconds) if summary else (None, None, None)
        reached = run.exact_match, worst_slice(asked), asked.total.in_words()
        rows.append((run.folder.name, run.given, run.run.task.draws, *reached, *took))
    names = ["name", "given", "draws", "exact_match", "worst_slice", "wrong", "weights", "seconds", "cpu_seconds"]
    return Table([dict(zip(names, row, strict=True)) for row in rows], names)


class Suite(Tabular, Mapping[str, Table]):
    """The questions of a suite: from the name of a slice to its rows of ``question`` and ``answer``.

    ``suite.score(function)`` asks any function, whatever it is made with. Nothing here needs TensorFlow.
    """

    def __init__(self, slices: dict[str, Table], why: dict[str, str], title: str) -> None:
        self._slices, self._why, self._title = slices, why, title

    def __getitem__(self, name: str) -> Table:
        if name not in self._slices:
            raise InputError(f"there is no slice {name!r}; give one of {', '.join(self._slices)}")
        return self._slices[name]

    def __contains__(self, name: object) -> bool:
        return name in self._slices

    def get(self, name: str, default: Any = None) -> Any:
        """The questions of a slice, or the default if there is no such slice."""
        return self._slices.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    def score(self, function: Callable[[Any], Any], batch_size: int | None = None) -> scoring.SuiteScore:
        """Asks a function each different question once, and scores its answers by slice.

        ``function`` takes a question, such as ``"39+3"``, and returns its answer: ``suite.score(eval)``. With
        ``batch_size=512``, it takes a list of at most 512 questions and returns as many answers, as a model on a GPU
        does. An answer is a string, or a whole number, or None if there is none, which counts as wrong.

        Raises InputError if ``function`` is not one, or returns anything else.
        """
        rows = [scoring.Row(name, **row) for name, of_slice in self.items() for row in of_slice]
        return scoring.score(rows, scoring.ask(function, rows, batch_size))

    def _shown(self) -> Table:
        rows = [{"slice": name, "questions": len(rows), "why": self._why[name]} for name, rows in self.items()]
        return Table(rows, title=self._title)


def suite(
    task: str,
    *,
    digits: int | None = None,
    per_slice: int = 1000,
    seed: int = 0,
    set: str = STANDARD,
    **size: Any,
) -> Suite:
    """The hard questions of a task's suite, with their answers, as ``arith-data suite`` writes them.

    There are at most ``per_slice`` questions per slice, and ``seed`` decides which. ``set`` is ``standard``, or
    ``unforeseen``: slices that were made when the recipes were fixed, on which nobody tunes. Instead of ``digits``, the
    most of an operand, pq has ``dashes``, and modular addition ``modulus``; without it, the size is the task's default.

    Raises InputError if there is no such task, it has no suite, or a value is out of its range.
    """
    from seq2seq_arith.pipelines.suite import build, rows

    asked = named(task, size if digits is None else {"digits": digits, **size})
    built = build(asked, SuiteOptions(per_slice=per_slice, seed=seed, set=set))
    of_slices: dict[str, list[dict[str, str]]] = {name: [] for name in built.pairs}
    for name, question, answer in rows(asked, built):
        of_slices[name].append({"question": question, "answer": answer})
    tables = {name: Table(found, ["question", "answer"], name) for name, found in of_slices.items()}
    why = {each.name: each.why for each in asked.operation.slices(set, asked.digits)}
    return Suite(tables, why, f"suite of {asked.description}: {built.num_questions:,} different questions")
