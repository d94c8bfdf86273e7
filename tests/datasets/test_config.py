"""The configs: their names, what they hold, and what they refuse."""

import re

import pytest
from hypothesis import given, settings
from strategies import tasks

from seq2seq_arith.datasets import ArithConfig, Builder
from seq2seq_arith.pipelines import OPERATIONS, InputError, Task


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "addition"),
        ({"task": "pq"}, "pq"),
        ({"digits": 6, "num_examples": 1_000_000}, "addition-d6-n1000000"),
        ({"digits": 3, "num_examples": 50_000, "seed": 0, "reverse": True, "ordered": False}, "addition"),
        ({"task": "subtraction", "seed": 7, "ordered": True, "reverse": True}, "subtraction-s7-ordered-reversed"),
        ({"reverse": False}, "addition-plain"),
        # The files are no part of the name.
        ({"num_shards": 3, "parquet": False}, "addition"),
    ],
)
def test_a_config_names_itself(parameters, name):
    assert ArithConfig(**parameters).name == name


@given(tasks())
@settings(max_examples=50, deadline=None)
def test_a_config_holds_the_task_of_its_parameters(task):
    config = ArithConfig(**task.parameters())
    assert config.task == task
    assert config.name == task.config_name


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"task": "adition"}, "there is no task 'adition', .*did you mean 'addition'"),
        ({"digits": 19}, "digits is 19; give a whole number from 1 to 18"),
        ({"num_examples": 9}, "num_examples is 9; give a whole number at least 10"),
        ({"num_examples": 100, "num_shards": 65}, "num_shards is 65; for 100 examples .* from 1 to 64"),
        ({"num_shards": "3"}, "num_shards is '3'"),
        ({"parquet": "no"}, "parquet is 'no'; give True or False"),
    ],
)
def test_a_config_refuses_in_a_sentence(parameters, message):
    with pytest.raises(InputError, match=message):
        ArithConfig(**parameters)


def test_each_task_is_a_built_in_config():
    assert list(Builder.builder_configs) == list(OPERATIONS)
    assert [config.task for config in Builder.BUILDER_CONFIGS] == [Task(name) for name in OPERATIONS]
    descriptions = [config.description for config in Builder.BUILDER_CONFIGS]
    assert len(set(descriptions)) == len(descriptions)


def test_the_dataset_card_shows_the_built_in_configs():
    card = (Builder.pkg_dir_path / "README.md").read_text()
    rows = {
        cells[1].split("`")[1]: cells
        for line in card.splitlines()
        if (cells := line.split("|"))[1:2] and "`" in cells[1]
    }
    assert list(rows) == list(OPERATIONS)
    for name, cells in rows.items():
        task = Task(name)
        numbers = [int(re.findall(r"[\d,]+", cell)[-1].replace(",", "")) for cell in cells[4:8]]
        assert numbers == [task.digits, task.num_examples, task.question_width, task.answer_width]
        assert cells[8].strip().startswith("yes" if task.reverse else "no")
