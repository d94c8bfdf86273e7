"""Selections, sentences and SVG pictures of the page of a report, computed from its content.

The template calls these functions, and contains the HTML.
"""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from seq2seq_arith.arithmetic.scoring import Share, SliceScore, kind
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.evaluation.evaluation_text import size_in_words
from seq2seq_arith.trainer.evaluation.suites import no_suite
from seq2seq_arith.trainer.evaluation.summary_table import facts
from seq2seq_arith.trainer.reporting.collect import LENGTHS, RunReport, SetAnswers, SetResult
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs.samples import EpochSamples
from seq2seq_arith.trainer.training import describe
from seq2seq_arith.trainer.training.describe import Layer

EPOCHS_SHOWN = 8  # of the answers after the epochs
CURVES_SIZE = (5.0, 3.4)  # inches: as wide as a phone, so that letters can be read there
SLICES_SHOWN = 10  # with a mistake; the others are folded
TABLE_EPOCHS = 24  # of the tables beside the curves


@dataclasses.dataclass(frozen=True)
class Finding:
    """A result of a run, such as the worst slice: its name, its figure, and a sentence."""

    name: str
    figure: str
    sentence: str
    is_wrong: bool  # whether a question is answered wrong; what is wrong stands first on the page


def findings(report: RunReport) -> list[Finding]:
    """The results of a run: the exact match by which least was chosen, the worst slices, longer operands, the proof."""
    rows = [_exact_match(report), *(_worst_slice(report, set) for set in SETS if report.own(set).rows)]
    longer = [size for size in report.scores.sizes if size is not None and size > report.task.size]
    if longer:
        rows.append(_longer(report, longer))
    if report.proof:
        sentence = f"{capitalized(str(report.proof))}."
        rows.append(Finding("proof", report.proof.in_brief(), sentence, report.proof.counterexample is not None))
    rows += [
        Finding("search", f"{searched['mistakes']:,} found", f"{search_in_words(searched)}.", True)
        for searched in report.searched
        if searched["mistakes"]
    ]
    return sorted(rows, key=lambda finding: not finding.is_wrong)


def _exact_match(report: RunReport) -> Finding:
    """The exact match on the test set; without it, that on the validation set, by which the best epoch was chosen."""
    if not report.sets:
        figure = cut(report.best["val_exact_match"], 4)
        sentence = f"{figure} of the answers to the validation set match exactly, in the best epoch."
        return Finding("exact match", figure, sentence, report.best["val_exact_match"] < 1)
    name, result = list(report.sets.sets.items())[-1]
    right = f"{result.share.right:,} of {result.share.questions:,} answers of the {name} match exactly"
    figure = cut(result.share.exact_match or 0.0, 4)
    return Finding("exact match", figure, f"{right} ({result.meaning}).", result.share.wrong > 0)


def _worst_slice(report: RunReport, set: str) -> Finding:
    worst, name = report.own(set).worst(), f"worst {kind(set)}slice"
    assert worst
    if not worst.wrong:
        number = len(report.own(set).rows)
        return Finding(name, str(worst), f"None of the {number} {kind(set)}slices has a mistake.", False)
    sentence = f"{worst.right:,} of {worst.questions:,} questions of the slice {worst.slice} are right."
    mistake = f" {worst.mistake.sentence()}." if worst.mistake else ""
    return Finding(name, str(worst), sentence + mistake, True)


def _longer(report: RunReport, sizes: Sequence[int]) -> Finding:
    """The first length beyond the trained one with a mistake, or that there is none."""
    for size in sizes:
        worst = report.scores.select(STANDARD, size).worst()
        if worst and worst.wrong:
            mistake = f": {worst.mistake.sentence()}" if worst.mistake else ""
            sentence = f"The slice {worst.slice} of {size_in_words(report.task, size)}{mistake}."
            return Finding("longer operands", str(worst), sentence, True)
    lengths = " and ".join(f"{size:,}" for size in sizes)
    sentence = f"No mistake in the slices of {lengths} {report.task.notation.unit}."
    return Finding("longer operands", "1.000", sentence, False)


def search_in_words(searched: Any) -> str:
    """What a search by ``arith-model search`` asked and found, in words."""
    where = f"by arith-model search, of {searched['asked']:,} questions at D = {searched['digits']:,}"
    if not searched["wrong"]:
        return f"No mistake was found {where}, which proves nothing about other questions"
    return f"{searched['mistakes']:,} mistakes were found {where}"


