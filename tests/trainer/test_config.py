"""Configurations: what is refused, and what JSON and the recipes hold."""

import dataclasses
import inspect
import json

import numpy as np
import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.notation import DASHES
from seq2seq_arith.arithmetic.operations import BUILT_IN, OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.plan import plan
from seq2seq_arith.trainer import recipes
from seq2seq_arith.trainer.config import ModelConfig, SearchOptions, TrainConfig, override
from seq2seq_arith.trainer.recipes import RECIPES, configured, recipe, recipe_data
from seq2seq_arith.trainer.registry import check_model, writes_numbers

EVERY_RECIPE = [(name, task) for name in RECIPES for task in OPERATIONS]

REFUSED = [
    {"epochs": 0},
    {"epochs": 2.0},
    {"learning_rate": float("nan")},
    {"learning_rate": "fast"},
    {"xla": 1},
    {"schedule": "linear"},
    {"warmup": 1.0},
    {"min_lr_ratio": 0.1},
    {"prove": 1},
    {"prove": 1, "schedule": "cosine", "ema_decay": 0.9},
    {"curriculum_threshold": 0.8},
    {"batch_size": 2**11, "batch_doublings": 10},
    {"name": "lstm", "dropout": 0.1},
    {"name": "causal", "positional_encoding": "nope", "rope_base": 3.0},
    {"name": "causal", "distractors": 4},
    {"name": "causal", "positional_encoding": "rope", "attention_window": 2},
    {"name": "causal", "positional_encoding": "coupled_relative_bias", "attention_window": 0},
    {"name": "causal", "hidden": 12, "heads": 4},
    {"name": "causal", "input_format": "zero_padded", "blanks": False},
    {"clip_norm": 0.0},
    {"target": 1.5},
    {"seed": 2**31},
    {"input_format": "sideways"},
    {"hidden": 0},
    {"name": "counter", "precision": "mixed_bfloat16"},
]


@pytest.mark.parametrize("values", REFUSED, ids=str)
def test_refuses(values: dict, input_error):
    with input_error(InputError):
        override(TrainConfig(), **values)


# Only rotations need heads of even size.
UNROTATED = {"name": "causal", "positional_encoding": "nope", "hidden": 12, "heads": 4}


def test_the_bounds_themselves_are_allowed():
    for values in (
        {"epochs": 1},
        {"hidden": 2**14},
        {"target": 1.0},
        {"seed": 2**31 - 1},
        {"clip_norm": None},
        UNROTATED,
    ):
        override(TrainConfig(), **values)


@pytest.mark.parametrize("name", ["beta_1", "beta_2", "ema_decay"])
def test_a_decay_of_one_is_refused(name, input_error):
    with input_error(InputError):
        override(TrainConfig(), **{name: 1.0})


def test_numbers_of_numpy_become_plain():
    config = override(TrainConfig(), epochs=np.int64(5), hidden=np.int32(8))
    assert json.loads(json.dumps(config.to_json())) == override(TrainConfig(), epochs=5, hidden=8).to_json()


def test_a_recipe_proves_unless_another_value_may_forbid_it():
    task = Task("addition")
    for same in (
        {"name": "latch_tagger"},
        {"input_format": "aligned"},
        {"schedule": "cosine"},
        {"precision": "float32"},
    ):
        assert configured("best", task, **same).prove == recipe("best", "addition").prove > 0
    for other in (
        {"name": "lstm", "input_format": "reversed"},
        {"schedule": "constant"},
        {"precision": "mixed_bfloat16"},
    ):
        assert configured("best", task, **other).prove == 0


def test_recipes_come_back_from_json():
    for name, task in EVERY_RECIPE:
        config = recipe(name, task)
        assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    turned = override(TrainConfig(), name="causal", rope_base=3.0, blanks=False, beta_2=0.99)
    assert TrainConfig.from_json(turned.to_json()) == turned


def test_every_setting_is_in_the_documentation():
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    flags = {each.flag for each in (parameters_of(ModelConfig) | parameters_of(TrainConfig)).values()}
    assert {flag for flag in flags if f"--{flag}" not in pages and f"--no-{flag}" not in pages} == set()


def test_a_field_that_came_after_a_run_has_its_default():
    config = override(TrainConfig(), epochs=3, name="gru", ema_decay=0.5)
    values = config.to_json()
    del values["ema_decay"], values["model"]["positional_encoding"]
    assert TrainConfig.from_json(values) == dataclasses.replace(config, ema_decay=None)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"momentum": 9}, id="unknown key"),
        pytest.param({"epochs": "9"}, id="string"),
        pytest.param({"epochs": 0}, id="out of range"),
        pytest.param({"model": {"colour": 1}}, id="unknown key of the model"),
        pytest.param({"model": {"hidden": None}}, id="null"),
        pytest.param({"model": []}, id="list"),
    ],
)
def test_json_of_another_configuration_is_refused(changes, input_error):
    with input_error(InputError):
        TrainConfig.from_json(TrainConfig().to_json() | changes)


