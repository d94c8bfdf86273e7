"""How each model carries over to longer questions than it was trained on: ``make bench-lengths``.

Addition is trained on at most 5 digits and asked up to 18; pq on at most 200 dashes and asked up to 10,000. The table
is of exact matches on 1,000 questions of each length; ``docs/lengths.png`` shows the same.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer import report
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import recipe

LENGTHS = {"addition": (3, 5, *range(6, 19)), "pq": (100, 200, 500, 1_000, 10_000)}
TRAINED = {"addition": Task("addition", digits=5), "pq": Task("pq", digits=200, num_examples=10_000)}


def configs(task: str) -> dict[str, TrainConfig]:
    """Every model that learns the task and reads strings of any length."""
    best, notebook, lengths = (recipe(name, task) for name in ("best", "notebook", "lengths"))
    if task == "pq":
        return {_title(config): config for config in (best, lengths)}
    taggers = [lengths, best, recipe("best", "subtraction"), override(best, name="alternating_tagger", layers=3)]
    taggers.append(override(best, name="returning_tagger"))
    notebooks = [override(notebook, name=name) for name in ("lstm", "gru", "simple_rnn")]
    return {_title(config): config for config in (*taggers, *notebooks)}


def _title(config: TrainConfig) -> str:
    return f"{config.model.name}, {config.model.layers} of {config.model.hidden}, {config.model.view}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    args = parser.parse_args()
    import_tensorflow()
    curves = {name: {} for name in TRAINED}
    for name, task in TRAINED.items():
        size = ["--digits", str(task.digits), "--num-examples", str(task.num_examples)]
        assert arith_data(["generate", name, *size, "--data-dir", args.data_dir]) == 0
        for title, config in configs(name).items():
            curves[name][title] = curve(task, args.data_dir, config)
    for name, rows in curves.items():
        report.say(f"\n{name}, trained on at most {TRAINED[name].digits}: exact match by length")
        table = [[title, *(f"{exact:.3f}" for exact in row)] for title, row in rows.items()]
        report.say(report.table(["model", *map(str, LENGTHS[name])], table))
    plot(curves, Path(__file__).parents[2] / "docs" / "lengths.png")
    return 0


def curve(task: Task, data_dir: str, config: TrainConfig) -> list[float]:
    """Exact match at each length of the best model that the configuration trains."""
    from seq2seq_arith.trainer import evaluation, session

    with tempfile.TemporaryDirectory() as folder:
        run = session.train(task, data_dir, str(Path(folder) / "run"), config).run
        tasks = {length: run.task_of_length(length) for length in LENGTHS[task.name]}
        return [row["exact_match"] for row in evaluation.by_length(run, tasks)]


def plot(curves: dict[str, dict[str, list[float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axes, (name, rows) in zip(panels, curves.items(), strict=True):
        for title, row in rows.items():
            axes.plot(LENGTHS[name], row, "o-", markersize=3, label=title)
        axes.axvline(TRAINED[name].digits, color="gray", linestyle=":", label="longest in training")
        axes.set(title=name, xlabel="dashes" if name == "pq" else "digits", ylabel="exact match", ylim=(-0.03, 1.03))
        axes.set_xscale("log" if name == "pq" else "linear")
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
    report.say(str(path))


if __name__ == "__main__":
    sys.exit(main())
