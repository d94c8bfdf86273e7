"""The page of a report: what was collected, put into templates.

The page is one file of HTML. Its style sheet and its pictures stand in it, it has no script, and a Content Security
Policy forbids it to load anything.
"""

import functools
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seq2seq_arith import __version__
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.text import VISIBLE_PAD
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import abridged, cut, shortened
from seq2seq_arith.trainer.asking import suites
from seq2seq_arith.trainer.asking.suites import SliceResult, SuiteResult
from seq2seq_arith.trainer.config import ReportOptions
from seq2seq_arith.trainer.data import making
from seq2seq_arith.trainer.demo import facts, worst_slice
from seq2seq_arith.trainer.reporting import charts, collect, theme
from seq2seq_arith.trainer.reporting.collect import Asked, RunReport, SetResult
from seq2seq_arith.trainer.reporting.marking import Piece, in_words, marked
from seq2seq_arith.trainer.runs import curves
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.learner import Learner

TEMPLATES = Path(__file__).parent / "templates"
MOST_RUNS = theme.SERIES
SUFFIXES = (".html", ".htm")
EPOCHS_SHOWN = 8  # of the answers through the epochs
TABLE_EPOCHS = 24  # of the tables beside the curves


def write_report(
    path: Path,
    runs: Mapping[str, Run],
    options: ReportOptions,
    *,
    lengths: Sequence[int] | None = None,
    chosen: SuiteOptions | None = None,
    data_dir: str | None = None,
    learner_of: Callable[[Run], Learner] | None = None,
) -> None:
    """Asks the best models of runs, and writes the report about them.

    Args:
      path: A file that ends in one of ``SUFFIXES``.
      runs: The runs, by what the report calls them.
      options, lengths, chosen, data_dir: As for ``collect.collect``.
      learner_of: From a run to its best model, if the caller has it already.

    Raises:
      InputError: As ``check`` and ``collect.collect`` say.
      WriteError: The file cannot be written.
    """
    check(path, runs)
    collected = []
    for label, run in runs.items():
        learner = learner_of and learner_of(run)
        how = {"lengths": lengths, "chosen": chosen, "data_dir": data_dir, "learner": learner}
        collected.append(collect.collect(run, label, options, **how))
    write(path, render(collected).encode())


def check(path: Path, runs: Mapping[str, Run]) -> None:
    """Checks what can be checked before a model is asked.

    Raises:
      InputError: The file is of another kind, there are too many runs, one of them has no checkpoint, or Jinja is not
        installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"the report is {path}; give a file that ends in {SUFFIXES[0]}")
    if len(runs) > MOST_RUNS:
        raise InputError(f"there are {len(runs)} runs, and a report shows at most {MOST_RUNS}; give fewer")
    for run in runs.values():
        curves.read(run)
        if not run.best.exists():
            raise InputError(f"there is no checkpoint {run.best}; train the run first")
    packages.require("arith-model report", "jinja2", "train")


def render(runs: Sequence[RunReport]) -> str:
    """The page, as HTML."""
    return environment().get_template("page.html").render(context(runs)) + "\n"


@functools.cache
def environment() -> Any:
    """Jinja's environment, with all that the templates call."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "share": lambda value, decimals=3: "–" if value is None else cut(value, decimals),
        "count": lambda value: f"{value:,}",
        "abridged": abridged,
        "shortened": shortened,
    }
    made.globals |= {
        "level": theme.level,
        "level_names": theme.LEVEL_NAMES,
        "marked": mark,
        "in_words": in_words,
        "blank": VISIBLE_PAD,
        "size": suites.size,
        "WIDTH": charts.WIDTH,
        "HEIGHT": charts.HEIGHT,
        "LEFT": charts.LEFT,
        "RIGHT": charts.RIGHT,
        "TOP": charts.TOP,
        "BOTTOM": charts.BOTTOM,
        "LENGTHS": collect.LENGTHS,
    }
    return made


def context(runs: Sequence[RunReport]) -> dict[str, Any]:
    """All that the templates show, beside the runs themselves."""
    rows = {each.label: each.history for each in runs}
    best = {each.label: each.best_epoch for each in runs}
    return {
        "runs": runs,
        "title": title(runs),
        "version": __version__,
        "light": theme.variables("light"),
        "dark": theme.variables("dark"),
        "compared": compared(runs),
        "loss": charts.losses(rows, best),
        "exact": charts.exact_matches(rows, best),
        "shown_epochs": {each.label: shown_epochs(each) for each in runs},
        "headline": {each.label: headline(each) for each in runs},
        "slices": {each.label: [slices(suite) for suite in each.suites] for each in runs},
        "slice_rows": slice_rows(runs),
        "reliability": {each.label: charts.reliability(each.asked.bins) for each in runs if each.asked},
        "gap": {each.label: calibration_error(each.asked) for each in runs if each.asked},
        "networks": {each.label: charts.network(each.layers) for each in runs},
        "heat": {each.label: heat(each) for each in runs},
        "speed": {each.label: speed(each) for each in runs},
        "table_rows": {each.label: table_rows(each) for each in runs},
        "made_by": {each.label: making.command(each.task, "data") for each in runs},
    }


def title(runs: Sequence[RunReport]) -> str:
    """What the report is about: the task of all runs, or their names."""
    descriptions = {each.task.description for each in runs}
    if len(descriptions) == 1:
        return next(iter(descriptions)).capitalize()
    return f"{len(runs)} runs: {', '.join(each.label for each in runs)}"


