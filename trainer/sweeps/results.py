"""The results of many runs: one line of JSON per run, and tables of them."""

import dataclasses
import functools
import json
import os
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic.scoring import Scores, Share, SliceScore
from seq2seq_arith.arithmetic.suites import HELD_OUT, STANDARD
from seq2seq_arith.base.checks import did_you_mean, one_of
from seq2seq_arith.base.decoding import decode, parse
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.intervals import in_words, interval, lower_share
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.base.tables import cut
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.base.version import __version__
from seq2seq_arith.trainer import figures, plugins
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig, TrainConfig
from seq2seq_arith.trainer.registry import network_options_of
from seq2seq_arith.trainer.runs import evaluated, history, proofs
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS = "results.jsonl"
MOST_LISTED = 5  # figures of single seeds in a cell


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result(Summary):
    """A line of the results: a run of a sweep, what it took, and what it reached."""

    run: str  #: the name of its settings in the sweep
    seed: int
    task: str
    draws: str  #: of its dataset
    sha256: str  #: of its dataset's metadata
    settings: dict[str, Any]  #: the configuration of its training
    suite: dict[str, Any]  #: the options of its evaluation
    proved: bool | None = None  #: None if it was not tried
    rounds: int = 0  #: after the training, until it was proved
    #: Learning curves: after every epoch the steps, and the exact match in training and on the validation set.
    curve: list[Any] = dataclasses.field(default_factory=list)
    scores: Scores = dataclasses.field()  #: of its suite, as ``counted``; every line has them
    epochs: list[Any] = dataclasses.field(default_factory=list)  #: the suite, asked of every kept epoch
    waves: dict[str, Any] | None = None  #: with which a network adds residues
    version: str = __version__  #: of this package

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.settings.get("model"), dict):
            raise InputError("settings has no model; give the configuration of a training")

    @functools.cached_property
    def by_suite(self) -> dict[tuple[str | None, int | None], Scores]:
        """The scores of each suite that was asked, by its set and its size; None for the size of the training."""
        found = self.scores.suites()
        own = self.scores.sizes[:1]
        return found | {(set, None): suite for (set, size), suite in found.items() if size in own}


def row_of(folder: Path, group: str, seed: int, suite: dict[str, Any]) -> Result:
    """The line of a run with the options of its suite; raises InputError if it was not trained and evaluated."""
    run = open_run(folder)
    summary, evaluation = Summary.read(run.summary), evaluated.evaluation_of(run)
    if summary is None or evaluation is None:
        raise InputError(f"{folder} has not been trained and evaluated; train it, and evaluate it")
    proof, rows = proofs.read(run), history.read_csv(run.history)
    # Code of one's own is named as seen from the current folder: an absolute path is of no use on another machine.
    named = {
        "model": plugins.relative(run.config.model.name),
        "input_format": plugins.relative(run.config.model.input_format),
    }
    settings = run.config.to_json()
    settings["model"] |= {"name": named["model"], "input_format": named["input_format"]}
    reached: dict[str, Any] = vars(summary) | named | {"scores": counted(evaluation.scores)}
    return Result(
        **reached,
        run=group,
        seed=seed,
        task=run.task.name,
        draws=run.task.draws,
        sha256=run.sha256,
        settings=settings,
        suite=suite,
        proved=proof and proof.holds,
        rounds=max((row["round"] for row in rows), default=0),
        curve=[[row["steps"], *(float(cut(row[f"{of}exact_match"], 4)) for of in ("", "val_"))] for row in rows],
        epochs=list(evaluation.by_epoch),
        waves=evaluation.waves or None,
    )


def counted(scores: Scores) -> Scores:
    """Scores without what no table shows: mistakes, characters, and why slices are hard."""
    without: dict[str, Any] = {"why": "", "characters": 0, "characters_right": 0, "wrong_lengths": 0, "mistake": None}
    rows = (dataclasses.replace(row, **without) for row in scores.rows)
    return Scores(tuple(rows), per_slice=scores.per_slice, seed=scores.seed)


