"""The history of a run, one row per epoch: as CSV, as a plot, as the lines that end an epoch, and its best row."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.runs.files import read, unreadable, write
from seq2seq_arith.trainer.runs.stores import shown

# The metrics of a set of examples. A row has each of them for the training set and, with VALIDATION before its name,
# for the validation set.
METRICS = ("loss", "character_accuracy", "exact_match")
VALIDATION = "val_"
COUNTS = ("epoch", "steps")
COLUMNS = (*COUNTS, *METRICS, *(VALIDATION + name for name in METRICS), "examples_per_second", "seconds")


def epoch_lines(row: dict[str, Any], epochs: int) -> str:
    """The lines that end an epoch: its number and speed, and a line for each split that fits into a terminal."""
    speed = f"{row['examples_per_second']:,.0f} examples per second, {row['seconds']:.1f} s in all"
    parts = (
        f"{split:<10}  loss {row[prefix + 'loss']:.4f}  characters {row[prefix + 'character_accuracy']:.4f}  "
        f"exact {cut(row[prefix + 'exact_match'], 4)}"
        for split, prefix in (("train", ""), ("validation", VALIDATION))
    )
    return "\n".join([f"epoch {row['epoch']}/{epochs}  {speed}", *parts])


def write_csv(path: Path, history: Sequence[dict[str, Any]]) -> None:
    """Writes the history as CSV with the columns ``COLUMNS``; numbers as Python writes them.

    Raises:
      WriteError: The file cannot be written.
    """
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write(path, text.getvalue().encode())


def read_csv(path: Path) -> list[dict[str, Any]]:
    """The rows that ``write_csv`` wrote; none if there is no such file.

    Raises:
      InputError: The file is damaged.
    """
    if not path.exists():
        return []
    try:
        rows = csv.DictReader(io.StringIO(read(path), newline=""))
        found = [{name: int(text) if name in COUNTS else float(text) for name, text in row.items()} for row in rows]
        if found and all(set(row) == set(COLUMNS) and all(map(math.isfinite, row.values())) for row in found):
            return found
        raise ValueError
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, TypeError, csv.Error):
        raise InputError(f"{shown(path)} is damaged; train the run again in another folder") from None


def rank(row: dict[str, Any]) -> tuple[float, float]:
    """A key by which epochs are compared: the exact match on the validation set, then the loss there."""
    return row[f"{VALIDATION}exact_match"], -row[f"{VALIDATION}loss"]


def best(history: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The row of the best epoch, whose weights a run keeps; None without any epoch.

    It is the epoch with the most validation answers right; of equals, the one with the least loss, then the first.

    >>> rows = [{"epoch": epoch, "val_exact_match": 0.9, "val_loss": 1 / epoch} for epoch in (1, 2)]
    >>> best(rows)["epoch"]
    2
    """
    return max(history, key=rank, default=None)


def plot(path: Path, history: Sequence[dict[str, Any]], title: str) -> None:
    """Plots loss and accuracy over the epochs, for the training and the validation set, as a PNG.

    Raises:
      WriteError: The file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(12, 5), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    for prefix, split, colour in (("", "training", "C0"), (VALIDATION, "validation", "C1")):
        losses.plot(epochs, [row[f"{prefix}loss"] for row in history], "o-", color=colour, label=split)
    losses.set(yscale="log", ylabel="loss, nats per character")
    for key, name, style in (("character_accuracy", "characters", "o--"), ("exact_match", "exact match", "o-")):
        for prefix, split, colour in (("", "training", "C0"), (VALIDATION, "validation", "C1")):
            values = [row[prefix + key] for row in history]
            accuracies.plot(epochs, values, style, color=colour, label=f"{name}, {split}")
    accuracies.set(ylim=(-0.02, 1.02), ylabel="share that is right")
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=100)
    write(path, image.getvalue())
