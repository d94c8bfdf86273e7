"""Selections, sentences and SVG pictures of the page of a report, computed from its content.

The template calls these functions, and contains the HTML.
"""

import statistics
from collections.abc import Sequence
from typing import Any

from seq2seq_arith.arithmetic.scoring import Share, SliceScore, kind
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.evaluation.evaluation_text import size_in_words
from seq2seq_arith.trainer.evaluation.suites import no_suite
from seq2seq_arith.trainer.evaluation.summary_table import facts
from seq2seq_arith.trainer.reporting.collect import LENGTHS, RunReport, SetAnswers
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs.samples import EpochSamples

EPOCHS_SHOWN = 8  # of the answers after the epochs
CURVES_SIZE = (5.0, 3.4)  # inches: as wide as a phone, so that letters can be read there
TABLE_EPOCHS = 24  # of the tables beside the curves


def tiles(report: RunReport) -> list[tuple[str, str, str]]:
    """Names, figures and sentences: the most independent exact match, the worst slices, the proof, and the hints."""
    if report.sets:  # the last set is the one by which least was chosen
        name, top = list(report.sets.sets.items())[-1]
        figure = cut(top.share.right / top.share.questions, 4)
        note = f"{top.share.right:,} of {top.share.questions:,} answers of the "
        note += f"{name} match exactly ({top.meaning})."
    else:
        figure, note = cut(report.best["val_exact_match"], 4), "On the validation set, in the best epoch."
    rows = [("exact match", figure, note)]
    for set in SETS:
        name = f"worst {kind(set)}slice"
        if worst := report.own(set).worst():
            note = f"{worst.right:,} of {worst.questions:,} questions of the slice {worst.slice} are right."
            note += f" {worst.mistake.sentence()}." if worst.mistake else " No slice is worse."
            rows.append((name, str(worst), note))
        else:
            rows.append((name, "–", f"This task has no {kind(set) or 'suite of hard '}questions."))
    if report.proof:
        sentence = str(report.proof)
        rows.append(("proved", report.proof.in_brief(), f"{sentence[0].upper()}{sentence[1:]}."))
    input_format = report.run.config.model.input_format
    rows.append(("hints", report.run.config.model.hints, f"Its input format is {input_format}."))
    return rows


def compared(runs: Sequence[RunReport]) -> list[tuple[str, list[str]]]:
    """The data, the hints, the scores and the cost of each run: names, and a text per run."""
    columns = []
    for report in runs:
        model = report.run.config.model
        column = {
            "model": f"{model.name}, input format {model.input_format}",
            "trained on": report.task.config_name,
            "hints": model.hints,
            "exact match, validation set": cut(report.best["val_exact_match"], 4),
            "worst slice": report.own(STANDARD).in_brief(),
            "worst held-out slice": report.own(HELD_OUT).in_brief(),
            "epochs": f"{len(report.history)}, best {report.best['epoch']}",
        }
        cost = facts(report.summary) if report.summary else {}
        columns.append(column | {name: value for name, value in cost.items() if name not in ("exact match", "hints")})
    names = dict.fromkeys(name for column in columns for name in column)
    return [(name, [column.get(name, "not known: not finished") for column in columns]) for name in names]


def curves(runs: Sequence[RunReport]) -> list[tuple[str, str]]:
    """The titles of pictures of the histories, and the pictures as SVG."""
    rows = {report.label: report.history for report in runs}
    below = "The table below has the values."
    return [
        (title, figures.inline_svg(history.curves(rows, (column,), CURVES_SIZE), title, f"{meaning} {below}"))
        for title, column, meaning in (
            ("Exact match along the epochs", "exact_match", "Share of answers that match exactly."),
            ("Loss along the epochs", "loss", "Mean cross-entropy per character, on a logarithmic axis."),
        )
    ]


