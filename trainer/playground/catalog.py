"""Which runs the playground offers, and what can be asked of each; nothing here imports TensorFlow."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic import numbers, suites, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import shortened
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import checkpoints, history, listing
from seq2seq_arith.trainer.runs.run import Run, open_run

# A question that is longer than those of the training has at most so many characters. The second is for models whose
# work grows with the square of the length, or that write character by character.
MOST_CHARACTERS, MOST_CHARACTERS_SLOW = 4001, 201


@dataclasses.dataclass(frozen=True, kw_only=True)
class Offer:
    """A run that can be asked: names of its task, model and view, as in the run's summary, and what the page needs."""

    name: str  # its folder, below the folder of all runs
    task: str
    model: str
    view: str
    given: str
    size: str  # the longest operands in words, such as ``at most 3 digits``
    units: str  # what the length of an operand is counted in
    digits: int  # D of the training
    symbol: str  # between the operands
    equals: str  # between a question and its answer
    example: str  # a question
    character_by_character: bool  # whether the model reads what it has written
    # Those whose weights are kept, each with ``epoch``, ``exact_match`` (None where the history does not have it) and
    # ``is_best``; without any, only the best weights can be asked.
    epochs: list[dict[str, Any]]
    hard: list[dict[str, str]]  # a ``question`` of each ``slice`` of the suite, and ``why`` it is hard


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refused:
    """A run that cannot be asked, and the sentence that says why."""

    name: str
    why: str


def listed(top: Path) -> dict[str, Any]:
    """All runs as they are now, for a training may be going on, and what the page has to know.

    Raises InputError if the folder is no longer there, or has no run in it.
    """
    found = [offer(name, folder) for name, folder in listing.folders(top).items()]
    runs, refused = ([vars(each) for each in found if isinstance(each, kind)] for kind in (Offer, Refused))
    return page_data(runs, refused)


def page_data(runs: list[dict[str, Any]], refused: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page gets: the runs, and the constants that it shares with this program."""
    return {"runs": runs, "refused": refused, "blank": text.VISIBLE_PAD}


def offer(name: str, folder: Path) -> Offer | Refused:
    """What can be asked of a run, or why nothing can."""
    try:
        run = open_run(folder)
        model = run.config.model
        known = {plugins.MODEL: model.code_sha256, plugins.VIEW: model.view_sha256}
        for kind, code in model.own_code.items():
            plugins.load(code, known[kind], kind)  # refuses code that may not run
        return _offer(name, run)
    except InputError as error:
        return Refused(name=name, why=str(error))


def _offer(name: str, run: Run) -> Offer:
    task, model = run.task, run.config.model
    return Offer(
        name=name,
        task=task.name,
        model=model.name.rpartition("/")[2],
        view=model.view,
        given=model.given,
        size=task.notation.describe(task.digits),
        units=task.notation.characters,
        digits=task.digits,
        symbol=task.operation.symbol,
        equals=task.notation.equals,
        example=text.example(task),
        character_by_character=model.entry.autoregressive,
        epochs=_epochs(run),
        hard=list(_hard(task)),
    )


def _epochs(run: Run) -> list[dict[str, Any]]:
    rows = {row["epoch"]: row["val_exact_match"] for row in history.read_csv(run.history)}
    _, state = checkpoints.load(run.best)
    best = state["row"]["epoch"] if isinstance(state.get("row"), dict) else None
    return [{"epoch": each, "exact_match": rows.get(each), "is_best": each == best} for each in run.kept_epochs]


def _hard(task: Task) -> Iterator[dict[str, str]]:
    """A question of each slice of the suite."""
    for each in task.operation.suite(task.digits):
        pairs = suites.pairs(task.name, task.digits, each, count=1)
        if pairs:
            left, right = (numbers.from_ints([side], task.notation.words(task.digits)) for side in pairs[0])
            stored = text.questions(task, left, right)[0].tobytes().decode("ascii")
            yield {"slice": each.name, "question": shortened(text.written(stored, task)), "why": each.why}


def most_digits(run: Run) -> int:
    """The longest operands that the page asks a run about: never less than those of its training."""
    model = run.config.model
    # A model of someone's own may be of any kind.
    slow = model.name not in MODELS or model.entry.autoregressive or model.entry.heads
    most = MOST_CHARACTERS_SLOW if slow else MOST_CHARACTERS
    return max(run.task.digits, min(run.most_digits, most // 2))


def read(question: str, run: Run) -> text.Question:
    """Reads a question as a person types it; raises InputError if it is not one of the task, or is too long."""
    task, most = run.task, most_digits(run)
    longest = max(map(len, text.typed_operands(question, task)))
    if most < longest <= run.most_digits:
        raise InputError(
            f"the question has an operand of {longest:,} {task.notation.characters}, and this page asks this model "
            f"about at most {most:,}; arith-model predict asks about longer ones"
        )
    return text.parse(question, task, most)