def without_mistake(report: RunReport) -> str:
    """The results of a run without a mistake, in one line; empty if there are none."""
    return " ".join(finding.sentence for finding in findings(report) if not finding.is_wrong)


def capitalized(sentence: str) -> str:
    """A sentence that begins with a capital letter; the rest of it stays."""
    return sentence[:1].upper() + sentence[1:]


def left_out(runs: Sequence[RunReport]) -> list[str]:
    """What the page does not have, and why, as sentences: each once, with the names of its runs if there are others."""
    names: dict[str, list[str]] = {}
    for report in runs:
        for note in report.notes:
            names.setdefault(note, []).append(report.label)
    return [
        f"{f'Of {_listed(labels)}: ' if len(labels) < len(runs) else ''}{capitalized(note)}."
        for note, labels in names.items()
    ]


def _listed(labels: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))


def side_by_side(columns: Sequence[Mapping[str, str]], missing: str = "–") -> list[tuple[str, list[str]]]:
    """Names, and a text for each of the columns."""
    names = dict.fromkeys(name for column in columns for name in column)
    return [(name, [column.get(name, missing) for column in columns]) for name in names]


def compared(runs: Sequence[RunReport]) -> list[tuple[str, list[str]]]:
    """The data, the hints, the scores and the cost of each run: names, and a text per run."""
    columns = []
    for report in runs:
        model = report.run.config.model
        column = {
            "model": f"{model.name}, input format {model.input_format}",
            "trained on": report.task.config_name,
            "hints": model.hints(report.task),
            "exact match, validation set": cut(report.best["val_exact_match"], 4),
            "worst slice": report.own(STANDARD).in_brief(),
            "worst held-out slice": report.own(HELD_OUT).in_brief(),
            "proved": report.proof.in_brief() if report.proof else "-",
            "epochs": f"{len(report.history)}, best {report.best['epoch']}",
        }
        cost = facts(report.summary) if report.summary else {}
        columns.append(column | {name: value for name, value in cost.items() if name not in ("exact match", "hints")})
    return side_by_side(columns, "not known: not finished")


def curves(runs: Sequence[RunReport]) -> list[str]:
    """Pictures of the histories, as SVG."""
    rows = {report.label: report.history for report in runs}
    return [
        figures.inline_svg(
            history.curves(rows, (column,), CURVES_SIZE), history.TITLES[column], history.in_words(rows, column)
        )
        for column in ("exact_match", "loss")
    ]


