"""Draws docs/slices.png, the picture of the README: two models of subtraction, asked each slice of hard questions.

One is trained on the random pairs of the default dataset, the other by the recipe ``best``, on structured pairs. The
network, the settings and the number of steps are the same. Nothing is trained here: the shares are those of
``results.jsonl``, with a mark per seed, and ``make bench-recipes`` measures them::

    python benchmarks/draw_slices.py
"""

import argparse
from pathlib import Path

from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.sweeps import results

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "slices.png"
# From the name in the legend to the group of runs, a colour and a mark. The picture has a ground of its own, so that it
# looks the same on light and on dark pages.
SERIES = {
    "random pairs": ("random-subtraction", drawing.LIGHT["series1"], "o"),
    "structured pairs": ("best-subtraction", drawing.LIGHT["series0"], "D"),
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


@drawing.styled
def draw(found: dict[str, Scores]) -> None:
    """Draws a line per set, with a mark per model: validation set, random questions, and where one of them errs."""
    from matplotlib.ticker import PercentFormatter

    first, always = found[next(iter(SERIES))], [RANDOM, VALIDATION]
    shares = [(name, share) for scores in found.values() for name, share in scores.items()]
    failed = {name for name, share in shares if min(share) < SHOWN_BELOW} - {*always}
    names = [*sorted(failed, key=lambda name: (min(first[name]), name)), *always]
    figure = drawing.figure(8, 0.32 * len(names) + 0.8)
    axes = figure.add_subplot()
    for series, (_, color, mark) in SERIES.items():
        for number, share in enumerate(zip(*(found[series][name] for name in names), strict=True)):
            label = f"trained on {series}" if number == 0 else None
            axes.plot(share, range(len(names)), mark, color=color, markersize=6, alpha=0.8, label=label)
    axes.axhline(len(names) - 2.5, color=drawing.LIGHT["ink"], linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.tick_params(length=0, labelsize=10)
    axes.grid()
    axes.spines[:].set_visible(False)
    axes.set_title(f"Subtraction: the share of right answers of each kind, with {len(SEEDS)} seeds", loc="left")
    axes.legend(loc="center left", fontsize=10)
    TARGET.write_bytes(drawing.image(figure))


if __name__ == "__main__":
    main()
