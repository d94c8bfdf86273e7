"""The results of many runs: one line of JSON per run, and tables of them."""

import dataclasses
import functools
import json
import math
import os
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic.scoring import Scores, Share, SliceScore
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD
from seq2seq_arith.arithmetic.task import Task
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
MAX_LISTED = 5  # values of single seeds in a cell


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result(Summary):
    """A line of the results: a run of a sweep, its cost, and its scores."""

    run: str  #: the name of its settings in the sweep
    seed: int
    task: str
    draws: str  #: of its dataset
    sha256: str  #: of its dataset's metadata
    settings: dict[str, Any]  #: the configuration of its training
    suite: dict[str, Any]  #: the options of its evaluation
    proved: bool | None = None  #: None if no proof was tried
    rounds: int = 0  #: rounds of counterexample-guided training, until it was proved
    #: Learning curves: after every epoch the steps, and the exact match in training and on the validation set.
    curve: list[Any] = dataclasses.field(default_factory=list)
    scores: Scores = dataclasses.field()  #: of its suite, as ``counted``; every line has them
    epochs: list[Any] = dataclasses.field(default_factory=list)  #: the scores on the suite of every kept epoch
    waves: dict[str, Any] | None = None  #: key frequencies of modular addition, as ``fourier`` finds them
    version: str = __version__  #: of this package

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.settings.get("model"), dict):
            raise InputError("settings has no model; give the configuration of a training run")

    @functools.cached_property
    def by_suite(self) -> dict[tuple[str | None, int | None], Scores]:
        """The scores on each suite, by its set and its size; the size None is that of training."""
        suites = self.scores.suites()
        own = self.scores.sizes[:1]
        return suites | {(set, None): suite for (set, size), suite in suites.items() if size in own}

    def scores_on(self, sets: Sequence[str], size: int | None) -> Scores | None:
        """The scores on sets of the suite at a size, those that the task has; None if it was not evaluated on any."""
        rows = [row for set in sets if (set, size) in self.by_suite for row in self.by_suite[set, size].rows]
        return Scores(tuple(rows)) if rows else None


def row_of(folder: Path, group: str, seed: int, suite: dict[str, Any]) -> Result:
    """The line of a run with the options of its evaluation; raises InputError if it was not trained and evaluated."""
    run = open_run(folder)
    summary, evaluation = Summary.read(run.summary), evaluated.evaluation_of(run)
    if summary is None or evaluation is None:
        raise InputError(f"{folder} has not been trained and evaluated; train it, and evaluate it")
    proof, rows = proofs.read(run), history.read_csv(run.history)
    # The path of custom code is relative to the current folder: an absolute one is useless on another machine.
    names = {
        "model": plugins.relative(run.config.model.name),
        "input_format": plugins.relative(run.config.model.input_format),
    }
    settings = run.config.to_json()
    settings["model"] |= {"name": names["model"], "input_format": names["input_format"]}
    if encoding := run.config.model.positional_encoding:
        settings["model"]["positional_encoding"] = plugins.relative(encoding)
    fields: dict[str, Any] = vars(summary) | names | {"scores": counted(evaluation.scores)}
    return Result(
        **fields,
        run=group,
        seed=seed,
        task=run.task.name,
        draws=run.task.draws,
        sha256=run.sha256,
        settings=settings,
        suite=suite,
        proved=proof and proof.holds,
        rounds=max((row["round"] for row in rows), default=0),
        curve=[
            [row["steps"], *(float(cut(row[f"{prefix}exact_match"], 4)) for prefix in ("", "val_"))] for row in rows
        ],
        epochs=list(evaluation.by_epoch),
        waves=evaluation.waves or None,
    )


def counted(scores: Scores) -> Scores:
    """Scores without the fields that no table shows: mistakes, characters, and why slices are hard."""
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
    """The valid lines of a file, or of a sweep's folder; of two with the same run, seed and suite version, the later.

    Raises InputError if the file cannot be read, or its only line is damaged.
    """
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
    """A column of a table: its title, and a function from the runs of a row to the text of a cell.

    A column with ``sets`` of the suite is computed from the scores on them, at the size of training or at another one.
    The value for several seeds is their median, unless the title says otherwise.
    """

    title: str
    text: Callable[[Sequence[Any], float], str]  # of runs, or of the scores on sets; and the threshold
    sets: tuple[str, ...] = ()

    def cell(self, runs: Sequence[Result], size: int | None, threshold: float) -> str:
        """The text of a cell; a dash if no run was evaluated on the sets at the size."""
        if not self.sets:
            return self.text(runs, threshold)
        suites = [scores for run in runs if (scores := run.scores_on(self.sets, size))]
        return self.text(suites, threshold) if suites else "-"