def epochs(report: RunReport) -> list[dict[str, Any]]:
    """Evenly spaced rows of the history, including the best and the last."""
    step, best = -(-len(report.history) // TABLE_EPOCHS), report.best["epoch"]
    return [row for row in report.history if not (len(report.history) - row["epoch"]) % step or row["epoch"] == best]


def learned(report: RunReport, shown: Mapping[str, EpochSamples]) -> list[int]:
    """The numbers of the recorded questions that are answered wrong after some of the epochs that are shown."""
    numbers = range(len(report.samples[0].samples)) if report.samples else range(0)
    return [number for number in numbers if not all(epoch.samples[number].right for epoch in shown.values())]


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


def sets(runs: Sequence[RunReport]) -> list[tuple[str, list[SetResult | None]]]:
    """The results of each set, by its name: one per run, None for a run that was not evaluated on it."""
    names = dict.fromkeys(name for report in runs if report.sets for name in report.sets.sets)
    return [(name, [report.sets.sets.get(name) if report.sets else None for report in runs]) for name in names]


def perfect_sets(runs: Sequence[RunReport]) -> str:
    """One line about the sets if all of their answers match exactly; empty otherwise."""
    results = sets(runs)
    if any(result.share.wrong for _, of_runs in results for result in of_runs if result):
        return ""
    names = _listed([name for name, _ in results])
    most = max(result.share.questions for _, of_runs in results for result in of_runs if result)
    return f"All answers to {names} match exactly: at most {most:,} examples of each were evaluated."


def layers(runs: Sequence[RunReport]) -> list[tuple[str, tuple[Layer, ...]]]:
    """The layers of the runs, and the names of the runs that have them: equal networks are listed once."""
    names: dict[tuple[Layer, ...], list[str]] = {}
    for report in runs:
        names.setdefault(report.layers, []).append(report.label)
    return [(_listed(labels), of_runs) for of_runs, labels in names.items()]


def options(runs: Sequence[RunReport]) -> list[tuple[str, str, list[str]]]:
    """Each option of the training, its meaning, and its values in the runs; first those that differ."""
    meanings: dict[str, str] = {}
    columns = []
    for report in runs:
        rows = describe.settings(report.run.config)
        meanings |= {option: meaning for option, _, meaning in rows}
        columns.append({option: value for option, value, _ in rows})
    rows = [(name, meanings[name], values) for name, values in side_by_side(columns)]
    return sorted(rows, key=lambda row: len(set(row[2])) == 1)


def suites(report: RunReport) -> list[dict[str, Any]]:
    """The sets of slices of the run's own suite, the worst slice first."""
    tables = []
    for set in SETS:
        suite = report.own(set)
        if not suite.rows:
            continue
        size = size_in_words(report.task, report.task.size)
        caption = f"{kind(set)}slices at {size}, seed {suite.seed}, version {suite.rows[0].version}"
        tables.append(
            {
                "caption": capitalized(caption),
                "rows": suite.worst_first(),
                "is_split": suite.knows_seen,
                "facts": f"In all {kind(set)}slices, {'. '.join(suite.facts())}.",
            }
        )
    return tables


@dataclasses.dataclass(frozen=True)
class WrongSlices:
    """The slices of one task and size with a mistake of any of its runs, the worst first."""

    labels: list[str]  # of the runs
    rows: list[tuple[str, str, list[SliceScore | None]]]  # the name, why it is hard, and the scores of the runs
    more: list[tuple[str, str, list[SliceScore | None]]]  # those beyond ``SLICES_SHOWN``
    perfect: str  # how many slices are without a mistake, in one line


def wrong_slices(runs: Sequence[RunReport]) -> list[WrongSlices]:
    """The slices with mistakes, of runs with the same task and size together; tasks without a suite are left out."""
    groups: dict[tuple[str, int], list[RunReport]] = {}
    for report in runs:
        if report.own(STANDARD).rows:
            groups.setdefault((report.task.name, report.task.size), []).append(report)
    return [_wrong_slices(group) for group in groups.values()]


def _wrong_slices(runs: Sequence[RunReport]) -> WrongSlices:
    own = [{(row.set, row.slice): row for set in SETS for row in report.own(set).rows} for report in runs]
    names = {name: row.why for scores in own for name, row in scores.items()}
    rows = []
    for (set, slice), why in names.items():
        scores = [of_run.get((set, slice)) for of_run in own]
        if any(score.wrong for score in scores if score):
            rows.append((f"{slice} ({kind(set).strip()})" if kind(set) else slice, why, scores))
    rows.sort(key=lambda row: min(score.right / score.questions for score in row[2] if score))
    size = size_in_words(runs[0].task, runs[0].task.size)
    perfect = f"{len(names) - len(rows)} of {len(names)} slices at {size} are without a mistake"
    perfect += ", for each of the runs" * (len(runs) > 1)
    return WrongSlices([report.label for report in runs], rows[:SLICES_SHOWN], rows[SLICES_SHOWN:], f"{perfect}.")


def longer(report: RunReport) -> list[dict[str, Any]]:
    """A row per length of the suite beyond the run's own, if any of their questions is answered wrong."""
    rows = []
    for (_, size), suite in report.scores.select(STANDARD).suites().items():
        worst = suite.worst()
        if worst and size != report.task.size:
            random = next((row for row in suite.rows if row.slice == "random"), suite.rows[0])
            held_out = report.scores.select(HELD_OUT, size).in_brief()
            rows.append(
                {"size": size_in_words(report.task, size), "random": random, "worst": worst, "held_out": held_out}
            )
    return rows if any(row["worst"].wrong for row in rows) else []


def not_longer(report: RunReport) -> tuple[str, str]:
    """Why longer operands were not evaluated, and the command that evaluates them; empty texts if they were."""
    task, model, command = report.task, report.run.config.model, ""
    if len(report.scores.select(STANDARD).sizes) > 1:
        why = ""
    elif not task.notation.has_lengths or task.size == task.operation.max_size:
        why = f"{task.name} does not have longer operands."
    elif not report.scores.select(STANDARD).rows:
        why = f"{no_suite(task)}."
    elif model.own_code:
        why = "No longer operands were evaluated, because a custom network may not read them."
    elif not model.any_length:
        why = f"Model {model.name} has weights for each position, and does not read longer operands."
    else:
        why = "No longer operands were evaluated. This command evaluates them:"
        command = f"arith-model report RUN --lengths {min(2 * task.size, report.run.max_size)}"
    return why, command


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
