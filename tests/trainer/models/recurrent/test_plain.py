"""Both LSTMs of this folder compute what Keras's layer computes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.trainer.models.recurrent.checkpointed import CheckpointedLSTM
from seq2seq_arith.trainer.models.recurrent.plain import lstm_step
from seq2seq_arith.trainer.models.recurrent.unrolled import UnrolledLSTM

UNITS, EXAMPLES, STEPS, FEATURES = 5, 4, 3, 2
LAYERS = pytest.mark.parametrize("kind", [UnrolledLSTM, CheckpointedLSTM])


def with_gradients(model: keras.Model, inputs: np.ndarray) -> list[np.ndarray]:
    """The answers of a model, and the gradients of a loss that weights every number of it differently."""
    with tf.GradientTape() as tape:
        outputs = model(inputs)
        loss = tf.reduce_sum(outputs * tf.reshape(tf.range(tf.size(outputs), dtype=tf.float32), tf.shape(outputs)))
    # Of one step, the product with the state is left out, and its weights have no gradient.
    weights = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [outputs.numpy(), *(gradient.numpy() for gradient in gradients)]


def same(ours: list, keras_layers: list, steps: int) -> None:
    """The same outputs and gradients, but for the last bits of the largest numbers that are summed."""
    inputs = np.random.default_rng(0).normal(size=(EXAMPLES, steps, FEATURES)).astype(np.float32)
    shape = keras.Input((steps, FEATURES))
    models = []
    for layers in (ours, keras_layers):
        outputs = shape
        for layer in layers:
            outputs = layer(outputs)
        models.append(keras.Model(shape, outputs))
    models[1].set_weights(models[0].get_weights())
    for mine, theirs in zip(*(with_gradients(model, inputs) for model in models), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


@LAYERS
@pytest.mark.parametrize("steps", [1, 2, STEPS, 7, 9])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_it_computes_what_keras_computes(kind, steps, sequences, backwards):
    options = {"return_sequences": sequences, "go_backwards": backwards}
    same([kind(UNITS, **options)], [keras.layers.LSTM(UNITS, **options)], steps)


@LAYERS
def test_both_directions(kind):
    layers = [[keras.layers.Bidirectional(layer(UNITS, return_sequences=True))] for layer in (kind, keras.layers.LSTM)]
    same(*layers, STEPS)


@LAYERS
@pytest.mark.parametrize("repeats", [1, 2, 4])
def test_repeats_are_those_of_a_repeated_vector(kind, repeats):
    repeated = [
        keras.layers.Reshape((FEATURES,)),
        keras.layers.RepeatVector(repeats),
        keras.layers.LSTM(UNITS, return_sequences=True),
    ]
    same([kind(UNITS, repeats=repeats, return_sequences=True)], repeated, steps=1)


@LAYERS
def test_every_step_of_a_sequence_can_be_repeated(kind):
    plain = [keras.layers.Lambda(lambda steps: tf.repeat(steps, 2, axis=1)), keras.layers.LSTM(UNITS)]
    same([kind(UNITS, repeats=2)], plain, STEPS)


@LAYERS
def test_an_initial_state_is_gone_on_from_and_has_a_gradient(kind):
    sequence = np.random.default_rng(0).normal(size=(EXAMPLES, 2 * STEPS, FEATURES)).astype(np.float32)
    ours, keras_layer = kind(UNITS), keras.layers.LSTM(UNITS, return_state=True)
    for layer in (ours, keras_layer):
        layer.build(sequence.shape)
    keras_layer.set_weights(ours.get_weights())
    _, *state = keras_layer(sequence[:, :STEPS])
    found = []
    for layer in (ours, keras_layer):
        with tf.GradientTape() as tape:
            tape.watch(state)
            outputs = layer(sequence[:, STEPS:], initial_state=state)
            last = outputs[0] if layer is keras_layer else outputs
        found.append([last, *tape.gradient(last, state)])
    np.testing.assert_allclose(found[0][0], ours(sequence), rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


@LAYERS
def test_keras_does_not_look_for_gpus(kind, monkeypatch):
    """That would start TensorFlow, and the CPU could not be divided into replicas any more."""
    asked = []
    monkeypatch.setattr(tf.config, "list_logical_devices", asked.append)
    kind(UNITS)
    assert not asked


@LAYERS
def test_a_mask_is_refused(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} takes no mask"):
        kind(UNITS)(np.ones((EXAMPLES, STEPS, FEATURES)), mask=np.ones((EXAMPLES, STEPS), bool))


@LAYERS
def test_the_shape_is_known_and_the_config_goes_round(kind):
    layer = kind(UNITS, repeats=2, return_sequences=True, go_backwards=True)
    again = kind.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again(keras.Input((STEPS, FEATURES))).shape == (None, 2 * STEPS, UNITS)
    assert kind(UNITS)(keras.Input((STEPS, FEATURES))).shape == (None, UNITS)


@LAYERS
def test_it_starts_from_the_weights_that_keras_draws(kind):
    shape = (None, STEPS, FEATURES)
    weights = []
    for each in (kind, keras.layers.LSTM):
        keras.utils.set_random_seed(1)
        layer = each(UNITS)
        layer.build(shape)
        weights.append(layer.get_weights())
    for mine, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@LAYERS
@pytest.mark.parametrize(
    "option",
    [
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"use_bias": False},
        {"dropout": 0.5},
        {"recurrent_dropout": 0.5},
        {"return_state": True},
        {"stateful": True},
    ],
)
def test_what_it_cannot_do_is_refused(kind, option):
    with pytest.raises(ValueError, match=f"{kind.__name__} has no {next(iter(option))} of its own"):
        kind(UNITS, **option)


def test_a_carry_is_exact_in_mixed_precision():
    """Open gates count the steps. A bfloat16 would stop at 256."""
    gates, carry = tf.constant([[100.0] * 4], tf.bfloat16), None
    for _ in range(300):
        hidden, carry = lstm_step(gates, carry)
    assert (hidden.dtype, carry.dtype, float(carry[0, 0])) == (tf.bfloat16, tf.float32, 300.0)
