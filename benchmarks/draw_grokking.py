"""Draws docs/grokking.png: training and validation of addition modulo 97 over the steps, on a logarithmic axis.

The runs are those of the sweep that docs/results.md names; each seed has its own style of line::

    arith-model sweep benchmarks/networks.toml --data-dir data --run-dir runs/networks
    python benchmarks/draw_grokking.py runs/networks
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib

from seq2seq_arith.trainer.runs.history import VALIDATION, read_csv

TARGET = Path(__file__).parents[1] / "docs" / "grokking.png"
# The picture has its own ground, so that it looks the same on light and on dark pages.
CARD, INK, GRID = "#f6f8fa", "#24292f", "#d0d7de"
SPLITS = {"": ("training", "#c2410c"), VALIDATION: ("validation", "#0969da")}
STYLES = ("-", "--", ":")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="the folder of the sweep")
    folders = sorted(parser.parse_args().runs.glob("grokking-seed*/"))
    draw({folder.name.rpartition("-")[2]: read_csv(folder / "history.csv") for folder in folders})


def draw(histories: dict[str, list[dict[str, Any]]]) -> None:
    """Draws two lines per run: the exact match on the training and on the validation examples."""
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    with pyplot.rc_context({"font.size": 10, "text.color": INK, "axes.labelcolor": INK}):
        figure, axes = pyplot.subplots(figsize=(8, 3.6), dpi=85, facecolor=CARD, layout="constrained")
        axes.set_facecolor(CARD)
        for (seed, history), style in zip(histories.items(), STYLES, strict=False):
            steps = [row["steps"] for row in history]
            for prefix, (split, color) in SPLITS.items():
                exact = [row[f"{prefix}exact_match"] for row in history]
                axes.plot(steps, exact, style, color=color, linewidth=1.6, label=f"{split}, {seed}")
        axes.set_xscale("log")
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(which="both", colors=INK, length=0)
        axes.grid(color=GRID, linewidth=0.7)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("training steps")
        axes.set_title("Addition modulo 97, half of the table trained on: right answers", color=INK, loc="left")
        axes.legend(loc="center left", frameon=False)
        figure.savefig(TARGET, facecolor=CARD)


if __name__ == "__main__":
    main()
