"""What an evaluation from Python found."""

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from seq2seq_arith.arithmetic.suites import SETS
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import interval, wrong_of
from seq2seq_arith.base.options import one_of
from seq2seq_arith.base.tables import Table, Tabular
from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.api.pictures import Picture
from seq2seq_arith.trainer.runs import evaluated

if TYPE_CHECKING:
    from seq2seq_arith.trainer.asking.evaluation import Evaluation
    from seq2seq_arith.trainer.asking.suites import SuiteResult


T = TypeVar("T")


class Slices(Tabular, dict[str, T]):
    """From the name of a slice to what is known of it; raises InputError for any other name."""

    def __missing__(self, name: str) -> NoReturn:
        raise InputError(f"there is no slice {name!r}; {one_of(name, self)}")


class Scores(Slices[dict[str, Any]]):
    """What an evaluation found; it shows itself as a table of the slices, the worst first.

    ``scores["equal"]`` is the row of a slice, at the run's own length.

    Attributes:
      exact_match: The share of right answers on the validation set; None if the run's dataset is no longer there.
      character_accuracy: The share of right characters there, of decoded answers; None likewise.
      slices: A row per slice of the suite at the run's own length: ``slice``, ``questions``, ``exact_match``, the ends
        of its 95% interval ``at_least`` and ``at_most``, ``wrong`` (the first wrong answer) and ``why`` it is hard.
      worst_slice: The row of the worst slice; None for a task without a suite.
      unforeseen: As ``slices``, of those on which nobody tunes; no row for a task that does not have them.
      worst_unforeseen: The row of the worst of them; None if there are none.
      lengths: The slices of every length that was asked: a table like ``slices`` by length, the run's own included.
      epochs: A row per kept epoch and length, if they were asked; ``plot_epochs`` draws them as maps.
      content: All that was found, as ``evaluation.json`` holds it: other sets, tables, first mistakes, other lengths.
      path: The file.
    """

    def __init__(self, found: "Evaluation", content: dict[str, Any]) -> None:
        standard, unforeseen = ([each for each in found.suites if each.chosen.set == set] for set in SETS)
        own = standard[0]
        validation = content["scores"].get("validation", {})
        self.exact_match: float | None = validation.get("exact")
        self.character_accuracy: float | None = validation.get("characters")
        self.lengths = {each.digits: _slices(each) for each in standard}
        self.slices = self.lengths[own.digits]
        self.unforeseen = _slices(unforeseen[0])
        super().__init__({row["slice"]: row for row in (*self.slices, *self.unforeseen)})
        self.worst_slice = self[own.worst.name] if own.worst else None
        self.worst_unforeseen = self[unforeseen[0].worst.name] if unforeseen[0].worst else None
        self.epochs = Table(content.get("epochs", []))
        self.content = content
        self.path = found.run.evaluation

    def plot_epochs(self) -> Picture:
        """Maps of the exact match, of all questions and of the worst slice: a row per epoch, a column per length.

        Raises InputError if they were not asked.
        """
        if not self.epochs:
            raise InputError("the epochs were not asked; give evaluate(every_epoch=True)")
        figure = drawing.maps(evaluated.maps_of_epochs(self.epochs))
        return Picture(figure, f"Exact match of {len(self.epochs)} epochs and lengths.")

    def _shown(self) -> Table:
        examples = self.content["scores"]["validation"]["examples"] if self.exact_match is not None else 0
        of_set = {"set": "", "slice": "validation set", **_share(self.exact_match, examples), "wrong": ""}
        rows = [of_set] * bool(examples)
        for set, slices in zip(SETS, (self.slices, self.unforeseen), strict=True):
            rows += [{"set": set, **row} for row in sorted(slices, key=lambda row: row["exact_match"])]
        return Table(rows, ["set", *self.slices.columns[:-1]], self.slices.title)


def _slices(result: "SuiteResult") -> Table:
    """A row per slice of a suite."""
    rows = [
        {
            "slice": each.name,
            **_share(each.all.exact_match, each.all.count),
            "wrong": each.wrong.sentence(result.task) if each.wrong else "",
            "why": each.why,
        }
        for each in result.slices
    ]
    columns = ["slice", "questions", "exact_match", "at_least", "at_most", "wrong", "why"]
    title = [result.worst_in_words(), *([result.wrong_in_words()] if rows else [])]
    return Table(rows, columns, "\n".join(title))


def _share(exact_match: float | None, asked: int) -> dict[str, Any]:
    """The cells of a share of right answers, with its 95% interval."""
    least, most = interval(asked - wrong_of(exact_match or 0.0, asked), asked)
    return {"questions": asked, "exact_match": exact_match, "at_least": least, "at_most": most}