def epochs(report: RunReport) -> list[dict[str, Any]]:
    """Evenly spaced rows of the history, including the best and the last."""
    step, best = -(-len(report.history) // TABLE_EPOCHS), report.best["epoch"]
    return [row for row in report.history if not (len(report.history) - row["epoch"]) % step or row["epoch"] == best]


def shown_epochs(report: RunReport) -> dict[str, EpochSamples]:
    """Some of the epochs with recorded answers, by name: the first, the best, the last, and some between."""
    last, best = len(report.samples) - 1, report.best["epoch"]
    # Denser at first, when most is learned.
    chosen = {round(last * (step / (EPOCHS_SHOWN - 2)) ** 2) for step in range(EPOCHS_SHOWN - 1)}
    return {
        f"epoch {samples.epoch}{' (best)' * (samples.epoch == best)}": samples
        for index, samples in enumerate(report.samples)
        if len(report.samples) <= EPOCHS_SHOWN or index in chosen or samples.epoch == best
    }


def maps(task: Task, sets: SetAnswers) -> list[tuple[str, list[str], list[tuple[str, list[Share | None]]]]]:
    """Exact match by the lengths of both operands, of unseen and of seen questions; empty without two operands.

    Each map has the name of its questions, the lengths, and a row per length of the left operand.
    """
    if task.operation.arity != 2:
        return []
    unseen, seen = sets.unseen[LENGTHS], sets.seen.get(LENGTHS, {})
    names = {name for pair in unseen | seen for name in pair}
    lengths = sorted(names, key=lambda name: int(name.partition("-")[0]))
    maps = []
    for name, shares in (("not seen in training", unseen), ("seen in training", seen)):
        rows = [(_unpadded(left), [shares.get((left, right)) for right in lengths]) for left in lengths]
        maps += [(name, [_unpadded(length) for length in lengths], rows)] * bool(shares)
    return maps


def groups(task: Task, sets: SetAnswers) -> dict[str, list[tuple[str, Share | None, Share | None]]]:
    """Exact match by other groups, by the name of a table: each group, and its unseen and its seen questions."""
    tables = {}
    for name, unseen in sets.unseen.items():
        if name != LENGTHS or task.operation.arity != 2:  # else these are ``maps``
            seen = sets.seen.get(name, {})
            order = sorted(unseen | seen, key=lambda names: [(isinstance(name, str), name) for name in names])
            tables[name] = [(" × ".join(map(_unpadded, names)), unseen.get(names), seen.get(names)) for names in order]
    return tables


def _unpadded(name: Any) -> str:
    """The name of a group, such as `` 1- 2``, without the padding that sorts it."""
    return str(name).replace(" ", "")


def suites(report: RunReport) -> list[dict[str, Any]]:
    """The sets of slices of the run's own suite, the worst slice first; pairs of lengths that are not worse apart."""
    tables = []
    for set in SETS:
        suite = report.own(set)
        if not suite.rows:
            continue
        shown, size = suite.shown(), size_in_words(report.task, report.task.size)
        ordered = suite.worst_first()
        caption = f"{kind(set)}slices at {size}, seed {suite.seed}, version {suite.rows[0].version}"
        tables.append(
            {
                "caption": caption[0].upper() + caption[1:],
                "at_once": [row for row in ordered if row in shown],
                "rest": [row for row in ordered if row not in shown],
                "is_split": suite.knows_seen,
                "facts": f"In all {kind(set)}slices, {'. '.join(suite.facts())}.",
            }
        )
    return tables


def slices_of_all(runs: Sequence[RunReport]) -> list[tuple[str, list[SliceScore | None]]]:
    """For several runs on the same task and size, each slice with the share of each run, the worst first."""
    if len(runs) < 2 or len({(report.task.name, report.task.size) for report in runs}) > 1:
        return []
    names = dict.fromkeys(row.slice for report in runs for row in report.own(STANDARD).shown())
    of_runs = [{row.slice: row for row in report.own(STANDARD).rows} for report in runs]
    rows = [(name, [shares.get(name) for shares in of_runs]) for name in names]
    return sorted(rows, key=lambda row: min(share.exact_match or 0.0 for share in row[1] if share))


def further(report: RunReport) -> dict[str, Any]:
    """A row per length of the suite; or ``why`` there is none, with the ``command`` that evaluates it."""
    task, model, standard = report.task, report.run.config.model, report.scores.select(STANDARD)
    if len(standard.sizes) > 1:
        rows = []
        for (_, size), suite in standard.suites().items():
            rows.append(
                {
                    "size": f"{size_in_words(task, size)}{' (trained)' * (size == task.size)}",
                    "random": next((row for row in suite.rows if row.slice == "random"), suite.rows[0]),
                    "worst": suite.worst(),
                    "held_out": report.scores.select(HELD_OUT, size).in_brief(),
                }
            )
        return {"why": "", "rows": rows}
    command = ""
    if not task.notation.has_lengths or task.size == task.operation.max_size:
        why = f"{task.name} does not have longer operands."
    elif not standard.rows:
        why = f"{no_suite(task)}."
    elif model.own_code:
        why = "No longer questions were evaluated, because a custom model may not read them."
    elif not model.any_length:
        why = f"Model {model.name} has weights for each position, and does not read longer questions."
    else:
        why = "No longer questions were evaluated. This command evaluates them:"
        command = f"arith-model report RUN --lengths {min(2 * task.size, report.run.max_size)}"
    return {"why": why, "command": command}


def cost(report: RunReport) -> dict[str, str]:
    """The cost of training."""
    rates, last = [row["examples_per_second"] for row in report.history], report.history[-1]
    return {
        "examples per second": f"{statistics.median(rates):,.0f} (median of {len(rates)} epochs)",
        "seconds": f"{last['seconds']:,.1f}, from the first step to the last, evaluations included",
        "steps": f"{last['steps']:,} of {report.run.config.batch_size:,} examples"
        + " or more" * bool(report.run.config.batch_doublings),
    }


def parameters(report: RunReport) -> dict[str, str]:
    """The parameters of the dataset, its numbers of examples, and its checksum."""
    return {
        **{name: str(value) for name, value in report.task.parameters().items()},
        "training examples": f"{report.task.num_train:,}",
        "validation examples": f"{report.task.num_validation:,}",
        "sha256 of its metadata": report.run.sha256,
    }