def test_the_notebook_recipe_is_the_notebooks():
    for task in OPERATIONS:
        config = recipe("notebook", task)
        assert config.model == ModelConfig(name="lstm", input_format="plain", hidden=128, layers=1)
        assert (config.batch_size, config.learning_rate, config.schedule, config.epochs) == (128, 1e-3, "constant", 50)
        assert (config.patience, config.min_delta, config.weight_decay, config.clip_norm) == (3, 0.001, 0.0, None)
        assert recipe_data("notebook", task) == Task(task)


def test_the_recipe_family_of_a_task_follows_from_its_questions_and_answers():
    """As ``Operation.recipe_family`` says, so that one knows which to give a new task."""
    for name, operation in BUILT_IN.items():
        has_numbers = operation.arity == 2 and writes_numbers(Task(name))
        other = "dashes" if operation.notation is DASHES else "strings"
        assert operation.recipe_family == ("decimal" if has_numbers else other), name


@pytest.mark.parametrize(("name", "task"), EVERY_RECIPE)
def test_every_recipe_fits_its_task_and_has_data_that_can_be_drawn(name: str, task: str):
    """Of the published learning rates, the smallest is 1e-3 and the largest 3e-2; one with a slip learns nothing."""
    data = recipe_data(name, task)
    assert data.name == task
    assert plan(data, Layout.from_task(data)).draws >= data.num_examples
    config = recipe(name, task)  # an epoch is a pass over its own data, or a tenth of one
    passes = data.num_train <= config.epoch_examples or data.num_train == 10 * config.epoch_examples
    assert config.steps_per_epoch or passes
    check_model(config.model.name, config.model.input_format, data)
    assert 1e-4 <= config.learning_rate <= 0.05


@pytest.mark.parametrize("config_class", [ModelConfig, TrainConfig, SearchOptions])
def test_help_documents_every_field(config_class: type):
    """As ``help()`` and autodoc show it: one entry per field under napoleon's ``Attributes:``."""
    _, heading, attributes = (inspect.getdoc(config_class) or "").partition("\n\nAttributes:\n")
    names = [line.strip().partition(":")[0] for line in attributes.splitlines()]
    assert heading and names == [field.name for field in dataclasses.fields(config_class)]


def test_help_of_a_field_has_its_range_its_default_and_its_source():
    entries = inspect.getdoc(TrainConfig) or ""
    assert "  warmup: Fraction of all steps used for linear warm-up (from 0 to 0.99; default: 0). `Goyal" in entries
    assert "<https://arxiv.org/abs/1706.02677>`__.\n" in entries


def test_a_recipe_says_that_its_validation_split_is_too_large(input_error):
    with input_error(InputError) as refused:
        recipe_data("plain", "addition", num_examples=1000)
    assert "recipe 'plain'" in str(refused.value)
    assert recipe_data("plain", "addition", num_examples=1000, num_validation=100).num_train == 900


def test_options_of_a_custom_model_are_an_object(input_error):
    with input_error(InputError):
        vars(ModelConfig(options="[1]").network_options)
    with input_error(InputError):
        vars(ModelConfig(name="gru", options="{}").network_options)


def test_a_recipe_without_an_entry_for_a_task(monkeypatch, input_error):
    empty = dataclasses.replace(RECIPES["best"], tasks={})
    monkeypatch.setattr(recipes, "RECIPES", {"best": empty})
    with input_error(InputError):
        recipe("best", "addition")


@pytest.mark.parametrize(
    ("options", "on_gpu", "xla"),
    [
        ({"name": "lstm"}, False, False),
        ({"name": "causal"}, False, True),
        ({"name": "causal"}, True, False),
        ({"name": "causal", "xla": False}, False, False),
        ({"name": "lstm", "xla": True}, True, True),
        ({"name": "causal", "positional_encoding": f"{ROOT}/examples/positional_encodings.py:Alibi"}, False, False),
    ],
)
def test_xla_is_the_default_where_it_was_measured_to_be_faster(options, on_gpu, xla):
    resolved = override(TrainConfig(), **options).resolved(on_gpu=on_gpu)
    assert (resolved.xla, resolved.deterministic) == (xla, not on_gpu)
