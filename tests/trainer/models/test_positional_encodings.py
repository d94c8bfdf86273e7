"""Positional encodings: what each of them can and cannot tell apart."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.attention import HIDDEN, sharper
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.layers import ops
from seq2seq_arith.trainer.models.positional_encodings import (
    FAR,
    NEAR,
    Coordinates,
    PositionBias,
    digit_positions_of,
    numbers_before,
    position_vectors,
    rotate,
)

ALPHABET = "0123456789 +"


def ids_of(text: str) -> np.ndarray:
    return np.array([[ALPHABET.index(character) for character in text]], np.int32)


@pytest.mark.parametrize(
    ("text", "units_first", "positions"),
    [
        ("271+792", True, [1, 2, 3, 0, 1, 2, 3]),
        (" 815+55", True, [0, 1, 2, 3, 0, 1, 2]),
        ("85+1234", False, [2, 1, 0, 4, 3, 2, 1]),
        ("5-12  ".replace("-", "+"), False, [1, 0, 2, 1, 0, 0]),
        ("  +  ", True, [0, 0, 0, 0, 0]),
    ],
)
def test_digit_positions_count_from_the_units(text, units_first, positions):
    assert np.asarray(digit_positions_of(ids_of(text), ALPHABET, units_first))[0].tolist() == positions


@hypothesis.given(st.text(ALPHABET, min_size=1, max_size=20))
def test_a_text_read_from_its_end_has_the_same_digit_positions(text):
    forward = np.asarray(digit_positions_of(ids_of(text), ALPHABET, False))[0]
    backward = np.asarray(digit_positions_of(ids_of(text[::-1]), ALPHABET, True))[0]
    assert forward.tolist() == backward[::-1].tolist()


def test_rotated_scores_depend_on_the_distance_alone():
    generator = np.random.default_rng(0)
    query, key = (generator.normal(size=(1, 2, 1, 8)).astype(np.float32) for _ in range(2))

    def score(here: int, there: int) -> np.ndarray:
        at = [rotate(vectors, np.array([[index]]), 100.0) for vectors, index in ((query, here), (key, there))]
        return np.sum(np.asarray(at[0]) * np.asarray(at[1]), axis=-1)

    np.testing.assert_allclose(score(3, 1), score(103, 101), atol=1e-4)
    assert np.abs(score(3, 1) - score(3, 2)).max() > 1e-3
    np.testing.assert_allclose(score(7, 7), np.sum(query * key, axis=-1), atol=1e-5)


def test_a_bias_of_digit_positions_knows_near_differences_and_no_far_ones():
    keras.utils.set_random_seed(1)
    layer = PositionBias(2)
    layer.build()
    keys = np.array([[0, 1, 3, 4, 5, 6, 7, 8, 40]], np.int32)
    bias = np.asarray(layer(np.array([[5, 0]], np.int32), keys))
    assert bias.shape == (1, 2, 2, keys.size)
    near = {key: index for index, key in enumerate(keys[0].tolist())}
    assert len({bias[0, 0, 0, near[5 + difference]] for difference in (-2, -1, 0, 1, 2)}) == 5
    assert bias[0, :, 0, near[40]].max() < FAR / 2 < bias[0, :, 0, near[6]].min()
    for far in ([1], [8, 40]):  # at least NEAR before and after position 5
        assert all(abs(key - 5) >= NEAR for key in far)
        assert len({bias[0, 0, 0, near[key]] for key in far}) == 1
    # A character without a position has one bias of its own, as query and as key.
    assert len({*bias[0, 0, 1], bias[0, 0, 0, near[0]]}) == 1
    moved = np.asarray(layer(np.array([[105, 0]], np.int32), np.where(keys > 0, keys + 100, 0).astype(np.int32)))
    np.testing.assert_array_equal(moved, bias)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_a_window_hides_every_digit_from_its_size_on(window):
    keras.utils.set_random_seed(1)
    layer = PositionBias(2, window)
    layer.build()
    assert layer.table.shape == (2 * window, 2)  # each difference below the window, and no position
    keys = np.arange(0, 60, dtype=np.int32)[None]
    bias = np.asarray(layer(np.array([[30, 0]], np.int32), keys))  # [1, heads, queries, keys]
    is_seen = (keys[0] == 0) | (np.abs(keys[0] - 30) < window)
    assert (bias[0, :, 0] > HIDDEN / 2).tolist() == [is_seen.tolist()] * 2
    assert (bias[0, :, 1] > HIDDEN / 2).all()  # a character without a position sees all
    assert len({*bias[0, 0, 0, is_seen].tolist()}) == 2 * window


def test_a_windowed_network_sees_no_digit_outside_of_its_window():
    input_format, windowed = network("coupled_relative_bias", 9, input_format="reversed_eos", attention_window=2)
    # The sixth digits of the operands differ, so that only the steps 5 to 7 of the answer may.
    stored = [question[::-1] for question in ("123456789+987654321", "123856789+987054321")]
    ids = tf.cast(input_format.encode_question(to_codes(stored, 19)), "int32")
    logits = np.asarray(windowed.model([ids, tf.zeros((2, 11), "int32")]))
    differs = np.abs(logits[0] - logits[1]).max(axis=1) > 1e-4
    assert differs.tolist() == [5 <= step <= 7 for step in range(1, 12)]


def test_results_say_that_near_digit_positions_are_more_than_digit_positions():
    windowed = ModelConfig(
        name="causal", input_format="reversed", positional_encoding="coupled_relative_bias", attention_window=2
    )
    assert windowed.hints(Task("subtraction")) == "reversed answer + digit positions, windowed"
    given = [
        ModelConfig(name="causal", input_format="reversed_eos", positional_encoding=name).hints(Task("addition"))
        for name in ("rope", "position_coupling", "coupled_relative_bias")
    ]
    both = "reversed question and answer + EOS token"
    assert given == [both, f"{both} + digit positions", f"{both} + digit positions, local"]


def network(positional_encoding: str, size: int = 2, layers: int = 1, input_format: str = "reversed", **options):
    keras.utils.set_random_seed(1)
    made = make_input_format(input_format, Task("addition", size=size))
    return made, build_network(
        ModelConfig(
            name="causal",
            input_format=input_format,
            hidden=16,
            layers=layers,
            positional_encoding=positional_encoding,
            **options,
        ),
        made,
    )


def test_random_vectors_say_which_digit_positions_are_neighbours_and_nothing_else():
    in_use, drawn = np.asarray(position_vectors(102, 256, 8)), np.asarray(position_vectors(40, 256, 8, 2, [1, 2]))
    # Of those in use, no two of the first ones have anything in common; of those drawn, below 6 standard deviations.
    for vectors, most in ((in_use[0, :31], 0), (in_use[0], 80), (drawn[0], 192), (drawn[1], 192)):
        assert not vectors[0].any() and set(vectors[1:].ravel()) == {-1.0, 1.0}
        np.testing.assert_array_equal(vectors[1:-1, 128:], vectors[2:, :128])
        np.testing.assert_array_equal(vectors[:, :128], np.tile(vectors[:, :32], 4))
        assert abs(vectors[1:] @ vectors[1:].T - 256 * np.eye(len(vectors) - 1)).max() <= most


def test_vectors_in_use_are_the_same_for_any_processor_and_length():
    vectors = tf.function(lambda: position_vectors(30, 14, 2), jit_compile=True)()
    np.testing.assert_array_equal(vectors, position_vectors(50, 14, 2)[:, :30])


def test_digits_of_later_numbers_differ():
    positions = digit_positions_of(ids_of(" 271+79+2 "), ALPHABET, True)
    assert np.asarray(numbers_before(positions))[0].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 2, 0]


def test_a_decoder_tells_the_numbers_apart_and_looks_more_sharply_at_many():
    input_format, made = network("position_coupling")
    ids = input_format.encode_question(to_codes(["21+43", "43+21"], input_format.task.question_width))
    first, second = np.asarray(made.logits(ids, np.ones((2, input_format.answer_steps), np.int32), training=False))
    assert abs(first - second).max() > 1e-3
    biases = (np.zeros((1, 1, 1, seen), np.float32) for seen in (32, 33**2 - 1))
    few, many = (np.asarray(made.decoder._change(bias, None, 0)(1.0)).item() for bias in biases)
    assert (few, many) == pytest.approx((1.0, 2.0))


def test_one_key_of_many_is_found_as_one_of_few():
    keys = np.arange(1_000)
    for seen, alone, sharper_share in ((32, 0.97, 0.97), (1_000, 0.52, 0.999)):
        bias = np.where(keys < seen, 0.0, HIDDEN).astype(np.float32)
        scores = np.where(keys == 5, 7.0, bias)
        shares = [float(ops.softmax(each)[5]) for each in (scores, scores * np.asarray(sharper(bias)))]
        assert shares == pytest.approx([alone, sharper_share], abs=0.005)


def test_each_example_of_a_training_has_vectors_of_its_own():
    """They are a function of the batch, so that a resumed training draws the same."""
    input_format, made = network("position_coupling")
    batches = [
        input_format.encode_question(to_codes(["21+43", text], input_format.task.question_width))
        for text in ("21+43", "21+44")
    ]
    decoder = made.decoder
    positions = Coordinates(None, np.tile(np.arange(9, dtype=np.int32), (2, 1)))
    first, again, other = (
        np.asarray(decoder.encoding.added(positions, 9, decoder.key(batch))) for batch in (batches[0], *batches)
    )
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any() and (first != other).any()


def test_an_example_of_a_training_sees_others_but_no_blanks_of_theirs():
    input_format, made = network("position_coupling", input_format="reversed_eos")
    texts = [f"{left}+{right}" for left in range(6, 14) for right in range(6, 14)]
    ids = np.asarray(
        input_format.encode_question(to_codes([text.rjust(5) for text in texts], input_format.task.question_width))
    )
    keys, others = ids.shape[1] + input_format.answer_steps, NETWORK_OPTIONS["distractors"]
    for examples in (1, 3, 64):
        positions = np.asarray(made.decoder._digit_positions(ids[:examples], input_format.answer_steps))
        own, key = np.zeros((1, 1, keys, keys), np.float32), made.decoder.key(ids[:examples])
        bias = np.asarray(made.decoder.encoding.crowded_bias(own, positions, key))
        assert bias.shape == (examples, 1, keys, (others + 1) * keys)
        sees = (bias[:, 0, 0] == 0).reshape(examples, others + 1, keys)
        for row, number in np.ndindex(examples, others + 1):
            is_seen = sees[row, number].any()
            np.testing.assert_array_equal(sees[row, number], is_seen & (positions[(row - number) % examples] >= 0))
            assert not is_seen or number <= row
    count = sees.any(axis=2).sum(axis=1) - 1  # of the last batch, which has rows enough
    assert count.min() == 0 < np.median(count) < others / 2 < count.max() == others


def test_no_example_of_a_training_sees_its_own_later_characters_in_others():
    input_format, made = network("position_coupling", layers=2)
    ids = input_format.encode_question(
        to_codes([f"2{digit}+43" for digit in range(9)], input_format.task.question_width)
    )
    answers = np.ones((9, input_format.answer_steps), np.int32)
    first = np.asarray(made.logits(ids, answers, training=True))
    for row in range(9):
        changed = answers.copy()
        changed[row, 1:] = 5
        logits = np.asarray(made.logits(ids, changed, training=True))
        np.testing.assert_allclose(logits[row, :2], first[row, :2], atol=1e-5)
        assert abs(logits[row, 2:] - first[row, 2:]).max() > 1e-3
