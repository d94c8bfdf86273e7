"""What was found when the model of a run was asked hard questions, as the run's folder holds it."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.runs import files, history
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary


@dataclasses.dataclass(frozen=True)
class Worst:
    """The worst slice of a suite.

    Attributes:
      name: Its name.
      exact_match: The share of right answers there.
      digits: D of the suite.
    """

    name: str
    exact_match: float
    digits: int


def in_brief(name: str, exact_match: float) -> str:
    """The worst slice in two words: its name and its share of right answers, or that no slice has a mistake.

    >>> in_brief("equal", 0.2809), in_brief("random", 1.0)
    ('equal 0.280', 'each 1.000')
    """
    return f"{'each' if exact_match == 1 else name} {cut(exact_match, 3)}"


def read(run: Run) -> dict[str, Any]:
    """What ``evaluation.json`` holds; nothing if the run's best model was not evaluated, or the file is damaged.

    Nothing depends on it but what is shown, and evaluating again writes it anew.
    """
    try:
        found = json.loads(files.read(run.evaluation))
        is_whole = not found.get("worst_slice") or _worst(found["worst_slice"])
        return found if is_whole and _is_of_best(run, found.get("best_epoch")) else {}
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, InputError):
        return {}


def _is_of_best(run: Run, epoch: int | None) -> bool:
    """Whether the weights after this epoch are the best ones still, and not those of a training that has gone on.

    Raises:
      InputError: The history is damaged.
    """
    best = history.best(history.read_csv(run.history))
    return best is None or epoch == best["epoch"]


def worst(run: Run) -> Worst | None:
    """The worst slice at the size that the model was trained on, as ``evaluate`` has found it, or the training's end.

    None if nobody has asked, or the task has no suite.
    """
    return next(filter(None, map(_worst, _found(run))), None)


def _found(run: Run) -> Iterator[object]:
    """What stands for the worst slice in the run's folder, the best source first."""
    found = read(run)
    suites = found.get("suites")
    if isinstance(suites, list) and suites and isinstance(suites[0], dict) and isinstance(suites[0].get("worst"), dict):
        yield suites[0]["worst"] | {"digits": suites[0].get("digits")}  # the run's own size comes first
    yield found.get("worst_slice")
    try:
        summary = Summary.read(run.summary)
        if summary and _is_of_best(run, summary.best_epoch):
            yield summary.worst_slice
    except InputError:
        return


def _worst(found: object) -> Worst | None:
    """A worst slice from JSON; None if it is none."""
    if not isinstance(found, dict):
        return None
    name, share, digits = (found.get(field) for field in ("name", "exact_match", "digits"))
    if isinstance(name, str) and isinstance(share, int | float) and isinstance(digits, int):
        return Worst(name, float(share), digits)
    return None