def append(path: Path, row: Result) -> None:
    """Appends a line; raises WriteError if the file cannot be written."""
    try:
        with path.open("ab+") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            cut_off = file.read() not in (b"", b"\n")  # as by a full disk: the next line is not lost with it
            file.write(("\n" * cut_off + json.dumps(row.to_json()) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WriteError(path, error.strerror or str(error)) from error


def read(path: Path) -> list[Result]:
    """The sound lines of a file, or of a sweep's folder; of two with one run, seed and suite version, the later one."""
    path = path / RESULTS if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}); give the results.jsonl of a sweep") from None
    rows: dict[tuple[str, int, str], Result] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = decode(Result, parse(line), further=True)
        except InputError as error:
            sentence = f"{path}, line {number}, is not the result of a run; remove it"
            if len(lines) == 1:
                raise InputError(sentence) from error
            print(printable(f"left out: {sentence}"), file=sys.stderr)
        else:
            rows[row.run, row.seed, version_of(row)] = row
    return list(rows.values())


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table: its title, and how the text of a cell comes from the runs of a row.

    A figure of a ``set`` of the suite is one of the scores that some runs have in it, at the size of the training or at
    a further one. Figures of several seeds are medians, unless the title says otherwise.
    """

    title: str
    figure: Callable[[Sequence[Any], float], str]  # of runs, or of the scores of a set; and the threshold
    set: str | None = None

    def cell(self, runs: Sequence[Result], size: int | None, threshold: float) -> str:
        """The text of a cell; a dash if no run was asked the set at the size."""
        if self.set is None:
            return self.figure(runs, threshold)
        suites = [run.by_suite[self.set, size] for run in runs if (self.set, size) in run.by_suite]
        return self.figure(suites, threshold) if suites else "-"


def _median(field: str, form: Callable[[float], str]) -> Callable[[Sequence[Result], float], str]:
    return lambda runs, _: form(statistics.median(getattr(run, field) for run in runs))


def _listed(field: str) -> Callable[[Sequence[Result], float], str]:
    return lambda runs, _: "; ".join(sorted({getattr(run, field) for run in runs}))


def _pooled(part: Callable[[SliceScore], Share | None]) -> Callable[[Sequence[Scores], float], str]:
    """The wrong answers of all seeds; nothing if they are not known, as those to seen questions of fresh draws."""

    def figure(suites: Sequence[Scores], _: float) -> str:
        shares = [share for suite in suites if (share := part(suite.total()))]
        whole = len(shares) == len(suites)
        return in_words(sum(each.wrong for each in shares), sum(each.questions for each in shares)) if whole else ""

    return figure


def _imperfect(suites: Sequence[Scores], _: float) -> str:
    found = sorted(sum(row.wrong > 0 for row in suite.rows) for suite in suites)
    listed = ", ".join(map(str, found)) if len(found) <= MOST_LISTED else f"{found[0]} to {found[-1]}"
    return f"{listed if found[0] < found[-1] else found[0]} of {max(len(suite.rows) for suite in suites)}"


def _lowest(suites: Sequence[Scores], _: float) -> str:
    least, name = min((row.right / row.questions, row.slice) for suite in suites for row in suite.rows)
    return cut(least, 3) if least == 1 else f"{cut(least, 3)} ({name})"


def _reached(suites: Sequence[Scores], threshold: float) -> str:
    reach = sum(min(row.right / row.questions for row in suite.rows) >= threshold for suite in suites)
    return _share(reach, len(suites))


def _proved(runs: Sequence[Result], _: float) -> str:
    # A run that should be proved, and was not tried because it had not learned enough, is not proved.
    found = [run.proved for run in runs if run.proved is not None or run.settings.get("prove")]
    return _share(sum(map(bool, found)), len(found)) if found else ""


# The figures of a table, by the names that choose them. To add one, add an entry.
COLUMNS = {
    "hints": Column("hints", _listed("hints")),
    "draws": Column("draws", _listed("draws")),
    "seeds": Column("seeds", lambda runs, _: str(len(runs))),
    "suite": Column("suite", lambda runs, _: version_of(runs[0])),
    "exact": Column("exact match", _median("exact_match", lambda share: cut(share, 4))),
    "unseen": Column("not seen, wrong{at}", _pooled(lambda total: total.not_seen), STANDARD),
    "seen": Column("seen, wrong{at}", _pooled(lambda total: total.seen_in_training), STANDARD),
    "wrong": Column("wrong{at}", _pooled(lambda total: total), STANDARD),
    "imperfect": Column("slices with mistakes{at}", _imperfect, STANDARD),
    "minimum": Column("minimum over seeds{at}", _lowest, STANDARD),
    "minimum-held-out": Column("minimum over seeds, held-out{at}", _lowest, HELD_OUT),
    "reached": Column("{threshold}{at}", _reached, STANDARD),
    "proved": Column("proved", _proved),
    "weights": Column("weights", _median("weights", "{:,.0f}".format)),
    "examples": Column("examples seen", _median("examples", "{:,.0f}".format)),
    "flops": Column("FLOPs", _median("flops", "{:.1e}".format)),
    "seconds": Column("seconds", _median("seconds", "{:,.0f}".format)),
    "cpu": Column("CPU seconds", _median("cpu_seconds", "{:,.0f}".format)),
}
# Without ``columns``, those of these that are not empty.
USUAL = ("hints", "draws", "seeds", "unseen", "wrong", "minimum", "minimum-held-out", "reached")


@dataclasses.dataclass(frozen=True)
class Query:
    """What a table shows."""

    by: Sequence[str] = ("run",)  # what the rows are: names of fields or settings
    where: Sequence[tuple[str, str]] = ()  # fields or settings, and their text; ``*`` is any text, as in names of files
    threshold: float = 1.0  # a seed counts if its worst slice reaches it
    lengths: Sequence[int] = ()  # further ones at which a suite was asked
    columns: Sequence[str] | None = None  # those that stand behind those of ``by``; None for ``USUAL``


def tabulate(rows: Sequence[Result], query: Query) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table; no row has figures of two versions of a suite.

    Where rows differ in it, a column says the version; else the header of the first figure of a suite.

    A cell is empty if there is no such figure, as that of seen questions of fresh draws; a dash, if none was asked.

    Raises InputError if no run fits, there is no such field, or the threshold is finer than the questions.
    """
    groups = _grouped(rows, query)
    if unknown := [name for name in query.columns or () if name not in COLUMNS]:
        raise InputError(
            f"there is no column {unknown[0]!r}; give some of {', '.join(COLUMNS)}{did_you_mean(unknown[0], COLUMNS)}"
        )
    versions = {key[-1] for key in groups} - {""}
    shown = _shown(query, several=len(versions) > 1)
    if COLUMNS["reached"] in (column for column, _ in shown):
        _check_threshold([row for group in groups.values() for row in group], query)
    least = "seeds with 100%" if query.threshold == 1 else f"at least {query.threshold:g}"
    version = f" ({min(versions)})" if len(versions) == 1 else ""
    header: list[str] = [*query.by]
    lines = [[*key[:-1]] for key in groups]
    for column, size in shown:
        cells = [column.cell(group, size, query.threshold) for group in groups.values()]
        if query.columns or {*cells} - {"", "" if size else "-"}:
            title = column.title.format(at=f" at {size}" if size else "", threshold=least)
            if column.set:
                title, version = title + version, ""  # which the first figure of a suite says
            header.append(title)
            for line, cell in zip(lines, cells, strict=True):
                line.append(cell)
    return header, lines


