"""Latches, the noise that trains them, and the network of them."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.trainer.models.latches import BatchKey, Latch, Neighbours, Noise


def by_the_rule(settings: np.ndarray, units: int, *, backwards: bool) -> np.ndarray:
    """The recurrence, step by step; gates and candidates are steps."""
    gates, candidates = settings[..., :units] > 0, np.where(settings[..., units:] > 0, 1, -1)
    held, state = np.zeros(gates.shape), np.zeros(gates[:, 0].shape)
    steps = range(settings.shape[1])
    for step in reversed(steps) if backwards else steps:
        state = np.where(gates[:, step], candidates[:, step], state)
        held[:, step] = state
    return held


@given(st.integers(1, 20), st.booleans(), st.integers(0, 2**16))
def test_a_latch_is_the_recurrence_it_says(steps, backwards, seed):
    given = np.random.default_rng(seed).normal(scale=2, size=(3, steps, 8)).astype(np.float32)
    latch, expected = Latch(4, go_backwards=backwards), by_the_rule(given, 4, backwards=backwards)
    for training in (False, True):
        np.testing.assert_array_equal(latch(given, training=training), expected)


def test_its_steps_have_the_slopes_of_a_clip():
    settings = tf.constant([[[0.5, -0.5]], [[0.5, 2.0]], [[-0.5, 0.5]], [[2.0, 0.5]]])  # gate and candidate
    with tf.GradientTape() as tape:
        tape.watch(settings)
        held = tf.reduce_sum(Latch(1)(settings, training=True))
    # That of z * c, with z of slope 1/2 and c of slope 1 where they are within (-1, 1).
    np.testing.assert_allclose(tape.gradient(held, settings)[:, 0], [[-0.5, 1], [0.5, 0], [0.5, 0], [0, 1]], atol=1e-6)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_closed_gate_holds_its_value_exactly(backwards):
    given = np.full((1, 3000, 2), -0.3, np.float32)  # closed
    given[0, -1 if backwards else 0] = [1.0, 1.0]  # open once
    np.testing.assert_array_equal(Latch(1, go_backwards=backwards)(given, training=True), 1)


def test_neighbours_stand_beside_each_step_with_marks_at_the_ends():
    found = Neighbours()(np.array([[[5.0], [6.0], [7.0]]], np.float32))
    #                                        itself, before and its mark, after and its mark
    np.testing.assert_array_equal(found[0], [[5, 0, 0, 6, 1], [6, 5, 1, 7, 1], [7, 6, 1, 0, 0]])


def test_noise_is_there_in_training_only_and_has_its_deviation():
    values, layer = np.zeros((200, 50, 3), np.float32), Noise(0.5, salt=1)
    np.testing.assert_array_equal(layer([values, tf.constant(7)]), values)
    noise = np.asarray(layer([values, tf.constant(7)], training=True))
    assert noise.std() == pytest.approx(0.5, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert np.abs(noise).max() <= 0.5 * 3**0.5


def test_noise_is_a_function_of_the_batch_and_of_the_salt():
    values, ids = np.zeros((4, 6, 3), np.float32), np.arange(48, dtype=np.uint8).reshape(4, 6, 2) % 12
    other = ids.copy()
    other[3, 5, 1] ^= 1
    key = BatchKey()

    def noise(ids, salt):
        return np.asarray(Noise(1.0, salt=salt)([values, key(ids)], training=True))

    np.testing.assert_array_equal(noise(ids, 1), noise(ids, 1))
    assert not np.array_equal(noise(ids, 1), noise(other, 1))
    assert not np.array_equal(noise(ids, 1), noise(ids, 2))
