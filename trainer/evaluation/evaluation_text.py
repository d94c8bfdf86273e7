"""The text of an evaluation, as ``arith-model evaluate`` prints it."""

import dataclasses

from seq2seq_arith.arithmetic.scoring import Scores, kind
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.intervals import in_words, wrong_of
from seq2seq_arith.base.tables import cut, shortened, table
from seq2seq_arith.trainer.evaluation.suites import no_suite
from seq2seq_arith.trainer.runs.evaluated import Evaluation


def text(evaluation: Evaluation, task: Task) -> str:
    """All of an evaluation except its ``conclusion``."""
    suites = [line for set in SETS for line in suites_in_words(task, evaluation.scores.select(set))]
    return "\n".join([*sets_in_words(evaluation), *suites, *epochs_in_words(evaluation)])


def conclusion(task: Task, scores: Scores) -> str:
    """The worst slice of each suite, those of the held-out sets first: the most important line is the last."""
    standard, lines = scores.select(STANDARD), []
    for (_, size), suite in (scores.select(HELD_OUT).suites() | standard.suites()).items():
        where = f"at {size_in_words(task, size)}, " if len(standard.sizes) > 1 else ""
        lines.append(f"{where}{suite.worst_in_words()}")
    return "\n".join(lines if standard.rows else [*lines, no_suite(task)])


def size_in_words(task: Task, size: int | None) -> str:
    """The D of a suite in words."""
    return f"{size:,} {task.notation.unit}"


def sets_in_words(evaluation: Evaluation) -> list[str]:
    """The scores of the sets, the notes, the tables and the first mistakes."""
    rows = [
        [name, cut(s.exact_match, 5), in_words(s.wrong, s.examples), f"{s.character_accuracy:.5f}", f"{s.loss:.5f}"]
        for name, s in evaluation.sets.items()
    ]
    lines = [table(["set", "exact match", "wrong", "decoded characters right", "loss"], rows)] if rows else []
    lines += evaluation.notes
    for name, groups in evaluation.tables.items():
        header = [key for key in groups[0] if key not in ("examples", "exact_match")]
        rows = [[*(group[key] for key in header), *_share(group["exact_match"], group["examples"])] for group in groups]
        lines += [f"\nexact match by {name}", table([*header, "exact match", "wrong"], rows)]
    if evaluation.mistakes:
        rows = [[shortened(text or "") for text in dataclasses.astuple(mistake)] for mistake in evaluation.mistakes]
        return [*lines, "\nfirst mistakes", table(["question", "answer", "prediction"], rows)]
    return [*lines, *["\nno mistakes on the validation set"] * bool(evaluation.sets)]


def suites_in_words(task: Task, scores: Scores) -> list[str]:
    """A table of the slices of each suite; of the pairs of lengths, only the worst ones."""
    lines = []
    for (set, size), suite in scores.suites().items():
        drawn = f"up to {suite.per_slice:,} per slice, seed {suite.seed}, version {suite.rows[0].version}"
        questions = f"{size_in_words(task, size)}: {suite.total().questions:,} questions"
        lines += [f"\n{kind(set)}suite of {task.name} at {questions}, {drawn}", suite.table(), *suite.facts()]
    return lines


def epochs_in_words(evaluation: Evaluation) -> list[str]:
    """A table of every kept epoch, if they were evaluated."""
    if not evaluation.by_epoch:
        return []
    sizes = list(dict.fromkeys(row["digits"] for row in evaluation.by_epoch))
    lines: dict[str, list[str]] = {}
    for row in evaluation.by_epoch:
        name = f"{row['epoch']}{' (best)' * (row['epoch'] == evaluation.best_epoch)}"
        cell = f"{cut(row['exact_match'], 3)} / {cut(row['worst'], 3)} ({row['worst_slice']})"
        lines.setdefault(name, []).append(cell)
    return [
        "\nevery kept epoch, by length: exact match of all questions / of the worst slice",
        table(["epoch", *(f"at {size}" for size in sizes)], [[name, *cells] for name, cells in lines.items()]),
    ]


def _share(exact_match: float, examples: int) -> list[str]:
    return [cut(exact_match, 5), in_words(wrong_of(exact_match, examples), examples)]
