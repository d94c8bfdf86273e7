"""Draws docs/slices.png, the picture of the README: two models of subtraction, asked each slice of hard questions.

One is trained on the random pairs of the default dataset, the other by the recipe ``best``, on structured pairs. The
network, the settings and the number of steps are the same. Together they take some minutes on two cores; a training
whose folder is there goes on, or is done::

    python benchmarks/draw_slices.py data runs
"""

import argparse
from pathlib import Path

import matplotlib

import seq2seq_arith as sa

TARGET = Path(__file__).parents[1] / "docs" / "slices.png"
# As many examples as the recipe takes of its larger dataset, in one epoch.
EPOCHS = 15
# The picture has its own ground, so that it looks the same on light and on dark pages. Marks differ in shape, too.
CARD, INK, GRID = "#f6f8fa", "#24292f", "#d0d7de"
SERIES = {"random pairs": ("#c2410c", "o"), "structured pairs": ("#0969da", "D")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", help="where datasets are kept")
    parser.add_argument("runs", help="the folder of the two runs")
    args = parser.parse_args()
    data_dir, runs = args.data_dir, args.runs
    random = sa.train(sa.generate("subtraction", data_dir=data_dir), run_dir=f"{runs}/random", epochs=EPOCHS)
    best = sa.train("subtraction", data_dir=data_dir, run_dir=f"{runs}/subtraction")
    found = dict(zip(SERIES, [random.evaluate(), best.evaluate()], strict=True))
    draw({name: scores_of(scores) for name, scores in found.items()})


def scores_of(scores) -> dict[str, float]:
    """Exact match on the validation set, and of every slice but those of single lengths."""
    slices = {row["slice"]: row["exact_match"] for row in scores.slices if not row["slice"].startswith("lengths")}
    return {"validation set": scores.exact_match, **slices}


def draw(found: dict[str, dict[str, float]]) -> None:
    """Draws a line per set, with a mark per model: validation set, random questions, and where one of them fails."""
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    first = found[next(iter(SERIES))]
    always = ["random", "validation set"]
    failed = {name for scores in found.values() for name, score in scores.items() if score < 1} - {*always}
    names = [*sorted(failed, key=first.__getitem__), *always]
    with pyplot.rc_context({"font.size": 10, "text.color": INK, "axes.labelcolor": INK}):
        figure, axes = pyplot.subplots(figsize=(8, 4), dpi=110, facecolor=CARD, layout="constrained")
        axes.set_facecolor(CARD)
        for series, (color, mark) in SERIES.items():
            values = [found[series][name] for name in names]
            axes.plot(values, range(len(names)), mark, color=color, markersize=6, label=f"trained on {series}")
        axes.axhline(len(names) - 2.5, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(names)), names, color=INK)
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(colors=INK, length=0)
        axes.grid(color=GRID, linewidth=0.7)
        axes.spines[:].set_visible(False)
        axes.set_title("Subtraction: how many questions of each kind are answered right", color=INK, loc="left")
        axes.legend(loc="center left", frameon=False)
        figure.savefig(TARGET, facecolor=CARD)


if __name__ == "__main__":
    main()
