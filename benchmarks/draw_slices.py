"""Draws docs/slices.png, the picture of the README: two models of subtraction, asked each slice of hard questions.

One is trained on the random pairs of the default dataset, the other by the recipe ``best``, on structured pairs. The
network, the settings and the number of steps are the same. Nothing is trained here: the shares are those of
``results.jsonl``, with a mark per seed, and ``make bench-recipes`` measures them::

    python benchmarks/draw_slices.py
"""

import argparse
from pathlib import Path

import matplotlib

from seq2seq_arith.trainer.sweeps import results

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "slices.png"
# The picture has its own ground, so that it looks the same on light and on dark pages. Marks differ in shape, too.
CARD, INK, GRID = "#f6f8fa", "#24292f", "#d0d7de"
# From the name in the legend to the group of runs, a colour and a mark.
SERIES = {
    "random pairs": ("random-subtraction", "#c2410c", "o"),
    "structured pairs": ("best-subtraction", "#0969da", "D"),
}
SEEDS = (0, 1, 2)
SHOWN_BELOW = 0.995  # a kind of which every model has more right is left out
VALIDATION, RANDOM = "validation set", "random"
Scores = dict[str, list[float]]  # the share of each seed, by the name of a set


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = results.read(HERE / results.RESULTS)
    draw({name: scores_of(rows, group) for name, (group, _, _) in SERIES.items()})


def scores_of(rows: list[dict], group: str) -> Scores:
    """Exact match on the validation set, and of every slice but those of single lengths, with each seed."""
    chosen = [next(row for row in rows if (row["run"], row["seed"]) == (group, seed)) for seed in SEEDS]
    names = [name for name in chosen[0]["suites"][0]["slices"] if not name.startswith("lengths")]
    slices = {name: [row["suites"][0]["slices"][name] for row in chosen] for name in names}
    return {VALIDATION: [row["exact_match"] for row in chosen], **slices}


def draw(found: dict[str, Scores]) -> None:
    """Draws a line per set, with a mark per model: validation set, random questions, and where one of them errs."""
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    first = found[next(iter(SERIES))]
    always = [RANDOM, VALIDATION]
    failed = {name for scores in found.values() for name, shares in scores.items() if min(shares) < SHOWN_BELOW} - {
        *always
    }
    names = [*sorted(failed, key=lambda name: (min(first[name]), name)), *always]
    with pyplot.rc_context({"font.size": 10, "text.color": INK, "axes.labelcolor": INK}):
        figure, axes = pyplot.subplots(
            figsize=(8, 0.32 * len(names) + 0.8), dpi=110, facecolor=CARD, layout="constrained"
        )
        axes.set_facecolor(CARD)
        for series, (_, color, mark) in SERIES.items():
            for number, shares in enumerate(zip(*(found[series][name] for name in names), strict=True)):
                label = f"trained on {series}" if number == 0 else None
                axes.plot(shares, range(len(names)), mark, color=color, markersize=6, alpha=0.8, label=label)
        axes.axhline(len(names) - 2.5, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(names)), names, color=INK)
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(colors=INK, length=0)
        axes.grid(color=GRID, linewidth=0.7)
        axes.spines[:].set_visible(False)
        axes.set_title(
            f"Subtraction: the share of right answers of each kind, with {len(SEEDS)} seeds", color=INK, loc="left"
        )
        axes.legend(loc="center left", frameon=False)
        figure.savefig(TARGET, facecolor=CARD)


if __name__ == "__main__":
    main()
