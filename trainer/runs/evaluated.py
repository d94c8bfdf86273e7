"""The results of evaluating the model of a run, as the run's folder contains them.

Scores are those of ``evaluation.json``, or, if the best model was not evaluated, of the end of its training in
``summary.json``. Both hold the same table, ``arithmetic.scoring.Scores``.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from seq2seq_arith.arithmetic.scoring import Mistake, Scores
from seq2seq_arith.arithmetic.suites import DEFAULT, HELD_OUT, SETS, STANDARD, version
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import interval, wrong_of
from seq2seq_arith.base.tables import Table, Tabular
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.figures import HeatMap, Picture
from seq2seq_arith.trainer.runs.files import read_if_whole, write_json
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary

# The version of ``evaluation.json``. A file of another version counts as missing: the next evaluation writes it again.
FORMAT = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetScore:
    """The scores of a set of examples."""

    examples: int  #: their number
    exact_match: float  #: the share of answers that are right as a whole
    character_accuracy: float  #: the share of right characters in decoded answers
    loss: float  #: the mean cross-entropy per character, in nats

    def cells(self) -> dict[str, Any]:
        """The figures as those of a slice."""
        least, most = interval(self.examples - self.wrong, self.examples)
        return {"questions": self.examples, "exact_match": self.exact_match, "at_least": least, "at_most": most}

    @property
    def wrong(self) -> int:
        return wrong_of(self.exact_match, self.examples)


class EpochScore(TypedDict):
    """The scores of the suite at one length, for the weights after an epoch."""

    epoch: int
    digits: int  # the size of the task, as files call it
    questions: int
    exact_match: float  # of all slices together
    worst: float  # of the worst slice
    worst_slice: str  # its name


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation(Tabular):
    """The results of an evaluation; it displays as a table of the slices, the worst first.

    ``scores["equal"]`` is the row of a slice, at the run's own length.
    """

    format: int = FORMAT  #: the version of the file's format
    path: Path = Path("evaluation.json")  #: the file; a shipped run does not have it
    size: int  #: the size on which the run was trained, such as the maximum number of digits of an operand
    data: dict[str, Any]  #: the ``parameters`` of the dataset, and the ``sha256`` of its metadata, None if it is gone
    best_epoch: int | None  #: the epoch whose weights were evaluated; None if there is no history
    hints: str  #: what the input format and the encoding reveal about the solution
    notes: tuple[str, ...]  #: remarks on the figures
    sets: dict[str, SetScore]  #: the scores of the sets of the dataset, ``validation`` first; none if it is gone
    tables: dict[str, list[dict[str, Any]]]  #: exact match on the validation set by groups, by the name of a table
    mistakes: tuple[Mistake, ...]  #: the first ones on the validation set
    scores: Scores  #: the scores of the suite at each length, and of its held-out set
    by_epoch: tuple[EpochScore, ...] = ()  #: the scores of the suite for every kept epoch
    waves: dict[str, Any] = dataclasses.field(default_factory=dict)  #: the frequencies with which a network adds mod n
    proof: dict[str, Any] | None = None  #: the proof of these weights

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise InputError(f"it has format {self.format}, and this version reads {FORMAT}; evaluate the run again")

    @property
    def exact_match(self) -> float | None:
        """The share of right answers on the validation set; None if the run's dataset is no longer there."""
        return self.sets["validation"].exact_match if self.sets else None

    @property
    def character_accuracy(self) -> float | None:
        """The share of right characters there, of decoded answers; None likewise."""
        return self.sets["validation"].character_accuracy if self.sets else None

    @property
    def slices(self) -> Table:
        """A row per slice of the suite at the run's own length: ``slice``, ``questions``, ``exact_match``, the ends of
        its 95% interval ``at_least`` and ``at_most``, ``wrong`` (the first wrong answer) and ``why`` it is hard.
        """
        return self.scores.select(STANDARD, self.size).slices

    @property
    def worst_slice(self) -> dict[str, Any] | None:
        """The row of the worst slice; None for a task without a suite."""
        return self.scores.select(STANDARD, self.size).worst_slice

    @property
    def held_out(self) -> Table:
        """As ``slices``, of those on which nobody tunes; no row for a task that does not have them."""
        return self.scores.select(HELD_OUT, self.size).slices

    @property
    def worst_held_out(self) -> dict[str, Any] | None:
        """The row of the worst of them; None if there are none."""
        return self.scores.select(HELD_OUT, self.size).worst_slice

    @property
    def lengths(self) -> dict[int, Table]:
        """The slices of every length that was evaluated: a table like ``slices`` per length, the run's own included."""
        standard = self.scores.select(STANDARD)
        return {size: standard.select(size=size).slices for size in standard.sizes if size is not None}

    @property
    def epochs(self) -> Table:
        """A row per kept epoch and length, if they were evaluated; ``plot_epochs`` draws them as maps."""
        return Table(self.by_epoch, list(EpochScore.__annotations__))

    @property
    def content(self) -> dict[str, Any]:
        """All results, as ``evaluation.json`` contains them."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "path"}
        values |= {name: list(values[name]) for name in ("notes", "by_epoch")}
        values |= {"mistakes": [dataclasses.asdict(mistake) for mistake in self.mistakes]}
        values |= {"sets": {name: dataclasses.asdict(score) for name, score in self.sets.items()}}
        return values | {"scores": values.pop("scores").to_json()}  # the slices last

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.scores.select(size=self.size)[name]

    def plot_epochs(self) -> Picture:
        """Maps of the exact match, of all questions and of the worst slice: a row per epoch, a column per length.

        Raises InputError if they were not evaluated.
        """
        if not self.by_epoch:
            raise InputError("the epochs were not evaluated; give evaluate(every_epoch=True)")
        epochs, sizes = (sorted({row[name] for row in self.by_epoch}) for name in ("epoch", "digits"))
        rows = {(row["epoch"], row["digits"]): row for row in self.by_epoch}
        maps = []
        for name, title in (("exact_match", "all questions"), ("worst", "the worst slice")):
            values = np.array([[rows[epoch, size][name] for size in sizes] for epoch in epochs])
            maps.append(HeatMap(f"exact match of {title}", values, epochs, sizes, down="epoch", across="length"))
        return Picture(figures.maps(maps), f"Exact match of {len(self.by_epoch)} epochs and lengths.")

    def write(self) -> None:
        """Writes ``evaluation.json``; raises WriteError if that fails."""
        write_json(self.path, self.content)

    def _shown(self) -> Table:
        rows = []
        if "validation" in self.sets:
            rows.append({"set": "", "slice": "validation set", **self.sets["validation"].cells(), "wrong": ""})
        for set in SETS:
            slices = self.scores.select(set, self.size).slices
            rows += [{"set": set, **row} for row in sorted(slices, key=lambda row: row["exact_match"])]
        return Table(rows, ["set", *self.slices.columns[:-1]], self.slices.title)


def evaluation_of(run: Run) -> Evaluation | None:
    """The content of ``evaluation.json``; None if it is missing, damaged, or of another version."""
    evaluation = read_if_whole(run.evaluation, Evaluation)
    return evaluation and dataclasses.replace(evaluation, path=run.evaluation)


def read(run: Run, best_epoch: int | None) -> Scores | None:
    """The scores of the weights of a run's best epoch, not of weights that a resumed training has replaced since.

    An evaluation comes first, unless it had few questions, or others, and the end of the training all default ones.

    Returns None if the model was not evaluated. A damaged file counts as missing, and so does one of another version:
    it is only displayed, and evaluating again replaces it.
    """
    stored = list(_stored_scores(run, best_epoch))
    full = (scores for scores in stored if _is_full(run, scores))
    return next(full, stored[0] if stored else None)


def in_full(run: Run, best_epoch: int | None) -> Scores | None:
    """The scores of exactly the default questions, at the run's own size; None if there are none."""
    own = (scores.select(STANDARD, run.task.size) for scores in _stored_scores(run, best_epoch))
    return next((scores for scores in own if _is_full(run, scores) and scores.per_slice == DEFAULT.per_slice), None)


