"""The configs: their names, what they hold, and what they refuse."""

import pytest
import tensorflow_datasets as tfds
from layout import OWN_TASKS

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig, Builder


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "addition"),
        ({"task": "subtraction", "seed": 7, "ordered": True, "reverse": True}, "subtraction-s7-ordered-reversed"),
        # As many examples as are practical, if nobody says how many.
        ({"task": "pq", "digits": 20}, "pq-d20-n210"),
        ({"digits": 1, "num_examples": None}, "addition-d1-n55"),
        # The files are no part of the name.
        ({"num_shards": 3, "parquet": False}, "addition"),
    ],
)
def test_a_config_names_itself(parameters, name):
    assert ArithConfig(**parameters).name == name


def test_a_config_refuses_in_a_sentence(no_custom_tasks, input_error):
    for parameters in ({"num_examples": 100, "num_shards": 65}, {"parquet": "no"}):
        with input_error(InputError):
            ArithConfig(**parameters)
    with pytest.raises(TypeError, match="flavour"):
        ArithConfig(flavour="sweet")


def test_each_task_is_a_built_in_config():
    assert list(Builder.builder_configs) == list(OPERATIONS)
    assert [config.task for config in Builder.BUILDER_CONFIGS] == [Task(name) for name in OPERATIONS]
    descriptions = [config.description for config in Builder.BUILDER_CONFIGS]
    assert len(set(descriptions)) == len(descriptions)


def test_a_config_has_the_names_that_files_have():
    with pytest.raises(TypeError, match="'size'"):
        ArithConfig("addition", size=6)


def test_a_config_of_a_task_of_ones_own(no_custom_tasks, input_error):
    with input_error(InputError):
        ArithConfig("sort", digits=4)
    assert "sort-d4" not in Builder.builder_configs
    config = ArithConfig("sort", digits=4, task_file=OWN_TASKS)
    assert config.name == "sort-d4"
    assert ArithConfig.from_name("sort-d4").task == config.task == ArithConfig(**config.task.parameters()).task
    assert "sort-d4" in Builder.builder_configs
    assert list(Builder.builder_configs) == list(OPERATIONS)


def test_a_config_of_another_builder_is_refused(tmp_path, input_error):
    with input_error(InputError):
        Builder(config=tfds.core.BuilderConfig(name="other"), data_dir=tmp_path)
