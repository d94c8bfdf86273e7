"""Configurations: what is refused, and what JSON and the recipes hold."""

import json

import pytest

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.plan import plan
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.recipes import RECIPES, recipe, recipe_data

EVERY_RECIPE = [(name, task) for name in RECIPES for task in OPERATIONS]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"epochs": 0}, "epochs is 0; give a whole number from 1 to 1000000"),
        ({"epochs": 2.0}, "epochs is 2.0; give a whole number"),
        ({"epochs": True}, "epochs is True; give a whole number"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; give a number from 0 to 10"),
        ({"schedule": "linear"}, "schedule is 'linear'; give one of constant, cosine"),
        ({"warmup": 1.0}, "warmup is 1.0"),
        ({"warmup": 0.1}, "warmup is 0.1, but a constant schedule has none; give --schedule cosine, or --warmup 0"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0"),
        ({"target": 1.5}, "target is 1.5"),
        ({"seed": 2**31}, "seed is 2147483648"),
        ({"replicas": 0}, "replicas is 0"),
        ({"precision": "float16"}, "precision is 'float16'"),
        ({"name": "llstm"}, "model is 'llstm'; give one of lstm, gru"),
        ({"view": "sideways"}, "view is 'sideways'"),
        ({"hidden": 0}, "hidden is 0"),
        ({"layers": 65}, "layers is 65"),
        ({"name": "counter", "precision": "mixed_bfloat16"}, "a counter sums over thousands of steps"),
    ],
)
def test_refuses(values: dict, sentence: str):
    with pytest.raises(InputError) as caught:
        override(TrainConfig(), **values)
    assert sentence in str(caught.value)


def test_override_ignores_none_and_reaches_the_model():
    changed = override(TrainConfig(), hidden=32, epochs=None, batch_size=64)
    assert changed == TrainConfig(model=ModelConfig(hidden=32), batch_size=64)


@pytest.mark.parametrize(("name", "task"), EVERY_RECIPE)
def test_recipes_come_back_from_json(name: str, task: str):
    config = recipe(name, task)
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_json_of_other_fields_is_refused():
    values = TrainConfig().to_json()
    with pytest.raises(InputError, match="it must have"):
        TrainConfig.from_json({name: values[name] for name in values if name != "seed"})
    with pytest.raises(InputError, match="it must have"):
        TrainConfig.from_json(values | {"momentum": 0.9})


@pytest.mark.parametrize("task", OPERATIONS)
def test_the_notebook_recipe_is_the_notebooks(task: str):
    config = recipe("notebook", task)
    assert config.model == ModelConfig(name="lstm", view="raw", hidden=128, layers=1)
    assert (config.batch_size, config.learning_rate, config.schedule, config.epochs) == (128, 1e-3, "constant", 50)
    assert (config.patience, config.min_delta, config.weight_decay, config.clip_norm) == (3, 0.001, 0.0, None)


@pytest.mark.parametrize("of", [recipe, recipe_data])
def test_unknown_recipe(of):
    with pytest.raises(InputError, match="recipe is 'worst'; give one of best"):
        of("worst", "addition")
    with pytest.raises(InputError, match="did you mean 'addition'"):
        of("best", "additoin")


@pytest.mark.parametrize(("name", "task"), EVERY_RECIPE)
def test_every_recipe_has_data_that_can_be_drawn(name: str, task: str):
    data = recipe_data(name, task)
    assert data.name == task
    assert plan(data, Layout.of(data)).draws >= data.num_examples


@pytest.mark.parametrize("task", OPERATIONS)
def test_the_notebook_recipe_trains_on_the_default_dataset(task: str):
    assert recipe_data("notebook", task) == Task(task)


@pytest.mark.parametrize(("name", "task"), EVERY_RECIPE)
def test_an_epoch_of_a_recipe_is_a_pass_over_its_own_data(name: str, task: str):
    config, data = recipe(name, task), recipe_data(name, task)
    assert config.steps_per_epoch or data.num_train <= config.epoch_examples
