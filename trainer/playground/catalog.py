"""The runs of the playground, with their hard questions and lengths; nothing in this module imports TensorFlow."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from seq2seq_arith.arithmetic import numbers, suites, text
from seq2seq_arith.arithmetic.scoring import Scores
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.checks import check_choice
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import shortened
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import checkpoints, evaluated, history, listing, proofs
from seq2seq_arith.trainer.runs.run import Run, open_run

PACKAGE = Path(__file__).parents[1]  # of which some runs are a part
# The maximum number of characters of a question that is longer than the trained ones. The second is for autoregressive
# models, and those whose work grows with the square of the length.
MAX_CHARACTERS, MAX_CHARACTERS_SLOW = 4001, 201
# A model breaks at a length if the exact match of its worst slice is lower.
BROKEN = 0.9
# The lengths at which a model is evaluated, as multiples of its own.
LONGER = (1.5, 2, 3, 4, 6, 8, 12, 16)


def listed(top: Path, describe: Callable[[str, Run], dict[str, Any]]) -> dict[str, Any]:
    """All runs below a folder as they are now, each as ``describe(name, run)``, which begins with its ``offer``.

    A run for which it raises an error, and a folder without runs, are among the ``refused`` ones, with the reason.
    """
    runs, refused = [], []
    try:
        folders = listing.folders(top)
    except InputError as error:
        folders, refused = {}, [{"name": str(top), "why": str(error)}]
    for name, folder in folders.items():
        try:
            runs.append(describe(name, opened(folder)))
        except Exception as error:
            refused.append({"name": name, "why": listing.why(error)})
    return page_data(runs, refused)


def page_data(runs: list[dict[str, Any]], refused: list[dict[str, str]]) -> dict[str, Any]:
    """The data of the page: the runs, and the constants that it shares with this program."""
    return {"runs": runs, "refused": refused, "broken": BROKEN, "blank": text.VISIBLE_PAD}


def opened(folder: Path) -> Run:
    """The run in a folder; raises InputError if it contains a link, or its code may not run."""
    listing.refuse_links(folder)
    run = open_run(folder)
    for plugin in run.config.model.own_code:
        _ = plugin.code  # raises InputError for code that may not run
    return run


def offer(name: str, run: Run) -> dict[str, Any]:
    """The facts of a run that the page shows; raises InputError if it has no checkpoint."""
    task, model = run.task, run.config.model
    arrays, state = load(run.best)
    best = _best_epoch(state)
    best_row = history.best(history.of_run(run))
    scores = _scores(run, best)
    return {
        "name": name,  # its folder, below the folder of all runs
        "task": task.name,
        "model": model.name.rpartition("/")[2],
        "input_format": model.input_format,
        "hints": model.hints(task),
        "operands": task.notation.describe(task.size),
        "units": task.notation.characters,  # the unit of the length of an operand
        "size": task.size,
        "symbol": task.operation.symbol,
        "equals": task.notation.equals,
        "example": text.example(task),
        "character_by_character": model.entry.autoregressive,  # whether the model reads what it has written
        "num_weights": sum(array.size for array in arrays.values()),
        "trained_on": trained_on(run),
        "validation": best_row["val_exact_match"] if best_row else None,  # the exact match in the best epoch
        "epochs": _epochs(run, best),
        "worst": _worst(scores),
        "proof": _proof(run),
        "wrong": list(_wrong(run, best)),
        "hard": list(_hard(task, scores)),
        "python": _python(run, name),
        # The lengths at which it can be evaluated; empty if the task has no lengths.
        "lengths": lengths(run) if task.notation.has_lengths and list(task.operation.suite(task.size)) else [],
    }


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The weights in a checkpoint, without other variables such as the states of random generators; and its state."""
    arrays, state = checkpoints.load(path)
    return {name: array for name, array in arrays.items() if array.dtype.kind == "f"}, state


def trained_on(run: Run) -> str:
    """The training data in words, such as "45,000 random pairs of at most 5 digits", and rounds of counterexamples."""
    task = run.task
    rounds = max((row["round"] for row in history.of_run(run)), default=0)
    kind = "structured" if task.draws == "structured" else "random"
    examples = "pairs" if task.operation.arity == 2 else "questions"
    count = "an endless stream of" if run.config.stream else f"{task.num_train:,}"
    then = f", then {rounds} {'round' if rounds == 1 else 'rounds'} of counterexamples" if rounds else ""
    return f"{count} {kind} {examples} of {task.notation.describe(task.size)}{then}"


def _best_epoch(state: dict[str, Any]) -> int | None:
    """The epoch of the best checkpoint, from its state; None if that does not say it."""
    return state["row"].get("epoch") if isinstance(state.get("row"), dict) else None


def _epochs(run: Run, best: int | None) -> list[dict[str, Any]]:
    """The epochs whose weights are kept; the exact match is None where the history lacks it."""
    rows = {row["epoch"]: row["val_exact_match"] for row in history.of_run(run)}
    return [{"epoch": epoch, "exact_match": rows.get(epoch), "is_best": epoch == best} for epoch in run.kept_epochs]


