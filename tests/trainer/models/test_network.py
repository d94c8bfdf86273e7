"""A network is two functions: what is decoded is right exactly when teacher forcing says so, row by row."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.network import Autoregressive, Parallel, as_network, most_probable, up_to
from seq2seq_arith.trainer.registry import POSITIONAL_ENCODINGS

INPUT_FORMAT = make_input_format("reversed", Task("addition", size=2))
# One of each way in which positions come in; the rest in release.
QUICK = [("causal", "coupled_relative_bias"), ("causal", "rope"), ("lstm_attention", None)]
ALL = [("lstm_attention", None), *(("causal", encoding) for encoding in POSITIONAL_ENCODINGS)]
CASES = [
    pytest.param(case, id=f"{case[0]}-{case[1]}", marks=() if case in QUICK else pytest.mark.release) for case in ALL
]


def questions(count: int = 40) -> np.ndarray:
    operands = draws.operands(INPUT_FORMAT.task, np.arange(count, dtype=np.uint64))
    return np.asarray(INPUT_FORMAT.encode_question(question_sets.examples(INPUT_FORMAT.task, operands).questions))


@pytest.fixture(scope="module", params=CASES)
def network(request):
    name, positional_encoding = request.param
    keras.utils.set_random_seed(0)
    return build_network(
        ModelConfig(name=name, input_format="reversed", hidden=16, layers=2, positional_encoding=positional_encoding),
        INPUT_FORMAT,
    )


def test_an_answer_is_right_when_decoded_exactly_when_teacher_forcing_has_every_character_right(network, monkeypatch):
    """The right answers are those that are decoded, with one character changed in every second row."""
    ids, confidences = tf.function(network.answer)(questions())
    right = np.asarray(ids).copy()
    places = np.random.default_rng(0).integers(INPUT_FORMAT.answer_steps, size=len(right) // 2)
    right[np.arange(0, len(right), 2), places] = (right[np.arange(0, len(right), 2), places] + 1) % len(
        INPUT_FORMAT.alphabet
    )
    logits = network.logits(questions(), right, training=False)
    forced = np.all(np.asarray(most_probable(logits)) == right, axis=1)
    np.testing.assert_array_equal(forced, np.all(np.asarray(ids) == right, axis=1))
    assert forced.tolist() == [False, True] * (len(right) // 2)
    # The rows that are right have the confidence that their characters have together.
    best = np.exp(np.max(tf.nn.log_softmax(logits), axis=2).sum(axis=1))
    np.testing.assert_allclose(np.asarray(confidences)[forced], best[forced], rtol=1e-4)
    # So only the others are decoded, if there are any.
    decoded, answer = [], network.answer
    monkeypatch.setattr(network, "answer", lambda rows: decoded.append(len(rows)) or answer(rows))
    for answers in (right, np.asarray(ids)):
        np.testing.assert_array_equal(network.compare(questions(), answers)[0], ids)
    assert decoded == [len(right) // 2]


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
    answers = np.zeros((40, INPUT_FORMAT.answer_steps), np.int32)
    logits = np.asarray(network.logits(questions(), answers, training=False))
    for step in range(INPUT_FORMAT.answer_steps):
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


TURNED = [
    {
        "input_format": "reversed_eos",
        "positional_encoding": "coupled_relative_bias",
        "loops": 2,
        "inference_score_scale": 2.0,
        "dropout": 0.2,
        "score_noise": 1.0,
    },
    {"input_format": "reversed_eos", "positional_encoding": "position_coupling", "loops": 2},
    {"input_format": "reversed", "blanks": False, "rope_base": 3.0, "heads": 2, "ffn_dim": 20, "score_scale": 2.0},
]


@pytest.mark.parametrize("settings", TURNED, ids=str)
def test_settings_of_the_transformer(settings):
    """Keeping keys changes nothing; noise is a function of the batch; nothing is written behind an end."""
    input_format = make_input_format(settings["input_format"], INPUT_FORMAT.task)
    made = build_network(ModelConfig(name="causal", hidden=16, layers=1, **settings), input_format)
    stored = to_codes(["21+43", "  1+2"], input_format.task.question_width)
    asked = input_format.encode_question(stored)
    plain = Autoregressive(made.model)
    plain.end, plain.blank = made.end, made.blank = 3, input_format.pad  # the digit 1 is written now and then
    ids, confidences = made.answer(asked)
    np.testing.assert_array_equal(ids, plain.answer(asked)[0])
    np.testing.assert_allclose(confidences, plain.answer(asked)[1], rtol=1e-4)
    logits = made.logits(asked, ids, training=False)
    written = up_to(most_probable(logits), made.end)
    np.testing.assert_array_equal(ids, np.where(up_to(ids, made.end), most_probable(logits), input_format.pad))
    for answers in (ids, tf.where(written, ids, 0), tf.roll(ids, 1, 0)):
        np.testing.assert_array_equal(made.compare(asked, answers)[0], ids)
    first, again = (made.logits(asked, ids, training=True) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.allclose(first, logits, atol=1e-6) == (settings["input_format"] == "reversed")


@pytest.mark.parametrize(
    ("settings", "in_training", "at_inference"),
    [
        ({}, False, False),
        ({"score_scale": 3.0}, True, True),
        ({"inference_score_scale": 3.0}, False, True),
        ({"score_noise": 3.0}, True, False),
    ],
)
def test_the_scores_of_attention_are_scaled_and_get_noise(settings, in_training, at_inference):
    config = {"name": "causal", "input_format": "reversed", "hidden": 16, "layers": 1}
    input_format = make_input_format("reversed", INPUT_FORMAT.task)
    questions = input_format.encode_question(to_codes(["21+43"], input_format.task.question_width))
    plain, changed = (build_network(ModelConfig(**config, **more), input_format) for more in ({}, settings))
    changed.model.set_weights(plain.model.get_weights())
    answers = np.zeros((1, input_format.answer_steps))
    differs = [
        not np.allclose(*(network.logits(questions, answers, training=training) for network in (plain, changed)))
        for training in (True, False)
    ]
    assert differs == [in_training, at_inference]


def test_blanks_before_a_question_without_padding_are_not_seen():
    """The same question with more room in front of it is answered alike."""
    kept, logits = None, []
    for size in (2, 4):
        input_format = make_input_format("reversed_eos", Task("addition", size=size))
        made = build_network(ModelConfig(name="causal", input_format="reversed_eos", hidden=16, layers=2), input_format)
        kept = kept or made.model.get_weights()
        made.model.set_weights(kept)
        ids = input_format.encode_question(
            to_codes(["12+34".rjust(input_format.task.question_width)], input_format.task.question_width)
        )
        logits.append(np.asarray(made.logits(ids, np.zeros((1, input_format.answer_steps)), training=False))[0, :3])
    np.testing.assert_allclose(*logits, atol=1e-4)
