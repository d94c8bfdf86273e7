"""What was found when the model of a run was asked hard questions, as the run's folder holds it."""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from seq2seq_arith.arithmetic.suites import DEFAULT, STANDARD, version
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import in_words, wrong_of
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.drawing import HeatMap
from seq2seq_arith.trainer.runs import proofs
from seq2seq_arith.trainer.runs.files import read_if_whole, read_json
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the best model of a run was asked."""

    evaluation: dict[str, Any]  # the content of ``evaluation.json``; empty if there is none, or it is damaged
    # The worst slice at the size that the model was trained on, its name and its share of right answers; None if it was
    # not asked, or there is no suite.
    worst: tuple[str, float] | None
    proof: Proof | None  # of the weights that the run has now
    in_full: tuple[str, str] | None  # worst slice and wrong answers; None if not all default questions were asked

    def worst_in_words(self, how: str = "arith-model evaluate does") -> str:
        """The worst slice with its share, or that the model was not asked, and how to; and what was proved."""
        if self.worst:
            said = in_brief(*self.worst)
        elif self.evaluation:
            said = "this task has no hard questions"
        else:
            said = f"not asked hard questions yet: {how}"
        return f"{said}; {'not ' * (not self.proof.holds)}proved: {self.proof.in_brief()}" if self.proof else said


def read(run: Run, best_epoch: int | None) -> Asked:
    """Reads what the weights of a run's best epoch were asked, and not those of a training that has gone on since.

    A damaged file counts as missing: nothing depends on it but what is shown, and evaluating again writes it anew.
    """
    evaluation, worst, summary, is_full = {}, None, None, False
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        found = read_json(run.evaluation, dict[str, Any])
        own = found["suites"][0]  # at the run's own size
        if best_epoch in (None, found.get("best_epoch")):
            worst = own["worst"] and _worst(own["worst"])
            evaluation = found if worst or not own["worst"] else {}
            is_full = bool(evaluation) and _is_full(run, own)
    with contextlib.suppress(InputError):
        summary = Summary.read(run.summary)
    of_end = summary.worst_slice if summary and best_epoch in (None, summary.best_epoch) else None
    if not is_full and (found := _worst(of_end)):  # few questions, or others, do not hide what those of the end found
        evaluation, worst = {}, found
    return Asked(evaluation, worst, proofs.read(run), _in_full(run, evaluation, of_end))


class WrongQuestion(TypedDict):
    """A question that a search found, and by how much the wrong answer was preferred."""

    question: str
    answer: str
    prediction: str
    margin: float


class Searched(TypedDict):
    """What a search at one length found."""

    digits: int
    asked: int
    mistakes: int
    wrong: list[WrongQuestion]


@dataclasses.dataclass(frozen=True)
class Searches:
    """The content of ``search.json``."""

    best_epoch: int | None  # whose weights were asked
    searches: list[Searched]


def searched(run: Run, best_epoch: int | None) -> list[Searched]:
    """What ``arith-model search`` found about the weights of a run's best epoch, by length; none if nothing is known.

    A damaged file counts as missing.
    """
    found = read_if_whole(run.search, Searches, further=True)
    return found.searches if found and best_epoch in (None, found.best_epoch) else []


def maps_of_epochs(rows: Sequence[dict[str, Any]]) -> list[HeatMap]:
    """The scores of every kept epoch as maps: a row per epoch, a column per length."""
    epochs, sizes = (sorted({row[name] for row in rows}) for name in ("epoch", "digits"))
    found = {(row["epoch"], row["digits"]): row for row in rows}

    def values(name: str) -> np.ndarray:
        return np.array([[found[epoch, size][name] for size in sizes] for epoch in epochs])

    return [
        HeatMap(f"exact match of {title}", values(name), epochs, sizes, down="epoch", across="length")
        for name, title in (("exact_match", "all questions"), ("worst", "the worst slice"))
    ]


def _in_full(run: Run, evaluation: dict[str, Any], of_end: Any) -> tuple[str, str] | None:
    """The worst slice and the wrong answers to all default questions, from an evaluation or the end of a training."""
    with contextlib.suppress(LookupError, TypeError, ValueError, ArithmeticError):
        suite = evaluation["suites"][0]
        if _is_full(run, suite) and suite["per_slice"] == DEFAULT.per_slice:
            of_end, asked = suite["worst"], sum(each["questions"] for each in suite["slices"])
            wrong = sum(wrong_of(each["exact_match"], each["questions"]) for each in suite["slices"])
            return in_brief(of_end["name"], of_end["exact_match"]), in_words(wrong, asked)
    with contextlib.suppress(LookupError, TypeError, ValueError, ArithmeticError):
        return in_brief(of_end["name"], of_end["exact_match"]), wrong_in_words(of_end["suite"])


def _is_full(run: Run, suite: dict[str, Any]) -> bool:
    """Whether a suite is the newest, with the default questions, or more of them."""
    newest = version(run.task.operation.slices(STANDARD, run.task.digits))
    return (suite["version"], suite["seed"]) == (newest, DEFAULT.seed) and suite["per_slice"] >= DEFAULT.per_slice


def _worst(found: object) -> tuple[str, float] | None:
    """A worst slice from JSON; None if it is not one."""
    if not isinstance(found, dict):
        return None
    name, share = found.get("name"), found.get("exact_match")
    if isinstance(name, str) and isinstance(share, int | float) and 0 <= share <= 1:
        return name, float(share)
    return None


def wrong_in_words(share: dict[str, Any] | None) -> str:
    """The wrong answers of a slice of ``evaluation.json``, or of a part of it; nothing if it is not known.

    >>> wrong_in_words({"questions": 1000, "exact_match": 1.0}), wrong_in_words({"questions": 0, "exact_match": None})
    ('0 of 1,000 (< 0.30%)', '0 of 0')
    """
    return in_words(wrong_of(share["exact_match"] or 0.0, share["questions"]), share["questions"]) if share else ""


def in_brief(name: str, exact_match: float) -> str:
    """The worst slice in two words: its name and its share of right answers, or that no slice has a mistake.

    >>> in_brief("equal", 0.2809), in_brief("random", 1.0)
    ('equal 0.280', 'each 1.000')
    """
    return f"{'each' if exact_match == 1 else name} {cut(exact_match, 3)}"