def _grouped(rows: Sequence[Result], query: Query) -> dict[tuple[str, ...], list[Result]]:
    """The runs that fit, by their fields and the version of their suite; raises InputError if there are none."""
    chosen = [row for row in rows if all(fnmatchcase(field_of(row, name), value) for name, value in query.where)]
    if not chosen:
        asked_for = " and ".join(map("=".join, query.where)) or "a result"
        raise InputError(f"none of {len(rows)} runs has {asked_for}")
    groups: dict[tuple[str, ...], list[Result]] = {}
    for row in chosen:
        groups.setdefault((*(field_of(row, name) for name in query.by), version_of(row)), []).append(row)
    return groups


def version_of(row: Result) -> str:
    """The version of the suite that a run was asked, such as v2; nothing if it was not asked."""
    return f"v{row.scores.rows[0].version}" if row.scores.rows else ""


def _check_threshold(rows: Sequence[Result], query: Query) -> None:
    """Raises InputError if one wrong answer in a slice is less than the threshold, which is not 1."""
    asked = (row for row in rows for size in (None, *query.lengths) if (STANDARD, size) in row.by_suite)
    questions = min((row.scores.per_slice for row in asked if row.scores.per_slice), default=None)
    if questions and 0 < (1 - query.threshold) * questions < 1 - 1e-9:
        raise InputError(
            f"--threshold {query.threshold:g} is finer than a slice of {questions:,} questions, one of which is "
            f"{1 / questions:g}; give at most {1 - 1 / questions:g}, or 1, which is no mistake"
        )


