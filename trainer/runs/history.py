"""The history of a run, one row per epoch: as CSV, as curves, as the lines that end an epoch, and its best row."""

import contextlib
import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from seq2seq_arith.base.decoding import decode, parse
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import cut
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.stores import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The metrics of a set of examples. A row has each of them for the training set and, with VALIDATION before its name,
# for the validation set.
METRICS = ("loss", "character_accuracy", "exact_match")
VALIDATION = "val_"
UNITS = {
    "loss": "loss: nats per character",
    "character_accuracy": "share of wrong characters",
    "exact_match": "share of wrong answers",
}
TITLES = {
    "loss": "Loss after each epoch",
    "character_accuracy": "Wrong characters after each epoch",
    "exact_match": "Wrong answers after each epoch",
}
MEANINGS = {
    "loss": "Mean cross-entropy per character, in nats, on a logarithmic axis: less is better.",
    "character_accuracy": "Share of wrong characters, on a logarithmic axis: less is better.",
    "exact_match": "Share of wrong answers, on a logarithmic axis: less is better.",
}


class Row(TypedDict):
    """A row of the history: the columns of ``history.csv``, in their order, and what is in them."""

    epoch: int  # counted from 1
    steps: int  # that were done when it ended
    loss: float
    character_accuracy: float
    exact_match: float
    val_loss: float
    val_character_accuracy: float
    val_exact_match: float
    examples_per_second: float
    seconds: float  # of the whole run until then
    round: int  # of training on what a proof has found, after the last epoch; 0 for an epoch
    val_examples: int  # that scored it
    # Maximum size of the operands in its training questions, also of those of a round; unknown in earlier versions,
    # which have no such column. When such a run is resumed, the cells of its earlier rows are empty.
    trained_digits: NotRequired[int]


COLUMNS = (*Row.__annotations__,)
MAX_RUNS = 12  # in one picture
SMALLEST_LOSS = 1e-9
ROUNDING = 1e-6  # by which a share may exceed 1: the float32 weights of a batch that is not full do
DAMAGED = "is damaged; the same train command writes it again"


def epoch_lines(row: dict[str, Any], epochs: int) -> str:
    """The lines that end an epoch: its number and speed, and a line for each split that fits into a terminal."""
    speed = f"{row['examples_per_second']:,.0f} examples per second, {row['seconds']:.1f} s in all"
    parts = (
        f"{split:<10}  loss {row[prefix + 'loss']:.4f}  characters {row[prefix + 'character_accuracy']:.4f}  "
        f"exact {cut(row[prefix + 'exact_match'], 4)}"
        for split, prefix in (("train", ""), ("validation", VALIDATION))
    )
    return "\n".join([f"{_number(row, epochs)}  {speed}", *parts])


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """An epoch in one line of a terminal."""
    exact = f"exact {cut(row['exact_match'], 4)}, validation {cut(row[f'{VALIDATION}exact_match'], 4)}"
    return f"{_number(row, epochs)}  {row['seconds']:.1f} s  {exact}, loss {row[f'{VALIDATION}loss']:.4f}"


def _number(row: dict[str, Any], epochs: int) -> str:
    return f"round {row['round']}" if row["round"] else f"epoch {row['epoch']}/{epochs}"


def write_csv(path: Path, history: Sequence[dict[str, Any]]) -> None:
    """Writes the history as CSV with the columns ``COLUMNS``; raises WriteError if the file cannot be written."""
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write(path, text.getvalue().encode())


def read_csv(path: Path) -> list[dict[str, Any]]:
    """The rows that ``write_csv`` wrote, none if there is no such file; raises InputError if it is damaged."""
    if not path.exists():
        return []
    try:
        header, *lines = path.read_bytes().decode("ascii").splitlines()
        named = [zip(header.split(","), line.split(","), strict=True) for line in lines]
        rows: list[dict[str, Any]] = [dict(decode(Row, _values(cells))) for cells in named]
        if rows and all(map(_has_shares, rows)):
            return rows
        raise ValueError
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error.strerror}; give yourself access to it") from None
    except ValueError:  # also a MalformedError, and a line of another length
        raise InputError(f"{shown(path)} {DAMAGED}") from None


