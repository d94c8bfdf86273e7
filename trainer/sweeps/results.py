"""The results of many runs: one line of JSON per run, and tables of them."""

import collections
import dataclasses
import itertools
import json
import os
import re
import statistics
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic.suites import UNFORESEEN
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.intervals import in_words, interval, lower_share, wrong_of
from seq2seq_arith.base.options import did_you_mean, one_of, parameters_of
from seq2seq_arith.base.tables import cut
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.base.version import __version__
from seq2seq_arith.trainer import drawing, plugins
from seq2seq_arith.trainer.config import KNOBS, ModelConfig, TrainConfig
from seq2seq_arith.trainer.registry import knobs_of
from seq2seq_arith.trainer.runs import history, proofs
from seq2seq_arith.trainer.runs.files import read_json
from seq2seq_arith.trainer.runs.run import open_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS = "results.jsonl"
# The figures of a table, by the names that choose them; those of a suite also at further lengths.
COLUMNS = {
    "given": "given",
    "draws": "draws",
    "seeds": "seeds",
    "suite": "suite",
    "exact": "exact match",
    "unseen": "not seen, wrong{at}",
    "seen": "seen, wrong{at}",
    "wrong": "wrong{at}",
    "imperfect": "slices with mistakes{at}",
    "lowest": "lowest{at}",
    "lowest-unforeseen": "lowest, unforeseen{at}",
    "reached": "{threshold}{at}",
    "proved": "proved",
    "weights": "weights",
    "examples": "examples seen",
    "operations": "operations",
    "seconds": "seconds",
    "cpu": "CPU seconds",
}
# The counts of a suite, [wrong, asked] by slice, and where an evaluation has them: itself, or in this part.
PARTS = {"wrong": None, "wrong_seen": "seen_in_training", "wrong_unseen": "not_seen"}
POOLED = {"wrong": "wrong", "seen": "wrong_seen", "unseen": "wrong_unseen"}  # columns of the sums of such counts
OF_A_SUITE = (*POOLED, "imperfect", "lowest", "lowest-unforeseen", "reached")
# Without ``columns``, those of these that are not empty.
USUAL = ("given", "draws", "seeds", "unseen", "wrong", "lowest", "lowest-unforeseen", "reached")
MOST_LISTED = 5  # figures of single seeds in a cell


