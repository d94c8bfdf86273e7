"""Measures each model on longer questions than it was trained on: ``make bench-lengths``.

Addition is trained on at most 5 digits and evaluated up to 18; pq is trained on at most 200 dashes and evaluated up to
10,000. At each length, the task's suite is asked. One table gives the exact match of its slice ``full`` (both operands,
or for pq one of them, have the full length), and one that of its worst slice; ``docs/lengths.png`` shows the same.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.data.making import make_missing
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import recipe, recipe_data

LENGTHS = {"addition": (3, 5, *range(6, 19)), "pq": (100, 200, 500, 1_000, 10_000)}
SUITE = SuiteOptions(per_slice=100)
# From a curve's name to its line in the plot.
LINES = {"full": "o-", "worst slice": "x:"}
TRAINED = {
    "addition": recipe_data("lengths", "addition"),
    "pq": Task("pq", digits=200, num_examples=10_000),
}

# Task, model and curve to the exact match at each length.
Curves = dict[str, dict[str, dict[str, list[float]]]]


def configs(task: str) -> dict[str, TrainConfig]:
    """By title, a configuration for every kind of model that learns the task and reads strings of any length.

    All train on the same dataset, and as the recipe ``lengths`` does.
    """
    lengths = recipe("lengths", task)
    if task == "pq":
        models = [lengths, override(lengths, name="convolution", hidden=32, batch_size=32, learning_rate=3e-2)]
    else:
        sizes = (("lstm_tagger", 24, 1), ("lstm_tagger", 64, 2), ("returning_tagger", 64, 2), ("bilstm_tagger", 64, 3))
        without_decay = override(lengths, weight_decay=0.0, learning_rate=6e-3)
        taggers = [override(without_decay, name=name, hidden=hidden, layers=layers) for name, hidden, layers in sizes]
        models = [lengths, *taggers]
    return {_title(config): config for config in models}


def _title(config: TrainConfig) -> str:
    return f"{config.model.name}, {config.model.layers} of {config.model.hidden}, {config.model.view}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    args = parser.parse_args()
    import_tensorflow()
    curves: Curves = {name: {} for name in TRAINED}
    for name, task in TRAINED.items():
        make_missing(task, args.data_dir)
        for title, config in configs(name).items():
            curves[name][title] = curve(task, args.data_dir, config, LENGTHS[name])
    for name, models in curves.items():
        for kind in LINES:
            say(f"\n{name}, trained on at most {TRAINED[name].digits}: exact match by length, {kind}")
            lines = [[title, *(f"{exact:.3f}" for exact in rows[kind])] for title, rows in models.items()]
            say(table(["model", *map(str, LENGTHS[name])], lines))
    plot(curves, Path(__file__).parents[1] / "docs" / "lengths.png")
    return 0


def curve(task: Task, data_dir: str, config: TrainConfig, lengths: Sequence[int]) -> dict[str, list[float]]:
    """Trains a model, and returns the exact match of its best checkpoint at each length, by the curve's name."""
    from seq2seq_arith.trainer.asking.suites import ask_run
    from seq2seq_arith.trainer.training import session

    with tempfile.TemporaryDirectory() as folder:
        run = session.train(task, data_dir, str(Path(folder) / "run"), config).run
        results = {result.digits: result for result in ask_run(run, SUITE, lengths=lengths)}
    at_lengths = [results[length] for length in lengths]
    full = [next(each for each in result.slices if each.name == "full") for result in at_lengths]
    return {
        "full": [each.all.exact_match for each in full],
        "worst slice": [result.worst.all.exact_match for result in at_lengths],
    }


def plot(curves: Curves, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axes, (name, models) in zip(panels, curves.items(), strict=True):
        for number, (title, rows) in enumerate(models.items()):
            for kind, style in LINES.items():
                label = title if kind == "full" else None
                axes.plot(LENGTHS[name], rows[kind], style, markersize=3, color=f"C{number}", label=label)
        axes.axvline(TRAINED[name].digits, color="gray", linestyle=":", label="longest in training")
        axes.plot([], [], LINES["worst slice"], color="gray", label="the same models' worst slices")
        axes.set(title=name, xlabel="dashes" if name == "pq" else "digits", ylabel="exact match", ylim=(-0.03, 1.03))
        axes.set_xscale("log" if name == "pq" else "linear")
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
    say(str(path))


if __name__ == "__main__":
    sys.exit(main())