def _values(cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The values of the cells of a row, by column; an optional one has none where its cell is empty."""
    return {name: parse(cell) for name, cell in cells if cell or name not in Row.__optional_keys__}


def _has_shares(row: dict[str, Any]) -> bool:
    shares = [value for name, value in row.items() if name.endswith(METRICS[1:])]
    return 0 <= min(shares) <= max(shares) <= 1 + ROUNDING


def of_run(run: Run) -> list[dict[str, Any]]:
    """The rows of a run, as ``read_csv``; InputError also if those of the last checkpoint differ."""
    rows, saved = read_csv(run.history), None
    if rows and run.last.exists():
        with contextlib.suppress(InputError):  # the checkpoint itself is damaged
            saved = checkpoints.load(run.last)[1].get("history")
    pairs = zip(rows, saved if isinstance(saved, list) else [], strict=False)
    if any(row != other for row, other in pairs):
        raise InputError(f"{shown(run.history)} {DAMAGED}")
    return rows


def rank(row: dict[str, Any]) -> tuple[float, ...]:
    """A key that compares epochs: the round, how many validation examples scored it, their exact match, their loss."""
    return row["round"], row["val_examples"], row[f"{VALIDATION}exact_match"], -row[f"{VALIDATION}loss"]


def best(history: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The row of the best epoch, whose weights a run keeps; None without any epoch.

    It is the epoch with the most validation answers right; of equals, the one with the least loss, then the first. One
    that was scored on a part of the validation set only ranks below one that was scored on all of it.

    >>> scored = {"round": 0, "val_examples": 9, "val_exact_match": 0.9}
    >>> rows = [{"epoch": epoch, "val_loss": 1 / epoch, **scored} for epoch in (1, 2)]
    >>> best(rows)["epoch"]
    2
    """
    return max(history, key=rank, default=None)


def trained_digits(history: Sequence[dict[str, Any]]) -> int | None:
    """The maximum size of the operands in training; None if a row of an earlier version does not have it.

    >>> trained_digits([{"trained_digits": 3}, {"trained_digits": 5}]), trained_digits([{}, {"trained_digits": 5}])
    (5, None)
    """
    digits = [row["trained_digits"] for row in history if "trained_digits" in row]
    return max(digits, default=None) if len(digits) == len(history) else None


def epochs_of(run: Run) -> list[dict[str, Any]]:
    """The rows of a run's history; raises InputError if no epoch has ended yet, or the file is damaged."""
    rows = of_run(run)
    if not rows:
        raise InputError(f"{run.place} has no {run.history.name} yet; train it for at least one epoch")
    return rows


def labels(folders: Sequence[str]) -> list[str]:
    """Short names of folders: the last part of each, or the whole paths if two would have the same.

    >>> labels(["runs/lstm", "runs/gru/"]), labels(["a/run", "b/run"])
    (['lstm', 'gru'], ['a/run', 'b/run'])
    """
    names = [Path(folder).name for folder in folders]
    return names if len(set(names)) == len(names) and all(names) else list(folders)


@figures.styled
def curves(
    runs: Mapping[str, Sequence[dict[str, Any]]],
    columns: Sequence[str] = ("loss", "exact_match"),
    size: tuple[float, float] = (5.0, 4.2),
) -> "Figure":
    """The curves of runs over the epochs on the validation set, the best epoch in a ring.

    Of a single run, the curves on the training set stand beside them. There is a chart of this size, in inches, for
    each of these ``METRICS``. All axes are logarithmic, and shares are those that are wrong: 0.9994 and 1.0000 right
    would be one line at the upper edge.
    """
    if len(runs) > MAX_RUNS:
        raise InputError(f"there are {len(runs)} runs, and a picture with more than {MAX_RUNS} cannot be read")
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    figure = figures.figure(size[0] * len(columns), size[1])
    floor = _floor([row for rows in runs.values() for row in rows])
    for place, column in enumerate(columns, 1):
        axes = figure.add_subplot(1, len(columns), place)
        lines = {}
        for number, (name, rows) in enumerate(runs.items()):
            epochs, look = [row["epoch"] for row in rows], figures.look(number, len(rows))
            (line,) = axes.plot(epochs, _shown(rows, VALIDATION + column, floor), **look)
            lines["validation set" if len(runs) == 1 else name] = line
            if len(runs) == 1:
                (lines["training set"],) = axes.plot(
                    epochs, _shown(rows, column, floor), "--", color=figures.COLOURS[1]
                )
            ring = max(rows, key=rank)
            look = {"color": look["color"], "marker": "o", "markersize": 11, "fillstyle": "none"}
            axes.plot(ring["epoch"], _shown([ring], VALIDATION + column, floor), **look)
        axes.set(xlabel="epoch", ylabel=UNITS[column], title=TITLES[column])
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        if column == "loss":
            axes.yaxis.set_major_formatter("{x:g}")
        else:
            axes.set_ylim(0.7 * floor, 1.4)
            axes.yaxis.set_major_formatter(
                FuncFormatter(lambda share, _: "none" if share <= 1.01 * floor else f"{share:g}")
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid()
    columns_of_names = min(4, len(lines))
    names = [printable(name) for name in lines]  # no font has control characters
    figure.legend(lines.values(), names, loc="outside lower center", ncols=columns_of_names, handlelength=4)
    return figure


def in_words(runs: Mapping[str, Sequence[dict[str, Any]]], column: str) -> str:
    """What ``curves`` draws of a column, for people who do not see it: where the curve of each run begins and ends."""

    def form(row: dict[str, Any]) -> str:
        value = row[VALIDATION + column]
        return f"{value:.4g}" if column == "loss" else f"{1 - value:.2%}"

    ends = (
        f"{name}: {form(rows[0])} after epoch {rows[0]['epoch']}, {form(best_row)} after the best one, "
        f"{best_row['epoch']} of {len(rows)}"
        for name, rows, best_row in ((name, rows, max(rows, key=rank)) for name, rows in runs.items())
    )
    return f"{MEANINGS[column]} On the validation set, {'; '.join(ends)}."


def _floor(rows: Sequence[dict[str, Any]]) -> float:
    """The power of ten that stands for no mistake on a logarithmic axis: below one of all validation examples."""
    return 10.0 ** (math.ceil(-math.log10(max(10, *(row["val_examples"] for row in rows)))) - 1)


def _shown(rows: Sequence[dict[str, Any]], column: str, floor: float) -> list[float]:
    """The losses of a column, or the shares that are wrong; zero cannot be shown on a logarithmic axis."""
    if column.endswith("loss"):
        return [max(row[column], SMALLEST_LOSS) for row in rows]
    return [max(1 - row[column], floor) for row in rows]


def plot(path: Path, history: Sequence[dict[str, Any]], title: str) -> None:
    """Draws the curves of one run as a PNG; raises WriteError if the file cannot be written."""
    figure = curves({title: history}, METRICS, (4.5, 4.0))
    figure.suptitle(printable(title))
    write(path, figures.image(figure))
