"""The configs: their names, what they hold, and what they refuse."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from layout import ROOT
from programs import files, run
from strategies import small_tasks, tasks

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import option
from seq2seq_arith.datasets import ArithConfig, Builder
from seq2seq_arith.datasets.seq2seq_arith import config


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "addition"),
        ({"task": "pq"}, "pq"),
        ({"digits": 6, "num_examples": 1_000_000}, "addition-d6-n1000000"),
        ({"digits": 3, "num_examples": 50_000, "seed": 0, "reverse": True, "ordered": False}, "addition"),
        ({"task": "subtraction", "seed": 7, "ordered": True, "reverse": True}, "subtraction-s7-ordered-reversed"),
        ({"reverse": False}, "addition-plain"),
        # As many examples as are practical, if nobody says how many.
        ({"task": "pq", "digits": 20}, "pq-d20-n210"),
        ({"digits": 1, "num_examples": None}, "addition-d1-n55"),
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


@given(small_tasks())
@settings(max_examples=50, deadline=None)
def test_the_name_can_be_read_back(task):
    config = ArithConfig.from_name(task.config_name)
    assert (config.task, config.name) == (task, task.config_name)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"task": "adition"}, "there is no task 'adition', .*did you mean 'addition'"),
        ({"digits": 1001}, "digits is 1001; give a whole number from 1 to 1000"),
        ({"num_examples": 9}, "num_examples is 9; give a whole number at least 10"),
        ({"num_examples": 100, "num_shards": 65}, "num_shards is 65; for 100 examples .* from 1 to 64"),
        ({"num_shards": "3"}, "num_shards is '3'"),
        ({"parquet": "no"}, "parquet is 'no'; give True or False"),
    ],
)
def test_a_config_refuses_in_a_sentence(parameters, message):
    with pytest.raises(InputError, match=message):
        ArithConfig(**parameters)


@dataclasses.dataclass(frozen=True)
class WiderTask(Task):
    colour: str = option("the colour of the digits", default="black", choices=("black", "red"))


def test_a_new_parameter_of_a_task_is_one_of_the_config(monkeypatch):
    monkeypatch.setattr(config, "Task", WiderTask)
    assert ArithConfig(colour="red").task == WiderTask(colour="red")
    with pytest.raises(InputError, match="colour is 'blue'; give one of black, red"):
        ArithConfig(colour="blue")
    with pytest.raises(TypeError, match="flavour"):
        ArithConfig(flavour="sweet")


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


OWN = ROOT / "examples/task/own_tasks.py"


@pytest.fixture
def forgotten(monkeypatch):
    monkeypatch.setattr(own_tasks, "_current", {})
    monkeypatch.setattr(own_tasks, "_known", {})


def test_a_config_of_a_task_of_ones_own(forgotten):
    with pytest.raises(InputError, match="there is no task 'sort'"):
        ArithConfig("sort", digits=4)
    assert "sort-d4" not in Builder.builder_configs
    made = ArithConfig("sort", digits=4, task_file=OWN)
    assert made.name == "sort-d4"
    assert ArithConfig.from_name("sort-d4").task == made.task == ArithConfig(**made.task.parameters()).task
    assert "sort-d4" in Builder.builder_configs
    assert list(Builder.builder_configs) == list(OPERATIONS)


@pytest.mark.slow
def test_the_builder_makes_what_the_program_makes_of_a_task_of_ones_own(tmp_path, forgotten):
    by_tfds, by_program = tmp_path / "tfds", tmp_path / "program"
    config = ArithConfig("sort", digits=4, num_examples=200, task_file=OWN)
    builder = Builder(config=config, data_dir=str(by_tfds))
    builder.download_and_prepare()
    words = ["sort", "--letters", "4", "--num-examples", "200", "--task-file", OWN, "--data-dir", by_program]
    assert run("generate", *words).returncode == 0
    assert files(by_tfds / "seq2seq_arith") == files(by_program / "seq2seq_arith")
    examples = builder.as_dataset(split="validation").as_numpy_iterator()
    assert all(sorted(each["question"].strip()) == list(each["answer"].strip()) for each in examples)
