"""The names that ``import seq2seq_arith`` offers, and that they cost nothing until they are used."""

import json
import subprocess
import sys

import pytest

import seq2seq_arith

NAMES = {"ArithConfig", "InputError", "ModelConfig", "OPERATIONS", "RunError", "Task", "TrainConfig", "__version__"}
NAMES |= {"recipe", "recipe_data"}
NAMES |= {"Dataset", "Suite", "TrainedRun", "compare", "generate", "load", "open_run", "suite", "train"}
NAMES |= {"Picture", "plot_history"}
HEAVY = {"apache_beam", "keras", "pyarrow", "tensorflow", "tensorflow_datasets"}


def test_the_public_names_are_these():
    assert set(seq2seq_arith.__all__) == NAMES
    assert set(dir(seq2seq_arith)) >= NAMES
    assert {name for name in NAMES if getattr(seq2seq_arith, name, None) is None} == set()


def test_a_name_is_its_home_layers_own():
    from seq2seq_arith.arithmetic.task import Task
    from seq2seq_arith.datasets import ArithConfig
    from seq2seq_arith.trainer import TrainConfig

    found = (seq2seq_arith.Task, seq2seq_arith.ArithConfig, seq2seq_arith.TrainConfig)
    assert found == (Task, ArithConfig, TrainConfig)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = seq2seq_arith.nothing


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import seq2seq_arith", HEAVY | {"numpy"}),
        ("from seq2seq_arith import Task, InputError", HEAVY),
        ("from seq2seq_arith import TrainConfig, recipe", HEAVY),
        ("from seq2seq_arith import ArithConfig", {"tensorflow", "keras"}),
        ("from seq2seq_arith import compare, generate, load, open_run, suite, train", HEAVY),
        ("from seq2seq_arith import Picture, plot_history", HEAVY | {"matplotlib"}),
    ],
)
def test_an_import_brings_only_what_it_needs(code, absent):
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout.splitlines()[-1])) & absent == set()


def test_an_import_takes_a_moment():
    program = "import time; start = time.process_time(); import seq2seq_arith; print(time.process_time() - start)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3