def row_of(folder: Path, group: str, seed: int, suite: dict[str, Any]) -> dict[str, Any]:
    """The line of a run with the options of its suite; raises InputError if it was not trained and evaluated."""
    run = open_run(folder)
    try:
        summary, evaluation = (read_json(path, dict[str, Any]) for path in (run.summary, run.evaluation))
        counted = {name: [_counted(each) for each in evaluation.get(name, ())] for name in ("suites", UNFORESEEN)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{folder} has not been trained and evaluated: {error}") from None
    proof, rows = proofs.read(run), history.read_csv(run.history)
    # Code of one's own is named as seen from the current folder: an absolute path is of no use on another machine.
    named = {"model": plugins.relative(run.config.model.name), "view": plugins.relative(run.config.model.view)}
    settings = run.config.to_json()
    settings["model"] |= {"name": named["model"], "view": named["view"]}
    return {
        "run": group,
        "seed": seed,
        "task": run.task.name,
        "draws": run.task.draws,
        **{name: value for name, value in summary.items() if name != "worst_slice"},  # the suites have it
        **named,
        "sha256": run.sha256,
        "settings": settings,
        "suite": suite,
        "proved": proof and proof.holds,
        "rounds": max((row["round"] for row in rows), default=0),
        # Learning curves: after every epoch the steps, and the exact match in training and on the validation set.
        "curve": [[row["steps"], *(float(cut(row[f"{of}exact_match"], 4)) for of in ("", "val_"))] for row in rows],
        **counted,
        **{name: evaluation[name] for name in ("epochs", "waves") if name in evaluation},
        "version": __version__,
    }


def _counted(evaluated: dict[str, Any]) -> dict[str, Any]:
    """What a line holds of one set of a suite at one size."""
    asked = [one for one in evaluated["slices"] if one["questions"]]
    kept = {name: evaluated[name] for name in ("version", "digits", "per_slice", "seed")}
    kept |= {"slices": {one["name"]: one["exact_match"] for one in asked}}
    for field, part in PARTS.items():
        shares = {one["name"]: one if part is None else one[part] for one in asked}
        if all(shares.values()):
            kept[field] = {
                name: [wrong_of(share["exact_match"] or 0.0, share["questions"]), share["questions"]]
                for name, share in shares.items()
            }
    return kept


def append(path: Path, row: dict[str, Any]) -> None:
    """Appends a line; raises WriteError if the file cannot be written."""
    try:
        with path.open("ab+") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            cut_off = file.read() not in (b"", b"\n")  # as by a full disk: the next line is not lost with it
            file.write(("\n" * cut_off + json.dumps(row) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WriteError(path, error.strerror or str(error)) from error


def read(path: Path) -> list[dict[str, Any]]:
    """The sound lines of a file, or of a sweep's folder; of two with one run, seed and suite version, the later one."""
    path = path / RESULTS if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}); give the results.jsonl of a sweep") from None
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            tabulate([row], Asked(columns=tuple(COLUMNS)))
            rows[row["run"], row["seed"], version_of(row)] = row
        except Exception as error:  # whatever a figure is that is none
            sentence = f"{path}, line {number}, is not the result of a run; remove it"
            if len(lines) == 1:
                raise InputError(sentence) from error
            print(printable(f"left out: {sentence}"), file=sys.stderr)
    return list(rows.values())


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a table shows."""

    by: Sequence[str] = ("run",)  # what the rows are: names of fields or settings
    where: Sequence[tuple[str, str]] = ()  # fields or settings, and their text; ``*`` is any text, as in names of files
    threshold: float = 1.0  # a seed counts if its worst slice reaches it
    lengths: Sequence[int] = ()  # further ones at which a suite was asked
    columns: Sequence[str] | None = None  # those that stand behind those of ``by``; None for ``USUAL``


def tabulate(rows: list[dict[str, Any]], asked: Asked) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table; no row has figures of two versions of a suite.

    Where rows differ in it, a column says the version; else the header of the first figure of a suite.

    A cell is empty if there is no such figure, as that of seen questions of fresh draws; a dash, if none was asked.

    Raises InputError if no run fits, there is no such field, or the threshold is finer than the questions.
    """
    groups = _grouped(rows, asked)
    if unknown := [name for name in asked.columns or () if name not in COLUMNS]:
        raise InputError(
            f"there is no column {unknown[0]!r}; give some of {', '.join(COLUMNS)}{did_you_mean(unknown[0], COLUMNS)}"
        )
    versions = {key[-1] for key in groups} - {""}
    shown = _shown(asked, several=len(versions) > 1)
    least = "no mistake" if asked.threshold == 1 else f"at least {asked.threshold:g}"
    if any(name == "reached" for name, _ in shown):
        _check_threshold([row for group in groups.values() for row in group], asked)
    cells = [[_cell(group, name, size, asked.threshold) for name, size in shown] for group in groups.values()]
    columns = zip(shown, zip(*cells, strict=True), strict=True)
    kept = [asked.columns or {*column} - {"", "" if size else "-"} for (_, size), column in columns]
    header = [COLUMNS[name].format(at=f" at {size}" if size else "", threshold=least) for name, size in shown]
    first = next((place for place, (name, _) in enumerate(shown) if name in OF_A_SUITE and kept[place]), None)
    if len(versions) == 1 and first is not None:
        header[first] += f" ({min(versions)})"
    lines = [[*key[:-1], *itertools.compress(line, kept)] for key, line in zip(groups, cells, strict=True)]
    return [*asked.by, *itertools.compress(header, kept)], lines


def _grouped(rows: list[dict[str, Any]], asked: Asked) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """The runs that fit, by their fields and the version of their suite; raises InputError if there are none."""
    chosen = [row for row in rows if all(fnmatchcase(field_of(row, name), value) for name, value in asked.where)]
    if not chosen:
        asked_for = " and ".join(map("=".join, asked.where)) or "a result"
        raise InputError(f"none of {len(rows)} runs has {asked_for}")
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in chosen:
        groups.setdefault((*(field_of(row, name) for name in asked.by), version_of(row)), []).append(row)
    return groups


def version_of(row: dict[str, Any]) -> str:
    """The version of the suite that a run was asked, such as v2; nothing if it was not asked."""
    return next((f"v{suite['version']}" for suite in suites_of(row)), "")


def _check_threshold(rows: list[dict[str, Any]], asked: Asked) -> None:
    """Raises InputError if one wrong answer in a slice is less than the threshold, which is not 1."""
    suites = (suite for row in rows for size in (None, *asked.lengths) for suite in suites_of(row, size))
    questions = min((suite["per_slice"] for suite in suites), default=None)
    if questions and 0 < (1 - asked.threshold) * questions < 1 - 1e-9:
        raise InputError(
            f"--threshold {asked.threshold:g} is finer than a slice of {questions:,} questions, one of which is "
            f"{1 / questions:g}; give at most {1 - 1 / questions:g}, or 1, which is no mistake"
        )


def _shown(asked: Asked, several: bool) -> list[tuple[str, int | None]]:
    """The columns behind those of ``by``, in order: name, and the length, or None for that of the training."""
    every: list[tuple[str, int | None]] = [(name, None) for name in COLUMNS]
    behind = list(COLUMNS).index(OF_A_SUITE[-1]) + 1
    every[behind:behind] = [(name, size) for size in asked.lengths for name in COLUMNS if name in OF_A_SUITE]
    shown = {*(asked.columns or USUAL)}
    if several and shown & {*OF_A_SUITE}:
        shown.add("suite")
    return [(name, size) for name, size in every if name in shown]


def _cell(group: list[dict[str, Any]], name: str, size: int | None, threshold: float) -> str:
    """A cell of a group: figures of several seeds are medians, unless their header says otherwise."""
    if name in OF_A_SUITE:
        which = UNFORESEEN if name == "lowest-unforeseen" else "suites"
        return _of_a_suite(name, [suite for row in group for suite in suites_of(row, size, which)], threshold)
    if name == "seeds":
        return str(len(group))
    if name == "suite":
        return version_of(group[0])
    if name == "proved":
        # A run that should be proved, and was not tried because it had not learned enough, is not proved.
        found = [row["proved"] for row in group if row["proved"] is not None or row["settings"]["prove"]]
        return _share(sum(map(bool, found)), len(found)) if found else ""
    if name in ("given", "draws"):
        return "; ".join(sorted({row[name] for row in group}))
    field = {"exact": "exact_match", "cpu": "cpu_seconds"}.get(name, name)
    median = statistics.median(row[field] for row in group)
    return cut(median, 4) if name == "exact" else f"{median:{'.1e' if name == 'operations' else ',.0f'}}"


def _of_a_suite(name: str, suites: list[dict[str, Any]], threshold: float) -> str:
    """A figure of the suites that some seeds were asked, one each; a dash if none was."""
    if not suites:
        return "-"
    if name in POOLED:
        if any(POOLED[name] not in suite for suite in suites):
            return ""
        counts = [count for suite in suites for count in suite[POOLED[name]].values()]
        return in_words(sum(wrong for wrong, _ in counts), sum(asked for _, asked in counts))
    if name == "imperfect":
        found = sorted(sum(share < 1 for share in suite["slices"].values()) for suite in suites)
        listed = ", ".join(map(str, found)) if len(found) <= MOST_LISTED else f"{found[0]} to {found[-1]}"
        return f"{listed if found[0] < found[-1] else found[0]} of {max(len(suite['slices']) for suite in suites)}"
    worst = [min((share, slice) for slice, share in suite["slices"].items()) for suite in suites]
    if name == "reached":
        return _share(sum(value >= threshold for value, _ in worst), len(worst))
    least, of = min(worst)
    return cut(least, 3) if least == 1 else f"{cut(least, 3)} ({of})"


@drawing.styled
def draw_lengths(rows: list[dict[str, Any]], asked: Asked) -> "Figure":
    """Draws the exact match of operands that both have so many digits against that length, with its 95% interval.

    A group of runs is a line; all its seeds count together, and the suites of all D that ask a length. The interval is
    of the questions (Clopper and Pearson).

    Raises InputError if no run fits, or none was asked by lengths.
    """
    groups = {key: counts for key, group in _grouped(rows, asked).items() if (counts := _by_length(group))}
    if not groups:
        raise InputError(
            "none of these runs was asked slices such as lengths-3-3; choose runs of addition or subtraction"
        )
    several = len({key[-1] for key in groups}) > 1
    drawn = drawing.figure(6.4, 4.0)
    axes = drawn.add_subplot()
    for number, (key, counts) in enumerate(groups.items()):
        lengths = sorted(counts)
        least, most = zip(*(interval(*counts[length]) for length in lengths), strict=True)
        look = drawing.look(number, len(lengths))
        shares = [right / count for right, count in (counts[length] for length in lengths)]
        axes.plot(lengths, shares, label=", ".join(key if several else key[:-1]), **look)
        axes.fill_between(lengths, least, most, color=look["color"], alpha=0.2, linewidth=0)
    axes.set(xlabel="digits of both operands", ylabel="exact match", ylim=(-0.02, 1.02))
    axes.locator_params(axis="x", integer=True)
    axes.grid(visible=True)
    axes.legend()
    return drawn


def _by_length(group: list[dict[str, Any]]) -> dict[int, tuple[int, int]]:
    """How many answers were right, and how many were asked, by the length that both operands have."""
    found: dict[int, tuple[int, int]] = {}
    for row in group:
        counts = collections.ChainMap(*(suite.get("wrong", {}) for suite in row["suites"]))  # each slice once
        for name, (wrong, asked) in counts.items():
            if same := re.fullmatch(r"lengths-(\d+)-\1", name):
                right, before = found.get(int(same[1]), (0, 0))
                found[int(same[1])] = right + asked - wrong, before + asked
    return found


def _share(count: int, seeds: int) -> str:
    """How many of some seeds, with the lower bound on the share of all."""
    return f"{count} of {seeds}" + f" (> {cut(lower_share(count, seeds), 2)})" * bool(count)


def suites_of(row: dict[str, Any], size: int | None = None, which: str = "suites") -> list[dict[str, Any]]:
    """The suite that a run was asked at a size, by default that of its training, or its unforeseen set; or none."""
    found = [suite for suite in row[which] if suite["digits"] == size] if size else row[which][:1]
    return [suite for suite in found if suite["slices"]]


def field_of(row: dict[str, Any], name: str) -> str:
    """A field of a line, or a setting of its model or its training, as text; raises InputError if there is none.

    ``model-options`` are the options of a model of one's own, and ``model-options.heads`` is one of them, nothing where
    a model does not have it.
    """
    settings = row["settings"]
    options = json.loads(settings["model"]["options"] or "{}")
    field, _, key = name.replace("-", "_").partition(".")
    if field in ("model_options", "options"):
        return str(options.get(name.partition(".")[2], "") if key else settings["model"]["options"] or "")
    places = row, settings["model"], settings
    for place in places:
        if field in place and not key and not isinstance(place[field], dict | list):
            return _default_in_words(row, field) if place[field] is None else str(place[field])
    known = {each for place in places for each in place if not isinstance(place[each], dict | list)} - {"options"}
    known = sorted(known | {"model-options", *(f"model-options.{each}" for each in options)})
    raise InputError(f"there is no field {name!r}; {one_of(name, known)}")


def _default_in_words(row: dict[str, Any], field: str) -> str:
    """What a setting that is not given is; nothing if the model does not have it."""
    if field in KNOBS and field not in knobs_of(row.get("model", ""), row["settings"]["model"].get("positions")):
        return ""
    setting = (parameters_of(ModelConfig) | parameters_of(TrainConfig)).get(field)
    return (setting and setting.about.default) or "None"
