"""What a person sees of a run: progress, sample answers, tables, the history as CSV and as a plot."""

import contextlib
import csv
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seq2seq_arith.pipelines import Task
from seq2seq_arith.trainer.checkpoints import write_atomically

# What hears of progress: the units done so far, and a short remark.
Tell = Callable[[int, str], None]

LOG_SECONDS = 10.0
LONG_RUN = 12
EXAMPLE = {"decimal": ("12", "7"), "dashes": ("---", "--")}
HISTORY_COLUMNS = (
    "epoch",
    "steps",
    "loss",
    "character_accuracy",
    "exact_match",
    "val_loss",
    "val_character_accuracy",
    "val_exact_match",
    "examples_per_second",
    "seconds",
)


def say(text: str = "") -> None:
    """A line to standard output, at once."""
    print(text, flush=True)


def unheard(done: int, remark: str = "") -> None:
    """A ``Tell`` for work that is short."""


@contextlib.contextmanager
def progress(title: str, total: int, unit: str = "steps") -> Iterator[Tell]:
    """A bar in a terminal, a line every ten seconds in a log.

    Args:
      title: What is under way.
      total: How many units make it complete.
      unit: What is counted.

    Yields:
      A function to call with the units done so far and a short remark.
    """
    if sys.stdout.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.fields[remark]}"), transient=True) as bar:
            task = bar.add_task(title, total=total, remark="")
            yield lambda done, remark="": bar.update(task, completed=done, remark=remark)
        return
    last = time.monotonic()

    def log(done: int, remark: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= LOG_SECONDS and done < total:
            last = time.monotonic()
            say(f"{title}: {done:,} of {total:,} {unit}  {remark}".rstrip())

    yield log


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned text: numbers to the right, the rest to the left."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(_is_number(row[i]) for row in cells[1:]) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def written(question: str, task: Task) -> str:
    """A stored question as a person writes it: without padding, from left to right."""
    return (question[::-1] if task.reverse else question).strip()


def example(task: Task) -> str:
    """A question of the task, as a person writes it."""
    operands = (operand[: task.digits] for operand in EXAMPLE[task.operation.notation])
    return task.operation.symbol.join(operands)


def shortened(text: str) -> str:
    """Long runs of one character in brief: 431 dashes, p and 12 dashes are ``-{431}p------------``."""
    runs = ((character, len(list(group))) for character, group in itertools.groupby(text))
    return "".join(f"{character}{{{count}}}" if count > LONG_RUN else character * count for character, count in runs)


def sample_table(task: Task, samples: Sequence[tuple[str, str, str]]) -> str:
    """Stored questions, right answers and predictions, each with ✓ or ✗."""
    rows = []
    for question, answer, prediction in samples:
        texts = (written(question, task), answer.strip(), prediction.strip())
        rows.append([*map(shortened, texts), "✓" if answer == prediction else "✗"])
    return table(["question", "answer", "prediction", ""], rows)


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """The line that ends an epoch."""
    return (
        f"epoch {row['epoch']}/{epochs}  "
        f"train: loss {row['loss']:.4f}, characters {row['character_accuracy']:.4f}, "
        f"exact {row['exact_match']:.4f}  "
        f"validation: loss {row['val_loss']:.4f}, characters {row['val_character_accuracy']:.4f}, "
        f"exact {row['val_exact_match']:.4f}  "
        f"{row['examples_per_second']:,.0f} examples/s, {row['seconds']:.1f} s"
    )


def write_history(path: Path, history: Sequence[dict[str, Any]]) -> None:
    """The history as CSV, a row an epoch, numbers as Python writes them."""
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, HISTORY_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(path, text.getvalue().encode())


def plot_history(path: Path, history: Sequence[dict[str, Any]], title: str) -> None:
    """Loss and accuracy over epochs, training and validation, as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(12, 5), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    losses.plot(epochs, [row["loss"] for row in history], "o-", label="training")
    losses.plot(epochs, [row["val_loss"] for row in history], "o-", label="validation")
    losses.set(yscale="log", ylabel="loss, nats a character")
    for key, name, style in (("character_accuracy", "characters", "o--"), ("exact_match", "exact match", "o-")):
        for prefix, split, colour in (("", "training", "C0"), ("val_", "validation", "C1")):
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
    write_atomically(path, image.getvalue())


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "", 1).replace("%", "", 1).lstrip("-").isdigit()
