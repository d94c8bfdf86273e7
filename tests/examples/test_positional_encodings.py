"""The positional encodings of the examples: their formulas, and a training with one of them."""

import math

import keras
import numpy as np
import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.positional_encodings import Coordinates
from seq2seq_arith.trainer.plugins import POSITIONAL_ENCODING, Plugin

FILE = f"{ROOT}/examples/positional_encodings.py"
HEADS, QUERIES, KEYS = 4, (0, 5, 200), (0, 3, 5, 60, 73, 136, 168, 184, 199)
PAIRS = [(q, k) for q in range(len(QUERIES)) for k in range(len(KEYS)) if KEYS[k] <= QUERIES[q]]


@pytest.fixture(autouse=True)
def _named():
    plugins.allow(*(f"{FILE}:{name}" for name in ("Alibi", "Kerple", "Fire", "T5Buckets", "distances")))


def biases(name: str, **weights) -> tuple[np.ndarray, keras.layers.Layer]:
    """The bias [heads, queries, keys] of an encoding whose weights are random, and its weights by name."""
    encoding = Plugin.resolve(POSITIONAL_ENCODING, f"{FILE}:{name}").code(
        units=16, heads=HEADS, alphabet=" +0123456789", options={}
    )
    layer, generator = keras.layers.Layer(), np.random.default_rng(0)
    encoding.build(layer, 40)
    for weight in layer.weights:
        weight.assign(weights.get(weight.name, generator.normal(size=weight.shape)))
    at = [Coordinates(np.array(index, np.int32), None) for index in (QUERIES, KEYS)]
    return np.asarray(encoding.bias(*at))[0], {weight.name: np.asarray(weight) for weight in layer.weights}


def check(bias: np.ndarray, formula) -> None:
    for head in range(HEADS):
        for q, k in PAIRS:
            assert bias[head, q, k] == pytest.approx(formula(head, QUERIES[q], KEYS[k]), rel=1e-4, abs=1e-5)


def test_alibi():
    check(biases("Alibi")[0], lambda head, q, k: -(q - k) / 4 ** (head + 1))


def test_kerple():
    bias, weights = biases("Kerple")
    p, q = np.exp(weights["kerple"][:, :, 0, 0])
    check(bias, lambda head, i, j: -p[head] * math.log(1 + q[head] * (i - j)))


def test_fire():
    bias, weights = biases("Fire", fire_c=-0.3, fire_limit=50.0)
    (slope, offset), down, last = (weights[f"fire_{name}"] for name in ("up", "down", "offset"))

    def formula(head: int, i: int, j: int) -> float:
        share = math.log(1 + 0.3 * (i - j)) / math.log(1 + 0.3 * max(i, 50))
        return np.maximum(share * slope + offset, 0) @ down[:, head] + last[head]

    check(bias, formula)


def test_t5_buckets():
    bias, weights = biases("T5Buckets")
    # From the table of the paper's code: relative_position_bucket, not bidirectional, 32 buckets, distance 128.
    bucket = {0: 0, 1: 1, 2: 2, 3: 3, 5: 5, 16: 16, 32: 21, 64: 26, 127: 31, 140: 31, 195: 31, 197: 31, 200: 31}
    check(bias, lambda head, i, j: weights["t5_buckets"][bucket[i - j], head])


@pytest.mark.models
@pytest.mark.parametrize("name", ["Alibi", "Kerple", "Fire", "T5Buckets"])
def test_they_decode_with_the_keys_that_are_kept(name):
    """``build_network`` compares single steps with the whole model."""
    config = ModelConfig(
        name="causal", input_format="reversed", positional_encoding=f"{FILE}:{name}", hidden=16, layers=1
    )
    task = Task("addition", size=2)
    assert config.hints(task) == "reversed question and answer + custom positional encoding" and config.any_length
    build_network(config, make_input_format("reversed", task))


@pytest.mark.models
def test_a_run_with_one_needs_it_named_again(tmp_path, capsys):
    run, own = str(tmp_path / "run"), ["--positional-encoding", f"{FILE}:Alibi"]
    size = ["--hidden", "16", "--layers", "1", "--epochs", "1", "--steps-per-epoch", "2", "--no-suite"]
    train = ["train", "addition", "--num-examples", "1000", "--recipe", "notebook", "--input-format", "reversed"]
    assert main([*train, "--model", "causal", *own, *size, "--data-dir", str(tmp_path / "data"), "--run-dir", run]) == 0
    assert main(["predict", run, "39+3", *own]) == 0 and "39+3 = " in capsys.readouterr().out
    assert main(["export", run, str(tmp_path / "exported"), *own]) == 2
    assert "an export does not contain" in " ".join(capsys.readouterr().err.split())


def test_an_encoding_whose_code_fails_is_refused(tmp_path, input_error):
    (tmp_path / "broken.py").write_text(
        "from seq2seq_arith.trainer.models.positional_encodings import PositionalEncoding\n"
        "class Broken(PositionalEncoding):\n"
        "    def __init__(self, *values):\n"
        "        raise ValueError('no angles')\n"
    )
    plugins.allow(broken := f"{tmp_path / 'broken.py'}:Broken")
    config = ModelConfig(name="causal", input_format="reversed", positional_encoding=broken)
    with input_error(InputError):
        build_network(config, make_input_format("reversed", Task("addition", size=2)))


def test_what_is_not_an_encoding_is_refused(input_error):
    other = f"{ROOT}/examples/own_input_format.py:WholeNumbers"
    plugins.allow(other)
    config = ModelConfig(name="causal", input_format="reversed", positional_encoding=other)
    with input_error(InputError):
        build_network(config, make_input_format("reversed", Task("addition", size=2)))
