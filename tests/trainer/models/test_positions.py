"""Position encodings: what each of them can and cannot tell apart."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.views import make_view, to_codes
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.positions import FAR, NEAR, PlaceBias, digit_places, rotate
from seq2seq_arith.trainer.registry import COUPLED, PLACES, check_model

ALPHABET = "0123456789 +"


def ids_of(text: str) -> np.ndarray:
    return np.array([[ALPHABET.index(character) for character in text]], np.int32)


@pytest.mark.parametrize(
    ("text", "units_first", "places"),
    [
        ("271+792", True, [1, 2, 3, 0, 1, 2, 3]),
        (" 815+55", True, [0, 1, 2, 3, 0, 1, 2]),
        ("85+1234", False, [2, 1, 0, 4, 3, 2, 1]),
        ("5-12  ".replace("-", "+"), False, [1, 0, 2, 1, 0, 0]),
        ("  +  ", True, [0, 0, 0, 0, 0]),
    ],
)
def test_places_count_from_the_units(text, units_first, places):
    assert np.asarray(digit_places(ids_of(text), ALPHABET, units_first))[0].tolist() == places


@hypothesis.given(st.text(ALPHABET, min_size=1, max_size=20))
def test_a_text_read_from_its_end_has_the_same_places(text):
    forward = np.asarray(digit_places(ids_of(text), ALPHABET, False))[0]
    backward = np.asarray(digit_places(ids_of(text[::-1]), ALPHABET, True))[0]
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


def test_a_bias_of_places_knows_near_differences_and_no_far_ones():
    keras.utils.set_random_seed(1)
    layer = PlaceBias(2)
    layer.build()
    keys = np.array([[0, 1, 3, 4, 5, 6, 7, 8, 40]], np.int32)
    bias = np.asarray(layer(np.array([[5, 0]], np.int32), keys))
    assert bias.shape == (1, 2, 2, keys.size)
    near = {key: index for index, key in enumerate(keys[0].tolist())}
    assert len({bias[0, 0, 0, near[5 + difference]] for difference in (-2, -1, 0, 1, 2)}) == 5
    assert bias[0, :, 0, near[40]].max() < FAR / 2 < bias[0, :, 0, near[6]].min()
    for far in ([1], [8, 40]):  # at least NEAR before and after place 5
        assert all(abs(key - 5) >= NEAR for key in far)
        assert len({bias[0, 0, 0, near[key]] for key in far}) == 1
    # A character without a place has one bias of its own, as query and as key.
    assert len({*bias[0, 0, 1], bias[0, 0, 0, near[0]]}) == 1
    moved = np.asarray(layer(np.array([[105, 0]], np.int32), np.where(keys > 0, keys + 100, 0).astype(np.int32)))
    np.testing.assert_array_equal(moved, bias)


def test_results_say_that_near_places_are_more_than_places():
    given = [ModelConfig(name="causal", view="ended", positions=name).given for name in ("rope", *COUPLED)]
    assert given == [f"{what} with an end mark" for what in ("answer reversed", "places", "near places")]


def network(positions: str, digits: int = 2):
    keras.utils.set_random_seed(1)
    view = make_view("backward", Task("addition", digits=digits))
    return view, build_network(
        ModelConfig(name="causal", view="backward", hidden=16, layers=1, positions=positions), view
    )


def test_in_training_places_of_coupled_count_from_a_start_of_each_example():
    """The start is a function of the batch, so that a resumed training draws the same."""
    view, made = network("coupled")
    decoder = made.decoder
    ids = view.encode_question(to_codes(["21+43", "21+43", "  1+2"], view.task.question_width))
    starts = np.asarray(decoder._places(ids, view.answer_steps, True)) - np.asarray(
        decoder._places(ids, view.answer_steps, False)
    )
    assert starts[0].tolist() == [starts[0, 0]] * 2 + [0] + [starts[0, 0]] * (2 + view.answer_steps)
    assert len(set(starts.max(axis=1))) == 3
    assert starts.max() + view.answer_steps < PLACES
    again = np.asarray(decoder._places(ids, view.answer_steps, True))
    np.testing.assert_array_equal(again - np.asarray(decoder._places(ids, view.answer_steps, False)), starts)


def test_numbers_of_more_places_than_coupled_has_are_refused(refusal):
    with refusal(InputError):
        check_model("causal", "backward", Task("addition", digits=63), "coupled")
    check_model("causal", "backward", Task("addition", digits=63), "coupled", 65)


@pytest.mark.parametrize("positions", ["rope", "coupled"])
def test_weights_fit_longer_strings(positions):
    (_, short), (view, long) = network(positions), network(positions, digits=5)
    long.model.set_weights(short.model.get_weights())
    ids = view.encode_question(to_codes(["12345+54321"], view.task.question_width))
    assert long.answer(ids)[0].shape == (1, view.answer_steps)