def _scores(run: Run, best: int | None) -> Scores | None:
    """The scores of the best weights on the suite at the run's own size; None if they were not evaluated."""
    scores = evaluated.read(run, best)
    return scores and scores.select(STANDARD, run.task.size)


def _worst(scores: Scores | None) -> dict[str, Any] | None:
    worst = scores and scores.worst()
    return worst and {"slice": worst.slice, "exact_match": worst.exact_match, "why": worst.why}


def _proof(run: Run) -> dict[str, Any] | None:
    """The proof of the best weights, as the page shows it; None if there is none."""
    proof = proofs.read(run)
    if proof is None:
        return None
    shortest = proof.counterexample
    return {
        "holds": proof.holds,
        "reach": proof.in_brief(),
        "cases": proof.cases,
        "states": proof.states,
        "counterexample": shortest and dataclasses.asdict(shortest),
    }


def _wrong(run: Run, best: int | None) -> Iterator[str]:
    """Questions that the best weights answer wrong: those that a proof and a search found."""
    proof = proofs.read(run)
    if proof and proof.counterexample and not proof.counterexample.right:
        yield proof.counterexample.question
    for searched in evaluated.searched(run, best):
        yield from (shortened(wrong["question"]) for wrong in searched["wrong"])


def _python(run: Run, name: str) -> str:
    """The expression that opens a run in Python; without the folders of this machine, which a page may not tell."""
    if run.folder.is_relative_to(PACKAGE):
        return f"sa.pretrained({json.dumps(run.folder.name)})"
    return f"sa.open_run({json.dumps(name if run.folder.is_absolute() else str(run.folder))})"


def _hard(task: Task, scores: Scores | None) -> Iterator[dict[str, Any]]:
    """A question of each slice of the suite, and why it is hard: one with a wrong answer, if ``scores`` has one."""
    mistakes = {row.slice: row.mistake.question for row in (scores.rows if scores else ()) if row.mistake}
    for slice in task.operation.suite(task.size):
        question = mistakes.get(slice.name) or _first(task, slice)
        if question:
            facts = {"slice": slice.name, "question": shortened(question), "why": slice.why}
            yield facts | {"is_mistake": slice.name in mistakes}


def _first(task: Task, slice: suites.Slice) -> str:
    """The first question of a slice; empty if it has none."""
    pairs = suites.pairs(task.name, task.size, slice, count=1)
    if not pairs:
        return ""
    operands = (numbers.from_ints([side], task.notation.words(task.size)) for side in pairs[0])
    (stored,) = text.to_strings(text.questions(task, *operands))
    return text.written(stored, task)


def max_size(run: Run) -> int:
    """The maximum length of operands on the page: never less than that of training."""
    model = run.config.model
    # A custom model may be of any kind.
    slow = model.name not in MODELS or model.entry.autoregressive or model.has("heads")
    most = MAX_CHARACTERS_SLOW if slow else MAX_CHARACTERS
    return max(run.task.size, min(run.max_size, most // 2))


def lengths(run: Run) -> list[int]:
    """The lengths of operands at which the page evaluates a model: all up to ten, and some beyond.

    For training on at most 3 digits, and a model that reads any length::

        1  2  3 | 4  5  6  7  8  9  10  12  18  24  36  48
    """
    own, most = run.task.size, max_size(run)
    shorter = {step * 10**power for power in range(len(str(own))) for step in (1, 2, 5)} | {own - 1, own}
    longer = {own + more for more in (1, 2, 3)} | {int(own * factor) for factor in LONGER}
    candidates = {*range(1, 11)} | {length for length in shorter if length <= own}
    candidates |= {length for length in longer if own < length}
    return sorted(length for length in candidates if 0 < length <= most)


def asked(top: Path, words: Sequence[str]) -> str:
    """The fields of the page's address for a question, the last word, to one or two runs, the words before it.

    Raises InputError if there are fewer or more words, there is no such run, or it is not a question of its task.
    """
    *names, question = words
    if not 1 <= len(names) <= 2:
        raise InputError("--question requires one or two runs, and a question; give --question RUN QUESTION")
    folders = listing.folders(top)
    for name in names:
        check_choice("run", name, tuple(folders))
    read(question, *(open_run(folders[name]) for name in names))
    return urlencode(dict(zip(("run", "beside"), names, strict=False)) | {"question": question})


def read(question: str, run: Run, *others: Run) -> text.Question:
    """Parses a question as people type it, for runs of one task; raises InputError if a model cannot read it."""
    if len(tasks := {reader.task.name for reader in (run, *others)}) > 1:
        raise InputError(f"the runs are of {' and '.join(sorted(tasks))}; give runs of one task, for one question")
    for other in others:
        read(question, other)
    task, most = run.task, max_size(run)
    longest = max(map(len, text.typed_operands(question, task)))
    if most < longest <= run.max_size:
        raise InputError(
            f"the question has an operand of {longest:,} {task.notation.characters}, and this page allows "
            f"at most {most:,} for this model; arith-model predict answers longer questions"
        )
    return text.parse(question, task, most)