def _shown(query: Query, several: bool) -> list[tuple[Column, int | None]]:
    """The columns behind those of ``by``, in order, with the length of each, or None for that of the training.

    Those of a suite at further lengths stand behind the last of those at the length of the training.
    """
    names = {*(query.columns or USUAL)}
    if several and any(COLUMNS[name].set for name in names):
        names.add("suite")
    last = max(place for place, column in enumerate(COLUMNS.values()) if column.set)
    found: list[tuple[Column, int | None]] = []
    for place, (name, column) in enumerate(COLUMNS.items()):
        found += [(column, None)] * (name in names)
        if place == last:
            found += [(COLUMNS[n], size) for size in query.lengths for n in COLUMNS if n in names and COLUMNS[n].set]
    return found


@figures.styled
def draw_lengths(rows: Sequence[Result], query: Query) -> "Figure":
    """Draws the exact match of operands that both have so many digits against that length, with its 95% interval.

    A group of runs is a line; all its seeds count together, and the suites of all D that ask a length. The interval is
    of the questions (Clopper and Pearson).

    Raises InputError if no run fits, or none was asked by lengths.
    """
    groups = {key: counts for key, group in _grouped(rows, query).items() if (counts := _by_length(group))}
    if not groups:
        raise InputError(
            "none of these runs was asked slices such as lengths-3-3; choose runs of addition or subtraction"
        )
    several = len({key[-1] for key in groups}) > 1
    drawn = figures.figure(6.4, 4.0)
    axes = drawn.add_subplot()
    for number, (key, counts) in enumerate(groups.items()):
        lengths = sorted(counts)
        least, most = zip(*(interval(*counts[length]) for length in lengths), strict=True)
        look = figures.look(number, len(lengths))
        shares = [right / count for right, count in (counts[length] for length in lengths)]
        axes.plot(lengths, shares, label=", ".join(key if several else key[:-1]), **look)
        axes.fill_between(lengths, least, most, color=look["color"], alpha=0.2, linewidth=0)
    axes.set(xlabel="digits of both operands", ylabel="exact match", ylim=(-0.02, 1.02))
    axes.locator_params(axis="x", integer=True)
    axes.grid(visible=True)
    axes.legend()
    return drawn


def _by_length(group: Sequence[Result]) -> dict[int, tuple[int, int]]:
    """How many answers were right, and how many were asked, by the length that both operands have."""
    found: dict[int, tuple[int, int]] = {}
    for row in group:
        slices = {one.slice: one for one in reversed(row.scores.select(STANDARD).rows)}  # each once, the shortest size
        for name, one in slices.items():
            if same := re.fullmatch(r"lengths-(\d+)-\1", name):
                right, before = found.get(int(same[1]), (0, 0))
                found[int(same[1])] = right + one.right, before + one.questions
    return found


def _share(count: int, seeds: int) -> str:
    """How many of some seeds, with the lower bound on the share of all."""
    return f"{count} of {seeds}" + f" (> {cut(lower_share(count, seeds), 2)})" * bool(count)


def field_of(row: Result, name: str) -> str:
    """A field of a line, or a setting of its model or its training, as text; raises InputError if there is none.

    ``model-options`` are the options of a model of one's own, and ``model-options.heads`` is one of them, nothing where
    a model does not have it.
    """
    settings, text = row.settings, row.settings["model"].get("options") or ""
    options = json.loads(text or "{}")
    places, plain = (settings, settings["model"], vars(row)), str | int | float | None
    fields = {field: value for place in places for field, value in place.items() if isinstance(value, plain)}
    fields |= {"model_options": text, "options": text} | {f"model_options.{key}": options[key] for key in options}
    first, dot, key = name.partition(".")
    field = first.replace("-", "_") + dot + key
    if field in fields:
        return _default_in_words(row, field) if fields[field] is None else str(fields[field])
    if field.startswith("model_options."):
        return ""
    known = sorted(known.replace("model_options", "model-options") for known in fields.keys() - {"options"})
    raise InputError(f"there is no field {name!r}; {one_of(name, known)}")


def _default_in_words(row: Result, field: str) -> str:
    """What a setting that is not given is; nothing if the model does not have it."""
    if field in NETWORK_OPTIONS and field not in network_options_of(
        row.model, row.settings["model"].get("positional_encoding")
    ):
        return ""
    setting = (parameters_of(ModelConfig) | parameters_of(TrainConfig)).get(field)
    return (setting and setting.about.default_text) or "None"
