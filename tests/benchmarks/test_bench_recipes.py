"""Which cases bench_recipes.py takes, and what it says of a worst slice."""

import argparse
import importlib
from pathlib import Path

import pytest

from seq2seq_arith.base.errors import InputError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("bench_recipes")


def arguments(**given):
    return argparse.Namespace(**{name: given.get(name) for name in ("recipe", "task", "seeds", "lengths", "bar")})


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"recipe": ["raw"]}, [("raw", "addition", 0.99, 3, ()), ("raw", "subtraction", 0.99, 3, ())]),
        ({"task": ["multiplication"]}, [("best", "multiplication", 0.99, 3, ())]),
        ({"recipe": ["notebook"], "task": ["addition"]}, [("notebook", "addition", 0.9995, 3, ())]),
        (
            {"recipe": ["best"], "task": ["subtraction"], "seeds": 2, "lengths": "18,40", "bar": 0.9},
            [("best", "subtraction", 0.9, 2, (18, 40))],
        ),
    ],
)
def test_the_cases(bench, given, chosen):
    cases = bench.choose(arguments(**given))
    assert [(case.recipe, case.task, case.bar, case.seeds, case.lengths) for case in cases] == chosen


def test_without_a_choice_it_takes_all_and_each_fits(bench):
    assert bench.choose(arguments()) == list(bench.CASES)
    for case in bench.CASES:
        case.check()
        assert case.data.config_name in case.title


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"seeds": 0}, "seeds is 0"),
        ({"bar": 2.0}, "bar is 2.0"),
        ({"recipe": "raw", "lengths": (18,)}, "model 'lstm_transformer' has weights for every place"),
    ],
)
def test_it_refuses_before_it_trains(bench, values, sentence):
    with pytest.raises(InputError, match=sentence):
        bench.Case(**{"recipe": "best", "task": "addition"} | values).check()


@pytest.mark.parametrize(
    ("found", "text", "holds"),
    [
        (None, "no suite", True),
        ({"name": "random", "exact_match": 1.0, "wrong_example": None}, "each 1.0000", True),
        ({"name": "equal", "exact_match": 0.995, "wrong_example": {}}, "equal 0.9950", True),
        ({"name": "equal", "exact_match": 0.98, "wrong_example": {}}, "equal 0.9800", False),
    ],
)
def test_a_worst_slice(bench, found, text, holds):
    worst = bench.Worst.of(found, 0.99)
    assert (worst.text, worst.holds) == (text, holds)
