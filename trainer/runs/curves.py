"""The curves of several runs in one picture."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
# Okabe and Ito's colours, which people with any colour vision can tell apart, without the yellow, which is hard to see
# on white. Styles and markers tell the curves apart without any colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")
MOST_RUNS = 12
MARKED_EPOCHS = 30  # of more epochs, only some points have markers
SMALLEST_LOSS = 1e-9  # a loss of zero has no place on a logarithmic axis

LOSS, EXACT = f"{history.VALIDATION}loss", f"{history.VALIDATION}exact_match"
# From a column of the history to its values; "epoch" is there, too.
Curves = Mapping[str, Sequence[float]]


def read(run: Run) -> dict[str, list[float]]:
    """The epochs of a run, and its losses and exact matches on the validation set.

    Raises:
      InputError: No epoch has ended yet, or the file is damaged.
    """
    rows = history.read_csv(run.history)
    if not rows:
        raise InputError(f"{run.place} has no {run.history.name} yet; train it for at least one epoch")
    return {name: [row[name] for row in rows] for name in ("epoch", LOSS, EXACT)}


def labels(folders: Sequence[str]) -> list[str]:
    """Short names of folders: the last part of each, or the whole paths if two would have the same.

    >>> labels(["runs/lstm", "runs/gru/"]), labels(["a/run", "b/run"])
    (['lstm', 'gru'], ['a/run', 'b/run'])
    """
    names = [Path(folder).name for folder in folders]
    return names if len(set(names)) == len(names) and all(names) else list(folders)


def check_picture(path: Path) -> None:
    """Raises InputError unless the name of a picture ends in one of ``FORMATS``."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"the picture is {path}; give a file that ends in {', '.join(FORMATS)}")


def plot(path: Path, runs: Mapping[str, Curves]) -> None:
    """Plots loss and exact match on the validation set over the epochs: a curve per run, as ``read`` gives them.

    Args:
      path: A file that ends in one of ``FORMATS``.
      runs: The curves by their names in the legend.

    Raises:
      InputError: The file is of another kind, there are too many runs, or matplotlib is not installed.
      WriteError: The file cannot be written.
    """
    check_picture(path)
    figure = drawn(runs)
    image = io.BytesIO()
    figure.savefig(image, format=path.suffix.lower()[1:], dpi=100)
    write(path, image.getvalue())


def drawn(runs: Mapping[str, Curves]) -> "Figure":
    """The picture of ``plot``.

    Raises:
      InputError: There are too many runs, or matplotlib is not installed.
    """
    if len(runs) > MOST_RUNS:
        raise InputError(f"there are {len(runs)} runs, and a picture with more than {MOST_RUNS} cannot be read")
    packages.require("a picture of curves", "matplotlib", "train")
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(12, 5), layout="constrained")
    losses, exact = figure.subplots(1, 2)
    for number, (label, curves) in enumerate(runs.items()):
        look = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": STYLES[number % len(STYLES)],
            "marker": MARKERS[number % len(MARKERS)],
            "markevery": -(-len(curves["epoch"]) // MARKED_EPOCHS),
            "markersize": 5,
            "linewidth": 1.8,
        }
        losses.plot(curves["epoch"], [max(SMALLEST_LOSS, loss) for loss in curves[LOSS]], label=label, **look)
        exact.plot(curves["epoch"], curves[EXACT], label=label, **look)
    losses.set(yscale="log", ylabel="nats per character (less is better)", title="loss on the validation set")
    exact.set(ylim=(-0.02, 1.02), ylabel="share of right answers", title="exact match on the validation set")
    for axes in (losses, exact):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
    handles, names = losses.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(names)), handlelength=4)
    return figure
