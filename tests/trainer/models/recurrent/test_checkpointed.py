"""The LSTM for long sequences: the same with XLA, on two replicas and with bfloat16, and what it keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.trainer.models.recurrent.checkpointed import CheckpointedLSTM, Segments

UNITS, EXAMPLES, STEPS, FEATURES = 5, 4, 11, 3


def network(kind, **options) -> keras.Model:
    """An encoder, and a decoder that reads each of its states twice, so that every kind of gradient is needed."""
    inputs = keras.Input((STEPS, FEATURES))
    states = kind(UNITS, return_sequences=True, name="first", **options)(inputs)
    last = kind(UNITS, name="second", **options)(states)
    return keras.Model(inputs, keras.layers.Dense(2, dtype="float32", name="logits")(last))


def gradients(model: keras.Model, inputs) -> list:
    with tf.GradientTape() as tape:
        outputs = model(inputs)
        loss = tf.reduce_sum(outputs * outputs)
    return [outputs, *tape.gradient(loss, [variable.value for variable in model.trainable_variables])]


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(0).normal(size=(EXAMPLES, STEPS, FEATURES)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(inputs):
    """Weights, and what Keras's layers compute with them: the outputs and all gradients."""
    keras.utils.set_random_seed(0)
    model = network(keras.layers.LSTM)
    return model.get_weights(), [np.asarray(value) for value in gradients(model, inputs)]


@pytest.mark.parametrize("xla", [False, True])
def test_it_is_the_same_with_xla(inputs, expected, xla):
    model = network(CheckpointedLSTM)
    model.set_weights(expected[0])
    found = tf.function(lambda inputs: gradients(model, inputs), jit_compile=xla)(inputs)
    for mine, theirs in zip(found, expected[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


def test_it_is_the_same_for_any_number_of_examples(inputs, expected):
    """The graph does not know the number."""
    model = network(CheckpointedLSTM)
    model.set_weights(expected[0])
    found = tf.function(
        lambda inputs: gradients(model, inputs), input_signature=[tf.TensorSpec((None, STEPS, FEATURES), tf.float32)]
    )(inputs)
    for mine, theirs in zip(found, expected[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


@pytest.mark.parametrize("xla", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_two_replicas_sum_to_the_same(inputs, expected, xla):
    """With the default collectives, each replica has half of the examples."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    with strategy.scope():
        model = network(CheckpointedLSTM)
        model.set_weights(expected[0])
    halves = np.split(inputs, 2)
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(halves[context.replica_id_in_sync_group])
    )

    def step(part):
        return tf.function(lambda part: gradients(model, part), jit_compile=xla)(part)[1:]

    per_replica = tf.function(lambda parts: strategy.run(step, (parts,)))(parts)
    for values, theirs in zip(per_replica, expected[1][1:], strict=True):
        np.testing.assert_allclose(sum(values.values), theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


def test_mixed_precision_is_near(inputs, expected):
    model = network(CheckpointedLSTM, dtype="mixed_bfloat16")
    model.set_weights(expected[0])
    for mine, theirs in zip(gradients(model, inputs), expected[1], strict=True):
        assert mine.dtype == tf.float32
        np.testing.assert_allclose(mine, theirs, atol=0.03 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 9, 10, 15, 2001])
def test_segments_are_all_steps_in_order(steps):
    segments = Segments(steps)
    places = [
        int(segments.place(number, step))
        for number in range(segments.count)
        for step in range(int(segments.first(number)), segments.length)
    ]
    assert places == list(range(steps))
    assert segments.count + segments.length <= 2 * np.sqrt(steps) + 2
    sequences = tf.random.normal((2, steps, 3))
    parts = segments.cut(sequences)
    assert parts.shape == (segments.count, segments.length, 2, 3)
    np.testing.assert_array_equal(segments.joined(tf.transpose(parts, (2, 0, 1, 3))), sequences)


def test_no_array_of_all_gates_is_in_the_graph():
    """The largest array of a training step is that of the outputs."""
    steps = 400
    decoder = CheckpointedLSTM(UNITS, repeats=steps, return_sequences=True)
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