def _median(field: str, form: Callable[[float], str]) -> Callable[[Sequence[Result], float], str]:
    return lambda runs, _: form(statistics.median(getattr(run, field) for run in runs))


def _listed(field: str) -> Callable[[Sequence[Result], float], str]:
    return lambda runs, _: "; ".join(sorted({getattr(run, field) for run in runs}))


def _pooled(part: Callable[[SliceScore], Share | None]) -> Callable[[Sequence[Scores], float], str]:
    """The wrong answers of all seeds; empty if they are unknown, such as those to seen questions of fresh draws."""

    def text(suites: Sequence[Scores], _: float) -> str:
        shares = [share for suite in suites if (share := part(suite.total()))]
        if len(shares) < len(suites):
            return ""
        return in_words(sum(share.wrong for share in shares), sum(share.questions for share in shares))

    return text


def _slices_with_mistakes(suites: Sequence[Scores], _: float) -> str:
    counts = sorted(sum(row.wrong > 0 for row in suite.rows) for suite in suites)
    listed = ", ".join(map(str, counts)) if len(counts) <= MAX_LISTED else f"{counts[0]} to {counts[-1]}"
    return f"{listed if counts[0] < counts[-1] else counts[0]} of {max(len(suite.rows) for suite in suites)}"


def _minimum(suites: Sequence[Scores], _: float) -> str:
    """The minimum over seeds of the exact match in the worst slice, with the name of the slice."""
    least, name = min((row.right / row.questions, row.slice) for suite in suites for row in suite.rows)
    return cut(least, 3) if least == 1 else f"{cut(least, 3)} ({name})"


def _median_worst(suites: Sequence[Scores], _: float) -> str:
    """The median over seeds of the exact match in the worst slice."""
    return cut(statistics.median(_worst(suite) for suite in suites), 3)


def _worst(suite: Scores) -> float:
    """The exact match in the worst slice."""
    return min(row.right / row.questions for row in suite.rows)


def _reached(suites: Sequence[Scores], threshold: float) -> str:
    """The number of seeds whose worst slice reaches the threshold."""
    return _share(sum(_worst(suite) >= threshold for suite in suites), len(suites))


def _proved(runs: Sequence[Result], rounds: float = math.inf) -> str:
    """The number of seeds that were proved after at most ``rounds`` rounds of counterexample-guided training."""
    # A run to be proved whose proof was not tried, because its scores were too low, counts as not proved.
    tried = [run for run in runs if run.proved is not None or run.settings.get("prove")]
    return _share(sum(bool(run.proved) and run.rounds <= rounds for run in tried), len(tried)) if tried else ""


def _proved_up_to(runs: Sequence[Result]) -> str:
    """The questions that a proof covers: pq has one up to the dashes of its dataset, other tasks at every length."""
    limits = [Task.from_name(run.dataset).size for run in runs if run.task == "pq"]
    return f"up to {min(limits):,} dashes" if limits else "every length"


def _trained_digits(runs: Sequence[Result], _: float) -> str:
    """The maximum size of the operands in training; empty if a run does not have it."""
    digits = [run.trained_digits for run in runs if run.trained_digits is not None]
    return f"{max(digits):,}" if len(digits) == len(runs) else ""


