"""A network is two functions: what is decoded is right exactly when teacher forcing says so, row by row."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data import probes
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.network import Autoregressive, Parallel, as_network, most_probable
from seq2seq_arith.trainer.registry import MODELS, POSITIONS

VIEW = make_view("backward", Task("addition", digits=2))
WRITERS = [name for name, entry in MODELS.items() if entry.autoregressive]
# One of each way in which positions come in; the rest in release.
QUICK = [("causal", "coupled_bias"), ("causal", "rope"), ("lstm_attention", None)]
ALL = [(name, positions) for name in WRITERS for positions in (POSITIONS if MODELS[name].positions else (None,))]
CASES = [
    pytest.param(case, id=f"{case[0]}-{case[1]}", marks=() if case in QUICK else pytest.mark.release) for case in ALL
]


def questions(count: int = 40) -> np.ndarray:
    operands = draws.operands(VIEW.task, np.arange(count, dtype=np.uint64))
    return np.asarray(VIEW.encode_question(probes.examples(VIEW.task, operands).questions))


@pytest.fixture(scope="module", params=CASES)
def network(request):
    name, positions = request.param
    keras.utils.set_random_seed(0)
    return build_network(ModelConfig(name=name, view="backward", hidden=16, layers=2, positions=positions), VIEW)


def test_an_answer_is_right_when_decoded_exactly_when_teacher_forcing_has_every_character_right(network):
    """The right answers are those that are decoded, with one character changed in every second row."""
    ids, confidences = tf.function(network.answer)(questions())
    right = np.asarray(ids).copy()
    places = np.random.default_rng(0).integers(VIEW.answer_steps, size=len(right) // 2)
    right[np.arange(0, len(right), 2), places] = (right[np.arange(0, len(right), 2), places] + 1) % len(VIEW.alphabet)
    logits = network.logits(questions(), right, training=False)
    forced = np.all(np.asarray(most_probable(logits)) == right, axis=1)
    np.testing.assert_array_equal(forced, np.all(np.asarray(ids) == right, axis=1))
    assert forced.tolist() == [False, True] * (len(right) // 2)
    # The rows that are right have the confidence that their characters have together.
    best = np.exp(np.max(tf.nn.log_softmax(logits), axis=2).sum(axis=1))
    np.testing.assert_allclose(np.asarray(confidences)[forced], best[forced], rtol=1e-4)


def test_what_is_kept_while_decoding_changes_nothing(network):
    """As the same network that keeps nothing and runs the whole model for each character."""
    plain = Autoregressive(network.model)
    np.testing.assert_array_equal(network.answer(questions())[0], plain.answer(questions())[0])
    np.testing.assert_allclose(network.answer(questions())[1], plain.answer(questions())[1], rtol=1e-4)


@pytest.mark.release
def test_decoding_compiles_with_xla(network):
    expected = np.asarray(network.answer(questions())[0])
    compiled, _ = tf.function(network.answer, jit_compile=True)(questions())
    np.testing.assert_array_equal(compiled, expected)


def test_no_character_sees_itself_or_a_later_one(network):
    answers = np.zeros((40, VIEW.answer_steps), np.int32)
    logits = np.asarray(network.logits(questions(), answers, training=False))
    for step in range(VIEW.answer_steps):
        changed = answers.copy()
        changed[:, step:] = 5
        again = np.asarray(network.logits(questions(), changed, training=False))
        np.testing.assert_allclose(again[:, : step + 1], logits[:, : step + 1], atol=1e-5)
    assert np.abs(again[:, 0] - np.asarray(network.logits(questions()[::-1], answers, training=False))[:, 0]).max() > 0


def test_a_keras_model_is_a_network():
    question, previous = keras.Input((5,)), keras.Input((3,))
    parallel = keras.Model(question, question)
    writes = keras.Model([question, previous], previous)
    assert isinstance(as_network(parallel), Parallel)
    assert isinstance(as_network(writes), Autoregressive)
    network = Parallel(parallel)
    assert as_network(network) is network
    with pytest.raises(TypeError, match=r"a list was returned, and not a keras\.Model or a Network"):
        as_network([])  # pyright: ignore
