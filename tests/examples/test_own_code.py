"""The model and the input formats of the examples: their documented properties."""

import numpy as np
import pytest
from layout import ROOT, SMALL_ADDER

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes, to_strings
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import build_network

INPUT_FORMAT = f"{ROOT}/examples/own_input_format.py:WholeNumbers"
START_TOKEN = f"{ROOT}/examples/start_token.py:StartToken"


@pytest.fixture(autouse=True)
def _named():
    plugins.allow(INPUT_FORMAT, START_TOKEN, SMALL_ADDER)


@pytest.mark.parametrize(("modulus", "reverse"), [(97, True), (256, False)])
def test_each_number_is_one_character(modulus, reverse):
    task = Task("modular_addition", size=modulus, reverse=reverse)
    input_format = make_input_format(INPUT_FORMAT, task)  # which checks that decoding inverts encoding
    question = "6+5"[:: -1 if reverse else 1]
    ids = input_format.encode_question(to_codes([question], task.question_width))
    assert np.asarray(ids).tolist() == [[6, 5]]
    answers = np.arange(modulus).astype(np.uint8)[:, None]
    decoded = [answer.strip() for answer in to_strings(input_format.decode_answer(answers).numpy())]
    assert decoded == [str(number) for number in range(modulus)]


def test_a_number_beyond_a_byte_is_refused(input_error):
    with input_error(InputError):
        make_input_format(INPUT_FORMAT, Task("modular_addition", size=257))


@pytest.mark.parametrize("question", ["8+0", "999+999"])
def test_every_question_begins_with_the_start_token(question):
    task = Task("addition", reverse=True)
    input_format = make_input_format(START_TOKEN, task)  # which checks that decoding inverts encoding
    codes = to_codes([question], task.question_width)
    start, *ids = np.asarray(input_format.encode_question(codes))[0]
    assert input_format.alphabet[start] == "^" and start not in ids
    assert ids == np.asarray(make_input_format("reversed", task).encode_question(codes))[0].tolist()


@pytest.mark.models
def test_the_small_adder_has_fewer_than_400_weights_and_sees_two_columns_and_one_character():
    input_format = make_input_format("aligned", Task("addition", size=10))
    network = build_network(ModelConfig(name=SMALL_ADDER, input_format="aligned"), input_format)
    assert sum(np.size(weight) for weight in network.model.trainable_variables) < 400
    questions, answers = (
        np.zeros((1, *input_format.question_shape), np.int32),
        np.zeros((1, input_format.answer_steps), np.int32),
    )
    before = network.logits(questions, answers, training=False).numpy()
    position = 4
    for changed, readers in ((questions[0], [position, position + 1]), (answers[0], [position + 1])):
        changed[position] = 3
        logits = network.logits(questions, answers, training=False).numpy()
        assert np.flatnonzero((logits != before).any(axis=(0, 2))).tolist() == readers
        changed[position] = 0