# The columns of a table, by their names in ``--columns``. To add a column, add an entry.
COLUMNS = {
    "hints": Column("hints", _listed("hints")),
    "draws": Column("draws", _listed("draws")),
    "seeds": Column("seeds", lambda runs, _: str(len(runs))),
    "suite": Column("suite", lambda runs, _: version_of(runs[0])),
    "exact": Column("exact match", _median("exact_match", lambda share: cut(share, 4))),
    "unseen": Column("not seen, wrong{at}", _pooled(lambda total: total.not_seen), (STANDARD,)),
    "seen": Column("seen, wrong{at}", _pooled(lambda total: total.seen_in_training), (STANDARD,)),
    "wrong": Column("wrong{at}", _pooled(lambda total: total), (STANDARD,)),
    "imperfect": Column("slices with mistakes{at}", _slices_with_mistakes, (STANDARD,)),
    "minimum": Column("minimum over seeds{at}", _minimum, (STANDARD,)),
    "median": Column("median over seeds{at}", _median_worst, (STANDARD,)),
    "minimum-held-out": Column("minimum over seeds, held-out{at}", _minimum, (HELD_OUT,)),
    "reached": Column("{threshold}{at}", _reached, SETS),
    "as-trained": Column("proved as trained", lambda runs, _: _proved(runs, 0)),
    "proved": Column("proved", lambda runs, _: _proved(runs) and f"{_proved(runs)}, {_proved_up_to(runs)}"),
    "trained-digits": Column("longest operands in training", _trained_digits),
    "weights": Column("weights", _median("weights", "{:,.0f}".format)),
    "examples": Column("examples seen", _median("examples", "{:,.0f}".format)),
    "flops": Column("FLOPs", _median("flops", "{:.1e}".format)),
    "seconds": Column("seconds", _median("seconds", "{:,.0f}".format)),
    "cpu": Column("CPU seconds", _median("cpu_seconds", "{:,.0f}".format)),
}
# The default columns, without the empty ones.
USUAL = ("hints", "draws", "seeds", "unseen", "wrong", "minimum", "minimum-held-out", "reached")


@dataclasses.dataclass(frozen=True)
class Query:
    """The rows and the columns of a table."""

    by: Sequence[str] = ("run",)  # fields or settings: a row per combination of their values
    where: Sequence[tuple[str, str]] = ()  # fields or settings, and their text; ``*`` matches any text, as in filenames
    threshold: float = 1.0  # a seed counts if its worst slice reaches it
    lengths: Sequence[int] = ()  # further lengths of the suite
    columns: Sequence[str] | None = None  # after those of ``by``; None for ``USUAL``


def tabulate(rows: Sequence[Result], query: Query) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table; no row mixes versions of a suite.

    If rows differ in the version, it is a column; otherwise it is in the header of the first column of a suite.

    A cell is empty if its value does not exist, such as that of seen questions of fresh draws, and a dash if no run was
    evaluated on the suite.

    Raises InputError if no run matches, there is no such field, or the threshold is finer than the questions.
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
    threshold = "seeds with 100%" if query.threshold == 1 else f"at least {query.threshold:g}"
    version = f" ({min(versions)})" if len(versions) == 1 else ""
    header: list[str] = [*query.by]
    lines = [[*key[:-1]] for key in groups]
    for column, size in shown:
        cells = [column.cell(group, size, query.threshold) for group in groups.values()]
        if query.columns or {*cells} - {"", "" if size else "-"}:
            title = column.title.format(at=f" at {size}" if size else "", threshold=threshold)
            if column.sets:
                title, version = title + version, ""  # in the first column of a suite only
            header.append(title)
            for line, cell in zip(lines, cells, strict=True):
                line.append(cell)
    return header, lines


def _grouped(rows: Sequence[Result], query: Query) -> dict[tuple[str, ...], list[Result]]:
    """The matching runs by their fields and the version of their suite; raises InputError if there are none."""
    chosen = [row for row in rows if all(fnmatchcase(field_of(row, name), value) for name, value in query.where)]
    if not chosen:
        conditions = " and ".join(map("=".join, query.where)) or "a result"
        raise InputError(f"none of {len(rows)} runs has {conditions}")
    groups: dict[tuple[str, ...], list[Result]] = {}
    for row in chosen:
        groups.setdefault((*(field_of(row, name) for name in query.by), version_of(row)), []).append(row)
    return groups


def version_of(row: Result) -> str:
    """The version of the suite of a run, such as v2; empty if it was not evaluated on a suite."""
    return f"v{row.scores.rows[0].version}" if row.scores.rows else ""


def _check_threshold(rows: Sequence[Result], query: Query) -> None:
    """Raises InputError if one wrong answer in a slice already misses a threshold below 1."""
    evaluated = (row for row in rows for size in (None, *query.lengths) if (STANDARD, size) in row.by_suite)
    questions = min((row.scores.per_slice for row in evaluated if row.scores.per_slice), default=None)
    if questions and 0 < (1 - query.threshold) * questions < 1 - 1e-9:
        raise InputError(
            f"--threshold {query.threshold:g} is finer than a slice of {questions:,} questions, one of which is "
            f"{1 / questions:g}; give at most {1 - 1 / questions:g}, or 1, which allows no mistake"
        )


