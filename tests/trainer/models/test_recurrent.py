"""Our LSTM computes what Keras's layer computes, unrolled and in blocks, and keeps few states in blocks."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.trainer.models.recurrent import PlainLSTM, lstm_step

UNITS, EXAMPLES, STEPS, FEATURES = 5, 4, 11, 3
LAYERS = pytest.mark.parametrize(
    "kind", [functools.partial(PlainLSTM, unroll=True), PlainLSTM], ids=["unrolled", "in blocks"]
)


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
@pytest.mark.parametrize(
    ("steps", "sequences", "backwards"),
    [(1, True, False), (2, False, True), (3, True, True), (7, False, False), (9, True, False)],
)
def test_it_computes_what_keras_computes(kind, steps, sequences, backwards):
    options = {"return_sequences": sequences, "go_backwards": backwards}
    same([kind(UNITS, **options)], [keras.layers.LSTM(UNITS, **options)], steps)


@LAYERS
def test_both_directions(kind):
    layers = [[keras.layers.Bidirectional(layer(UNITS, return_sequences=True))] for layer in (kind, keras.layers.LSTM)]
    same(*layers, STEPS)


@LAYERS
@pytest.mark.parametrize("repeats", [2, 5])
def test_repeats_are_those_of_a_repeated_vector(kind, repeats):
    repeated = [
        keras.layers.Reshape((FEATURES,)),
        keras.layers.RepeatVector(repeats),
        keras.layers.LSTM(UNITS, return_sequences=True),
    ]
    same([kind(UNITS, repeats=repeats, return_sequences=True)], repeated, steps=1)


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
    with pytest.raises(ValueError, match="PlainLSTM takes no mask"):
        kind(UNITS)(np.ones((EXAMPLES, STEPS, FEATURES)), mask=np.ones((EXAMPLES, STEPS), bool))


@LAYERS
def test_the_shape_is_known_and_the_config_goes_round(kind):
    layer = kind(UNITS, repeats=2, return_sequences=True, go_backwards=True)
    again = PlainLSTM.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.unroll == layer.unroll
    assert again(keras.Input((1, FEATURES))).shape == (None, 2, UNITS)
    with pytest.raises(ValueError, match="PlainLSTM repeats one step, and there are 11"):
        kind(UNITS, repeats=2)(keras.Input((STEPS, FEATURES)))
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
def test_what_it_cannot_do_is_refused(option):
    with pytest.raises(ValueError, match=f"PlainLSTM has no {next(iter(option))} of its own"):
        PlainLSTM(UNITS, **option)


def test_a_carry_is_exact_in_mixed_precision():
    """Open gates count the steps. A bfloat16 would stop at 256."""
    gates, carry = tf.constant([[100.0] * 4], tf.bfloat16), None
    for _ in range(300):
        hidden, carry = lstm_step(gates, carry)
    assert (hidden.dtype, carry.dtype, float(carry[0, 0])) == (tf.bfloat16, tf.float32, 300.0)


def network(kind, **options) -> keras.Model:
    """An encoder, and a decoder that reads each of its states, so that every kind of gradient is needed."""
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
def sequences():
    return np.random.default_rng(0).normal(size=(EXAMPLES, STEPS, FEATURES)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(sequences):
    """Weights, and what Keras's layers compute with them: the outputs and all gradients."""
    keras.utils.set_random_seed(0)
    model = network(keras.layers.LSTM)
    return model.get_weights(), [np.asarray(value) for value in gradients(model, sequences)]


@pytest.mark.parametrize("xla", [False, pytest.param(True, marks=pytest.mark.release)])
def test_a_graph_need_not_know_the_number_of_examples(sequences, expected, xla):
    model = network(PlainLSTM)
    model.set_weights(expected[0])
    signature = [tf.TensorSpec((EXAMPLES if xla else None, STEPS, FEATURES), tf.float32)]
    found = tf.function(lambda each: gradients(model, each), input_signature=signature, jit_compile=xla)(sequences)
    for mine, theirs in zip(found, expected[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


@pytest.mark.release
@pytest.mark.parametrize("xla", [False, True])
def test_two_replicas_sum_to_the_same(sequences, expected, xla):
    """With the default collectives, each replica has half of the examples."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    with strategy.scope():
        model = network(PlainLSTM)
        model.set_weights(expected[0])
    halves = np.split(sequences, 2)
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(halves[context.replica_id_in_sync_group])
    )

    def step(part):
        return tf.function(lambda part: gradients(model, part), jit_compile=xla)(part)[1:]

    per_replica = tf.function(lambda parts: strategy.run(step, (parts,)))(parts)
    for values, theirs in zip(per_replica, expected[1][1:], strict=True):
        np.testing.assert_allclose(sum(values.values), theirs, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(theirs).max()))


def test_mixed_precision_is_near(sequences, expected):
    model = network(PlainLSTM, dtype="mixed_bfloat16")
    model.set_weights(expected[0])
    for mine, theirs in zip(gradients(model, sequences), expected[1], strict=True):
        assert mine.dtype == tf.float32
        np.testing.assert_allclose(mine, theirs, atol=0.03 * max(1, np.abs(theirs).max()))


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
