"""The command of a report makes the run's own dataset and configuration, for every recipe and task."""

import dataclasses
import shlex

import pytest

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.commands import parse
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.recipes import RECIPES, recipe, recipe_data
from seq2seq_arith.trainer.reporting import repeat


def typed(task: Task, config: TrainConfig) -> tuple[Task, TrainConfig]:
    """What the program makes of the command."""
    words = shlex.split(repeat.command(task, config, "runs/x"))
    assert words[0] == "arith-model"
    return configuration(parse(words[1:]))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("task", OPERATIONS)
def test_it_repeats_every_recipe(name, task):
    expected = recipe_data(name, task), recipe(name, task)
    assert typed(*expected) == expected


@pytest.mark.parametrize(
    ("name", "task", "data", "changes"),
    [
        ("best", "addition", {"digits": 2}, {"epochs": 7, "seed": 3}),
        ("best", "addition", {"num_examples": 20_000, "num_validation": 77, "seed": 5}, {"deterministic": True}),
        ("notebook", "subtraction", {"draws": "structured"}, {"name": "gru", "hidden": 64, "patience": 0}),
        ("notebook", "addition", {"reverse": False, "ordered": True}, {"schedule": "cosine", "warmup": 0.1}),
        ("raw", "addition", {}, {"name": "causal", "positions": "none", "target": 0.999, "stream": True}),
        ("notebook", "pq", {"digits": 20}, {"batch_size": 32, "steps_per_epoch": 9, "clip_norm": 1.0}),
        ("notebook", "multiplication", {"draws": "value", "num_examples": 400_000}, {}),
        ("best", "modular_addition", {"digits": 31, "num_examples": 900}, {"xla": False}),
    ],
)
def test_it_repeats_changes(name, task, data, changes):
    expected = recipe_data(name, task, **data), override(recipe(name, task), **changes)
    assert typed(*expected) == expected


def test_the_shortest_command_is_taken():
    task, config = recipe_data("best", "addition"), recipe("best", "addition")
    assert repeat.command(task, config, "runs/x") == "arith-model train addition --data-dir data --run-dir runs/x"
    found = repeat.command(recipe_data("notebook", "pq"), recipe("notebook", "pq"), "runs/x")
    assert found.endswith("--run-dir runs/x --recipe notebook")


def test_what_no_options_give_has_no_command(monkeypatch):
    """No option says that there is no bound of the gradients, and only the notebook's recipe has none."""
    task, config = recipe_data("best", "addition"), dataclasses.replace(recipe("best", "addition"), clip_norm=None)
    assert typed(task, config) == (task, config)
    monkeypatch.setattr(repeat, "RECIPES", ["best"])
    assert repeat.command(task, config, "runs/x") is None
