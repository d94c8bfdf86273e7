"""Networks: their shapes, weights and layers, and what they see; the layers that Keras does not have."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.constants import COUNTER_STEEPNESS
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.attention import BiasedAttention
from seq2seq_arith.trainer.models.build import build_network, outline
from seq2seq_arith.trainer.models.layers import Counter, OneHot
from seq2seq_arith.trainer.models.recurrent import PlainLSTM
from seq2seq_arith.trainer.proving.networks import NETWORKS
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import checkpoints

RECURRENT = (keras.layers.LSTM, keras.layers.GRU)
ADDITION = Task("addition")
PLAIN_PQ = make_input_format("plain", Task("pq", size=5))


def ids_of(input_format, count: int = 6):
    operands = draws.operands(input_format.task, np.arange(count, dtype=np.uint64))
    return input_format.encode_question(question_sets.examples(input_format.task, operands).questions)


def inputs_of(name, input_format):
    previous = tf.zeros((6, input_format.answer_steps), tf.int32)
    return [ids_of(input_format), previous] if MODELS[name].autoregressive else ids_of(input_format)


@pytest.mark.parametrize("name", MODELS)
def test_a_network_has_the_variables_of_its_outline_and_comes_back_from_a_keras_file(name, tmp_path):
    """Keras numbers unnamed layers on; layers for a GPU are other classes of the same names."""
    config, input_format = (
        ModelConfig(name=name, input_format="aligned", hidden=8, layers=2),
        make_input_format("aligned", ADDITION),
    )
    model, on_gpu = (build_network(config, input_format, cudnn=cudnn).model for cudnn in (False, True))
    made, outlined, on_gpu = model.variables, outline(config, input_format), on_gpu.variables
    assert checkpoints.keys(made) == checkpoints.keys(outlined) == checkpoints.keys(on_gpu)
    assert [(each.shape, each.dtype) for each in made] == [(each.shape, each.dtype) for each in outlined]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(inputs_of(name, input_format)), again(inputs_of(name, input_format)))


@pytest.mark.parametrize(("hidden", "layers", "heads"), [(8, 1, None), (36, 3, 2)])
@pytest.mark.parametrize("network", [network for network in NETWORKS if network.shapes], ids=str)
def test_a_network_that_can_be_proved_has_the_shapes_that_its_entry_says(network, hidden, layers, heads):
    task, options = Task(network.task or "subtraction", size=3), {"layers": layers, **network.options}
    if network.name == "causal":
        options |= {"heads": heads, "ffn_dim": heads and 10}
    config = ModelConfig(name=network.name, input_format=network.input_format, hidden=hidden, **options)
    variables = outline(config, make_input_format(network.input_format, task))
    shapes = {variable.path: tuple(variable.shape) for variable in variables}
    assert shapes == network.shapes(config, len(task.alphabet))


@pytest.mark.parametrize(
    ("name", "input_format"),
    [("latch_tagger", make_input_format("partial_products", ADDITION)), *((name, PLAIN_PQ) for name in MODELS)],
)
def test_every_model_on_other_input_formats(name, input_format):
    config = ModelConfig(name=name, input_format=input_format.name, hidden=8, layers=1)
    answers = np.zeros((6, input_format.answer_steps), np.uint8)
    logits = build_network(config, input_format).logits(ids_of(input_format), answers, training=False)
    assert logits.shape == (6, input_format.answer_steps, len(input_format.alphabet))
    assert logits.dtype == "float32"


@pytest.mark.parametrize("name", ["bilstm_tagger", "wave_tagger"])
def test_a_crossed_network_has_the_same_weights_at_every_length(name):
    config = ModelConfig(name=name, input_format="partial_products", hidden=8)
    input_formats = [
        make_input_format("partial_products", Task("multiplication", size=size, num_examples=50)) for size in (1, 4)
    ]
    first, second = (
        [weight.shape for weight in build_network(config, input_format).model.weights] for input_format in input_formats
    )
    assert first == second


@pytest.mark.parametrize(
    ("name", "size", "options", "layer"),  # whether it is ours, whether it is unrolled, whether cuDNN may compute it
    [
        ("lstm", 3, {}, (True, True, False)),
        ("bilstm_tagger", 80, {}, (True, False, False)),  # in blocks
        ("lstm_transformer", 20, {"xla": True}, (True, False, False)),
        ("gru", 80, {}, (False, False, False)),
        ("lstm", 3, {"cudnn": True}, (False, False, "auto")),
    ],
)
def test_which_recurrent_layers_a_network_has(name, size, options, layer):
    """Keras takes cuDNN for a layer that is not unrolled, unless it is told not to."""
    input_format = make_input_format("aligned", Task("addition", size=size))
    network = build_network(ModelConfig(name=name, input_format="aligned", hidden=8), input_format, **options)
    layers = [each for each in network.model._flatten_layers() if isinstance(each, RECURRENT)]
    assert {(isinstance(each, PlainLSTM), each.unroll, each.use_cudnn) for each in layers} == {layer}


def test_an_outline_takes_no_memory_and_no_names():
    """4 layers of 16,384 units both ways have 21 * 10^9 weights. The next unnamed layer is numbered as if without."""
    config = ModelConfig(name="bilstm_tagger", input_format="aligned", hidden=2**14, layers=4)
    before = keras.layers.Dense(1).name
    assert (
        sum(math.prod(variable.shape) for variable in outline(config, make_input_format("aligned", ADDITION))) > 2.1e10
    )
    after = keras.layers.Dense(1).name
    assert after == f"dense_{int(before.partition('_')[2] or 0) + 1}"


def test_a_forward_tagger_sees_no_later_step_and_the_others_do():
    input_format = make_input_format("aligned", ADDITION)
    ids = np.asarray(ids_of(input_format)).copy()
    changed = ids.copy()
    changed[:, -1] = input_format.alphabet.index("7")
    for name, sees in (("wave_tagger", False), ("bilstm_tagger", True)):
        model = build_network(ModelConfig(name=name, input_format="aligned", hidden=8, layers=2), input_format).model
        assert (np.abs(model(ids)[:, 0] - model(changed)[:, 0]).max() > 1e-6) == sees


def test_attention_takes_its_softmax_in_float32():
    layer = BiasedAttention(2, dtype="mixed_bfloat16")
    layer.build((None, 5, 8))
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec([3, 5, 8], tf.bfloat16)).graph
    kinds = {operation.type: operation.outputs[0].dtype for operation in graph.get_operations() if operation.outputs}
    assert (kinds["Softmax"], kinds["BatchMatMulV2"]) == (tf.float32, tf.bfloat16)


def test_one_hot_puts_channels_side_by_side():
    rows = np.asarray(OneHot(3)(np.array([[[0, 2], [1, 1]]])))
    np.testing.assert_array_equal(rows, [[[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]]])


def test_the_counter_is_the_recurrence_it_says():
    layer, last = Counter(5), Counter(5, return_sequences=False)
    inputs = np.eye(3, dtype=np.float32)[np.random.default_rng(0).integers(3, size=(2, 50))]
    counted = np.asarray(layer(inputs))
    gates = COUNTER_STEEPNESS * (inputs @ np.asarray(layer.kernel) + np.asarray(layer.bias))
    state = np.zeros((2, 5))
    for step in range(50):
        gate, value = np.split(gates[:, step], 2, axis=-1)
        state = state + np.clip(gate + 0.5, 0, 1) * np.clip(value, -1, 1)
        np.testing.assert_allclose(counted[:, step], state, atol=1e-4)
    last.build(inputs.shape)
    last.set_weights(layer.get_weights())
    np.testing.assert_allclose(last(inputs), state, atol=1e-4)


def test_saturated_counters_are_exact_at_any_length():
    layer = Counter(3)
    layer.build((None, None, 1))
    # Two gates are open and one is shut.
    layer.set_weights([np.array([[1, 1, -1, 1, -1, 1]], np.float32), np.zeros(6, np.float32)])
    np.testing.assert_array_equal(layer(np.ones((1, 100_000, 1)))[0, -1], [100_000, -100_000, 0])