def _shown(query: Query, several: bool) -> list[tuple[Column, int | None]]:
    """The columns after those of ``by``, in order, each with its length, or None for that of training.

    Those of a suite at further lengths follow the last one at the length of training.
    """
    names = {*(query.columns or USUAL)}
    if several and any(COLUMNS[name].sets for name in names):
        names.add("suite")
    last = max(index for index, column in enumerate(COLUMNS.values()) if column.sets)
    columns: list[tuple[Column, int | None]] = []
    for index, (name, column) in enumerate(COLUMNS.items()):
        columns += [(column, None)] * (name in names)
        if index == last:
            columns += [(COLUMNS[n], size) for size in query.lengths for n in COLUMNS if n in names and COLUMNS[n].sets]
    return columns


@figures.styled
def draw_lengths(rows: Sequence[Result], query: Query) -> "Figure":
    """Draws length generalisation: exact match against the length of both operands, with its 95% interval.

    A group of runs is a line, which pools all its seeds, and the suites of all D that contain a length. The interval is
    that of Clopper and Pearson over the questions.

    Raises InputError if no run matches, or none was evaluated on slices of lengths.
    """
    groups = {key: counts for key, group in _grouped(rows, query).items() if (counts := _by_length(group))}
    if not groups:
        raise InputError(
            "none of these runs was evaluated on slices such as lengths-3-3; choose runs of addition or subtraction"
        )
    several = len({key[-1] for key in groups}) > 1
    drawn = figures.figure(6.4, 4.0)
    axes = drawn.add_subplot()
    for number, (key, counts) in enumerate(groups.items()):
        lengths = sorted(counts)
        least, most = zip(*(interval(*counts[length]) for length in lengths), strict=True)
        look = figures.look(number, len(lengths))
        shares = [right / count for right, count in (counts[length] for length in lengths)]
        # Of custom code, the name without its file.
        names = [name.rpartition(".py:")[2] for name in (key if several else key[:-1])]
        axes.plot(lengths, shares, label=printable(", ".join(names)), **look)
        axes.fill_between(lengths, least, most, color=look["color"], alpha=0.2, linewidth=0)
    axes.set(xlabel="digits of both operands", ylabel="exact match", ylim=(-0.02, 1.02))
    axes.locator_params(axis="x", integer=True)
    axes.grid(visible=True)
    axes.legend()
    return drawn


def _by_length(group: Sequence[Result]) -> dict[int, tuple[int, int]]:
    """The numbers of right answers and of questions, by the length that both operands have."""
    counts: dict[int, tuple[int, int]] = {}
    for row in group:
        # Of several sizes, the scores at the smallest.
        slices = {score.slice: score for score in reversed(row.scores.select(STANDARD).rows)}
        for name, score in slices.items():
            if same := re.fullmatch(r"lengths-(\d+)-\1", name):
                right, questions = counts.get(int(same[1]), (0, 0))
                counts[int(same[1])] = right + score.right, questions + score.questions
    return counts


def _share(count: int, seeds: int) -> str:
    """The number of seeds out of all, with the lower bound on the share of such seeds in general."""
    return f"{count} of {seeds}" + f" (> {cut(lower_share(count, seeds), 2)})" * bool(count)


def field_of(row: Result, name: str) -> str:
    """A field of a line, or a setting of its model or its training, as text; raises InputError if there is none.

    ``model-options`` are the options of a custom model, and ``model-options.heads`` is one of them, empty if a model
    does not have it.
    """
    settings, text = row.settings, row.settings["model"].get("options") or ""
    options = json.loads(text or "{}")
    sources, plain = (settings, settings["model"], vars(row)), str | int | float | None
    fields = {field: value for source in sources for field, value in source.items() if isinstance(value, plain)}
    fields |= {"model_options": text, "options": text} | {f"model_options.{key}": options[key] for key in options}
    first, dot, key = name.partition(".")
    field = first.replace("-", "_") + dot + key
    if field in fields:
        return _default_in_words(row, field) if fields[field] is None else str(fields[field])
    if field.startswith("model_options."):
        return ""
    names = sorted(name.replace("model_options", "model-options") for name in fields.keys() - {"options"})
    raise InputError(f"there is no field {name!r}; {one_of(name, names)}")


def _default_in_words(row: Result, field: str) -> str:
    """The default of an unset setting; empty if the model does not have the setting."""
    if field in NETWORK_OPTIONS and field not in network_options_of(
        row.model, row.settings["model"].get("positional_encoding")
    ):
        return ""
    setting = (parameters_of(ModelConfig) | parameters_of(TrainConfig)).get(field)
    return (setting and setting.about.default_text) or "None"