def worst_in_words(
    run: Run, scores: Scores | None, proof: Proof | None, advice: str = "arith-model evaluate does"
) -> str:
    """The worst slice with its accuracy, or that it was not evaluated, with advice; and what was proved."""
    if scores is None:
        worst = f"not evaluated on hard questions yet: {advice}"
    else:
        own = scores.select(STANDARD, run.task.size)
        worst = own.in_brief() if own.rows else "this task has no hard questions"
    return f"{worst}; {'not ' * (not proof.holds)}proved: {proof.in_brief()}" if proof else worst


def _stored_scores(run: Run, best_epoch: int | None) -> Iterator[Scores]:
    """The scores of the weights of a run's best epoch: first those of its evaluation, then those of its training."""
    evaluation = evaluation_of(run)
    if evaluation and best_epoch in (None, evaluation.best_epoch):
        yield evaluation.scores
    summary = read_if_whole(run.summary, Summary, further=True)
    if summary and summary.scores and best_epoch in (None, summary.best_epoch):
        yield summary.scores


def _is_full(run: Run, scores: Scores) -> bool:
    """Whether the scores are of the newest version of the suite at the run's own size, with all default questions."""
    newest = version(run.task.operation.slices(STANDARD, run.task.size))
    versions = {row.version for row in scores.select(STANDARD, run.task.size).rows}
    has_all = scores.seed == DEFAULT.seed and (scores.per_slice or 0) >= DEFAULT.per_slice
    return has_all and versions <= {newest}


class WrongQuestion(TypedDict):
    """A question that a search found, and the margin by which the wrong answer was preferred."""

    question: str
    answer: str
    prediction: str
    margin: float


class Searched(TypedDict):
    """What a search at one length found."""

    digits: int  # the size of the task, as files call it
    asked: int
    mistakes: int
    wrong: list[WrongQuestion]


@dataclasses.dataclass(frozen=True)
class Searches:
    """The content of ``search.json``."""

    best_epoch: int | None  # the epoch whose weights were searched
    searches: list[Searched]


def searched(run: Run, best_epoch: int | None) -> list[Searched]:
    """The results of ``arith-model search`` for the weights of a run's best epoch, by length; none if there are none.

    A damaged file counts as missing.
    """
    content = read_if_whole(run.search, Searches, further=True)
    return content.searches if content and best_epoch in (None, content.best_epoch) else []
