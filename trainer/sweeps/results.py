"""The results of many runs: one line of JSON per run, and tables of them."""

import dataclasses
import json
import os
import statistics
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from seq2seq_arith import __version__
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.tables import cut, table
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.runs.run import open_run

RESULTS = "results.jsonl"
# The figures of a table, by the names that choose them; those of the worst slice also at further lengths.
COLUMNS = {
    "given": "given",
    "seeds": "seeds",
    "exact": "exact match",
    "median": "worst slice{at}: median",
    "lowest": "lowest{at}",
    "reached": "at least {threshold:g}{at}",
    "weights": "weights",
    "examples": "examples seen",
    "operations": "operations",
    "seconds": "seconds",
}
# The counts of a suite, [wrong, asked] by slice, and where an evaluation has them: itself, or in this part.
PARTS = {"wrong": None, "wrong_seen": "seen_in_training", "wrong_unseen": "not_seen"}
OF_A_SUITE = ("median", "lowest", "reached")


def row_of(folder: Path, group: str, seed: int, suite: dict[str, Any]) -> dict[str, Any]:
    """The line of a run with the options of its suite; raises InputError if it was not trained and evaluated."""
    run = open_run(folder)
    try:
        summary = json.loads(run.summary.read_text(encoding="utf-8"))
        evaluation = json.loads(run.evaluation.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{folder} has not been trained and evaluated: {error}") from None
    suites = []
    for each in evaluation["suites"]:
        asked = [one for one in each["slices"] if one["questions"]]
        suite = {name: each[name] for name in ("version", "digits", "per_slice", "seed")}
        suite |= {"slices": {one["name"]: one["exact_match"] for one in asked}}
        for field, part in PARTS.items():
            shares = {one["name"]: one if part is None else one[part] for one in asked}
            if all(shares.values()):
                suite[field] = {name: _wrong_of(share) for name, share in shares.items()}
        suites.append(suite)
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
        "suites": suites,
        "version": __version__,
    }


def _wrong_of(share: dict[str, Any]) -> list[int]:
    """How many answers are wrong, of how many, from the share of right ones."""
    asked = share["questions"]
    return [asked - round(asked * (share["exact_match"] or 0.0)), asked]


def append(path: Path, row: dict[str, Any]) -> None:
    """Appends a line; raises WriteError if the file cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WriteError(path, error.strerror or str(error)) from error


def file_of(path: Path) -> Path:
    """The file of results that is meant by a path, which may be that of the folder of a sweep."""
    return path / RESULTS if path.is_dir() else path


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; of two with the same run and seed, the later one; raises InputError if it has others."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}); give the results.jsonl of a sweep") from None
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            rows[row["run"], row["seed"]] = row
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"{path}, line {number}, is not the result of a run; remove it") from None
    return list(rows.values())


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a table shows."""

    by: Sequence[str] = ("run",)  # what the rows are: names of fields or settings
    where: Sequence[tuple[str, str]] = ()  # fields or settings, and their text; ``*`` is any text, as in names of files
    threshold: float = 0.99  # a seed counts if its worst slice reaches it
    lengths: Sequence[int] = ()  # further ones at which a suite was asked
    columns: Sequence[str] = tuple(COLUMNS)  # those that stand behind those of ``by``


def tabulate(rows: list[dict[str, Any]], asked: Asked) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table; raises InputError if no run fits, or there is no such field."""
    chosen = [row for row in rows if all(fnmatchcase(field_of(row, name), value) for name, value in asked.where)]
    if not chosen:
        asked_for = " and ".join(map("=".join, asked.where)) or "a result"
        raise InputError(f"none of {len(rows)} runs has {asked_for}")
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in chosen:
        groups.setdefault(tuple(field_of(row, name) for name in asked.by), []).append(row)
    if unknown := [name for name in asked.columns if name not in COLUMNS]:
        raise InputError(f"there is no column {unknown[0]!r}; give some of {', '.join(COLUMNS)}")
    shown = _shown(asked)
    header = [COLUMNS[name].format(at=f" at {size}" if size else "", threshold=asked.threshold) for name, size in shown]
    return [*asked.by, *header], [[*key, *_cells(group, asked)] for key, group in groups.items()]


def _shown(asked: Asked) -> list[tuple[str, int | None]]:
    """The columns behind those of ``by``, in order: name, and the length, or None for that of the training."""
    every: list[tuple[str, int | None]] = [(name, None) for name in COLUMNS]
    behind = list(COLUMNS).index(OF_A_SUITE[-1]) + 1
    every[behind:behind] = [(name, size) for size in asked.lengths for name in OF_A_SUITE]
    return [(name, size) for name, size in every if name in asked.columns]


def _cells(group: list[dict[str, Any]], asked: Asked) -> list[str]:
    """The cells of a group: figures of several seeds are medians, unless their header says otherwise."""

    def median(name: str) -> float:
        return statistics.median(row[name] for row in group)

    def cell(name: str, size: int | None) -> str:
        if name == "given":
            return "; ".join(sorted({row["given"] for row in group}))
        if name in OF_A_SUITE:
            return _of_a_suite(name, [found for row in group if (found := worst_slice(row, size))], asked.threshold)
        if name == "seeds":
            return str(len(group))
        if name == "exact":
            return cut(median("exact_match"), 4)
        return f"{median(name):.1e}" if name == "operations" else f"{median(name):,.0f}"

    return [cell(name, size) for name, size in _shown(asked)]


def _of_a_suite(name: str, worst: list[tuple[float, str]], threshold: float) -> str:
    """A figure of the worst slices of some seeds; a dash if none was asked."""
    if not worst:
        return "-"
    values = [value for value, _ in worst]
    if name == "median":
        return cut(statistics.median(values), 3)
    if name == "reached":
        return f"{sum(value >= threshold for value in values)} of {len(values)}"
    least, of = min(worst)
    return cut(least, 3) if least == 1 else f"{cut(least, 3)} ({of})"


def worst_slice(row: dict[str, Any], size: int | None = None) -> tuple[float, str] | None:
    """The worst slice of a run at a size, by default that of its training, and its name; None if it was not asked."""
    suites = [suite for suite in row["suites"] if suite["digits"] == size] if size else row["suites"][:1]
    return min(((value, name) for suite in suites for name, value in suite["slices"].items()), default=None)


def field_of(row: dict[str, Any], name: str) -> str:
    """A field of a line, or a setting of its model or its training, as text; raises InputError if there is none."""
    settings = row["settings"]
    for place in (row, settings["model"], settings):
        if name in place and not isinstance(place[name], dict | list):
            return str(place[name])
    known = sorted({*row, *settings["model"], *settings} - {"settings", "suite", "suites", "model"})
    raise InputError(f"there is no field {name!r}; give one of {', '.join(known)}")


def text(rows: list[dict[str, Any]], asked: Asked) -> str:
    """The table as plain text."""
    return table(*tabulate(rows, asked))


def markdown(rows: list[dict[str, Any]], asked: Asked) -> str:
    """The table in Markdown."""
    header, cells = tabulate(rows, asked)
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