def headline(each: RunReport) -> SetResult | None:
    """The score that says most: of the last set that was asked, which is the one that decided least."""
    return each.asked.sets[-1] if each.asked else None


def compared(runs: Sequence[RunReport]) -> dict[str, list[str]]:
    """From a fact to its value for each run: what it was trained on and given, what it reached, what it took."""
    columns = []
    for each in runs:
        known = facts(each.summary, each.own_suite) if each.summary else {}
        last = {
            "trained on": each.task.config_name,
            "given": each.run.config.model.given,
            "worst slice": worst_slice(each.own_suite),
        }
        model = {"model": f"{each.run.config.model.name}, view {each.run.config.model.view}"}
        columns.append(model | {**known, **last} | {"epochs": f"{len(each.history)}, best {each.best_epoch}"})
    names = dict.fromkeys(name for column in columns for name in column)
    found = {name: [column.get(name, "not known: not finished") for column in columns] for name in names}
    found["exact match, validation set"] = found.pop("exact match", [])
    order = ["model", "trained on", "given", "exact match, validation set", "worst slice"]
    return {name: found[name] for name in [*order, *(name for name in found if name not in order)] if found[name]}


def shown_epochs(each: RunReport) -> list[int]:
    """Some of the epochs whose answers were recorded, by number: the first, the best, the last, and some between."""
    recorded = [one.epoch for one in each.samples]
    if len(recorded) <= EPOCHS_SHOWN:
        return recorded
    last = len(recorded) - 1
    # Close to each other at first, when most is learned.
    spread = {round(last * (step / (EPOCHS_SHOWN - 2)) ** 2) for step in range(EPOCHS_SHOWN - 1)}
    chosen = {recorded[place] for place in spread} | {epoch for epoch in recorded if epoch == each.best_epoch}
    return sorted(chosen)


def slices(suite: SuiteResult) -> tuple[list[SliceResult], list[SliceResult]]:
    """The slices of a suite, the worst first: those that are shown at once, and the rest, pairs of lengths."""
    at_once = suites.shown(suite.slices)
    ordered = sorted(suite.slices, key=lambda each: (each.all.exact_match or 0.0, -each.all.count))
    return [each for each in ordered if each in at_once], [each for each in ordered if each not in at_once]


def slice_rows(runs: Sequence[RunReport]) -> list[tuple[str, list[float | None]]]:
    """Of several runs on the same task and size: each slice with the share of each run, the worst first."""
    if len(runs) < 2 or len({(each.task.name, each.task.digits) for each in runs}) > 1:
        return []
    found = {}
    for number, each in enumerate(runs):
        for one in suites.shown(each.own_suite.slices):
            found.setdefault(one.name, [None] * len(runs))[number] = one.all.exact_match
    return sorted(found.items(), key=lambda item: min(share for share in item[1] if share is not None))


def calibration_error(asked: Asked) -> float:
    """The expected calibration error: how far confidence and truth are apart, on average over the answers.

    Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    total = sum(each.share.count for each in asked.bins)
    return sum(
        each.share.count * abs(each.confidence - (each.share.exact_match or 0.0)) for each in asked.bins
    ) / total  # fmt: skip


def heat(each: RunReport) -> dict[str, Any]:
    """The groups by the lengths of both operands, as maps: of the pairs that were not seen, and of those that were."""
    has_pairs = each.task.operation.arity == 2
    groups = each.asked.tables.get(collect.LENGTHS, ()) if each.asked and has_pairs else ()
    names = list(dict.fromkeys([*(group.names[0] for group in groups), *(group.names[1] for group in groups)]))
    names.sort(key=lambda name: int(name.partition("-")[0]))
    maps = {"not seen in training": "unseen", "seen in training": "seen"}
    return {
        "names": names,
        "maps": {
            caption: {group.names: getattr(group, field) for group in groups if getattr(group, field)}
            for caption, field in maps.items()
            if any(getattr(group, field) for group in groups)
        },
    }


def speed(each: RunReport) -> dict[str, str]:
    """How fast the run was trained, in words."""
    rows = each.history
    rates = [row["examples_per_second"] for row in rows]
    found = {
        "examples per second": f"{statistics.median(rates):,.0f} (median of {len(rates)} epochs)",
        "seconds": f"{rows[-1]['seconds']:,.1f}, from the first step to the last, evaluations included",
        "steps": f"{rows[-1]['steps']:,} of {each.run.config.batch_size:,} examples",
    }
    if each.summary:
        found |= {
            "examples seen": f"{each.summary.examples:,}",
            "operations": f"about {each.summary.operations:.1e}",
            "weights": f"{each.summary.weights:,}",
        }
    return found


def table_rows(each: RunReport) -> list[Mapping[str, Any]]:
    """Some rows of the history for the table beside the curves: evenly spread, the best and the last among them."""
    step = -(-len(each.history) // TABLE_EPOCHS)
    return [
        row for row in each.history if not (len(each.history) - row["epoch"]) % step or row["epoch"] == each.best_epoch
    ]


def mark(run: RunReport, answer: str, prediction: str) -> tuple[Piece, ...]:
    """A prediction in right and wrong pieces, as the run's task counts places."""
    return marked(answer, prediction, run.task.notation.has_digits)
