"""Trains the networks that come with the package again, and stores them with some of their epochs.

They are in ``seq2seq_arith/trainer/pretrained``, and the data and the runs of their training in ``build/pretrained``.
Each has its best weights, which its proof is about, and the weights after a few epochs, in 16 bits if the answers to
its suite stay the same. With ``--prove``, nothing is trained: only the proofs are made again::

    python benchmarks/pretrained.py --only subtraction
    python benchmarks/pretrained.py --prove
"""

import argparse
import dataclasses
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.data import making, question_sets
from seq2seq_arith.trainer.evaluation import suites, summary_table
from seq2seq_arith.trainer.recipes import configured, recipe_data
from seq2seq_arith.trainer.runs import checkpoints, files, history, samples
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, Run, open_run
from seq2seq_arith.trainer.training import proof, session
from seq2seq_arith.trainer.training.opened import OpenRun

BUILD = Path(__file__).parents[1] / "build/pretrained"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """How a network of the package is trained, and of which epochs the weights are stored beside those of the end."""

    task: str
    recipe: str = "best"
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields of the dataset that differ
    training: Mapping[str, Any]  # fields of the training that differ
    epochs: Sequence[int]


# The epochs are short, so that the first ones show how answers become right.
NETWORKS = {
    "addition": Network(
        task="addition",
        recipe="length_generalization",
        training={"epochs": 100, "epoch_examples": 5_400, "seed": 130},
        epochs=(1, 2, 3, 6, 7, 8, 10),
    ),
    "subtraction": Network(
        task="subtraction",
        training={"epochs": 100, "epoch_examples": 10_350},
        epochs=(1, 3, 5, 6, 7, 100),
    ),
    "subtraction-random-pairs": Network(
        task="subtraction",
        data={"draws": "digits", "num_examples": 50_000},
        training={"epochs": 184, "steps_per_epoch": 22, "prove": 0},
        epochs=(1, 4, 8, 9, 10, 11, 13),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="these networks")
    parser.add_argument("--prove", action="store_true", help="only prove the stored networks again")
    options = parser.parse_args()
    for name in options.only:
        if not options.prove:
            store(trained(name, NETWORKS[name]), PRETRAINED_RUNS / name, NETWORKS[name].epochs)
        prove(PRETRAINED_RUNS / name)


def trained(name: str, network: Network) -> Run:
    """The run of a network in the folder for building, with the scores of its suite."""
    task, data_dir = recipe_data(network.recipe, network.task, **network.data), str(BUILD / "data")
    making.make_missing(task, data_dir)
    config = configured(network.recipe, task, keep_epochs=True, **network.training)
    run = session.train(task, data_dir, str(BUILD / "runs" / name), config).run
    summary_table.evaluate_suite(OpenRun(run))
    return run


def store(run: Run, folder: Path, epochs: Sequence[int]) -> None:
    """Writes the files of a run that the package contains into a new folder: with these epochs and the best one."""
    shutil.rmtree(folder, ignore_errors=True)
    stored, opened = dataclasses.replace(run, folder=folder, data_dir="data"), OpenRun(run)
    files.write_json(stored.config_path, stored.to_json())
    checkpoints.save(stored.best, *checkpoints.load(run.best), compressed=True)
    kept = sorted({*epochs, *(row["epoch"] for row in opened.history if row["round"]), opened.best_epoch or 1})
    for epoch in kept:
        save_epoch(opened, epoch, stored.of_epoch(epoch))
    answered = [epoch for epoch in samples.read_jsonl(run.samples) if epoch.epoch in kept]
    samples.write_jsonl(stored.samples, answered)
    history.write_csv(stored.history, opened.history)
    shutil.copy(run.summary, stored.summary)
    say(f"{folder}: {sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1000:.0f} kB")


def save_epoch(run: OpenRun, epoch: int, path: Path) -> None:
    """Stores the weights after an epoch, in 16 bits if they give the same answers to all questions of the suite."""
    arrays, state = checkpoints.load(run.run.of_epoch(epoch))
    rounded = {name: array.astype(np.float16) if array.dtype == np.float32 else array for name, array in arrays.items()}
    learner = run.learner_of_epoch(epoch)
    _, _, operands, _ = question_sets.suite_questions(run.run.task, suites.DEFAULT, run.run.task.size)
    questions = question_sets.examples(run.run.task, operands)
    answers, _ = learner.answer(questions)
    checkpoints.assign(learner.model.variables, rounded, path)
    different = int(np.any(answers != learner.answer(questions)[0], axis=1).sum())
    if different:
        say(f"epoch {epoch} stays in 32 bits: in 16, {different:,} of {len(questions):,} answers are different")
    checkpoints.save(path, arrays if different else rounded, state, compressed=True)


def prove(folder: Path) -> None:
    """Proves a stored network again, in a copy, because nothing else writes into the folders of the package."""
    with tempfile.TemporaryDirectory() as top:
        copy = OpenRun(open_run(shutil.copytree(folder, Path(top) / folder.name)))
        proved = proof.prove(copy.run, copy.learner)
        proved.save()
        say(f"{folder.name}: {proved.proof}")
        for file in (copy.run.proof, copy.run.certificate):
            if file.is_file():
                shutil.copy(file, folder)


if __name__ == "__main__":
    main()
