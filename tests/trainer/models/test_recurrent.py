"""Our LSTM computes what Keras's layer computes, unrolled and in blocks, and keeps few states in blocks."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.trainer.models.recurrent import PlainLSTM, lstm_step

UNITS, EXAMPLES, FEATURES = 5, 4, 3
LAYERS = pytest.mark.parametrize(
    "kind", [functools.partial(PlainLSTM, unroll=True), PlainLSTM], ids=["unrolled", "in blocks"]
)


def with_gradients(model: keras.Model, inputs: tf.Tensor) -> list[tf.Tensor]:
    """The answers of a model, and the gradients of a loss that weights every number of it differently."""
    with tf.GradientTape() as tape:
        outputs = model(inputs)
        loss = tf.reduce_sum(outputs * tf.reshape(tf.range(tf.size(outputs), dtype=tf.float32), tf.shape(outputs)))
    # Of one step, the product with the state is left out, and its weights have no gradient.
    weights = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [outputs, *gradients]


def same(ours: list, keras_layers: list, steps: int) -> None:
    """The same outputs and gradients, but for the last bits of the largest numbers that are summed.

    Ours are computed in a graph that does not know the number of examples.
    """
    inputs = np.random.default_rng(0).normal(size=(EXAMPLES, steps, FEATURES)).astype(np.float32)
    shape = keras.Input((steps, FEATURES))
    models = []
    for layers in (ours, keras_layers):
        outputs = shape
        for layer in layers:
            outputs = layer(outputs)
        models.append(keras.Model(shape, outputs))
    models[1].set_weights(models[0].get_weights())
    signature = [tf.TensorSpec((None, steps, FEATURES))]
    found = tf.function(lambda given: with_gradients(models[0], given), input_signature=signature)(inputs)
    for mine, theirs in zip(found, with_gradients(models[1], tf.constant(inputs)), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


@LAYERS
@pytest.mark.parametrize(
    ("steps", "sequences", "backwards"),
    [(1, True, False), (2, False, True), (3, True, True), (33, False, False), (40, True, False)],
)
def test_it_computes_what_keras_computes(kind, steps, sequences, backwards):
    options = {"return_sequences": sequences, "go_backwards": backwards}
    same([kind(UNITS, **options)], [keras.layers.LSTM(UNITS, **options)], steps)


@LAYERS
@pytest.mark.parametrize("repeats", [2, 35])
def test_repeats_are_those_of_a_repeated_vector(kind, repeats):
    repeated = [
        keras.layers.Reshape((FEATURES,)),
        keras.layers.RepeatVector(repeats),
        keras.layers.LSTM(UNITS, return_sequences=True),
    ]
    same([kind(UNITS, repeats=repeats, return_sequences=True)], repeated, steps=1)


def test_a_carry_is_exact_in_mixed_precision():
    """Open gates count the steps. A bfloat16 would stop at 256."""
    gates, carry = tf.constant([[100.0] * 4], tf.bfloat16), None
    for _ in range(300):
        hidden, carry = lstm_step(gates, carry)
    assert (hidden.dtype, carry.dtype, float(carry[0, 0])) == (tf.bfloat16, tf.float32, 300.0)


def test_no_array_of_all_gates_is_in_the_graph():
    """The largest array of a training step is that of the outputs."""
    steps = 400
    decoder = PlainLSTM(UNITS, repeats=steps, return_sequences=True)
    decoder.build((None, 1, UNITS))

    @tf.function(input_signature=[tf.TensorSpec((EXAMPLES, 1, UNITS), tf.float32)])
    def step(vector):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(decoder(vector) ** 2)
        return tape.gradient(loss, [weight.value for weight in decoder.trainable_weights])

    graph = step.get_concrete_function().graph
    inner = [function.graph for function in graph._functions.values() if hasattr(function, "graph")]
    shapes = [
        tensor.shape for each in [graph, *inner] for operation in each.get_operations() for tensor in operation.outputs
    ]
    sizes = [shape.num_elements() for shape in shapes if shape.rank and shape.is_fully_defined()]
    assert max(sizes) == steps * EXAMPLES * UNITS  # all gates would be four times as many
