"""Layers that Keras does not have.

Every weight has a name, so that checkpoints find it in any process.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from seq2seq_arith.trainer.constants import COUNTER_STEEPNESS

PACKAGE = "seq2seq_arith"
# Keras's functions. Its annotations say that most of them return None for some backends.
ops: Any = keras.ops
LOOK = "_noted_attention"  # the attribute of a layer whose function receives its attention; see ``noted_attention``


def layers_within(whole: Any, whole_ones: tuple[type, ...] = ()) -> Iterator[Any]:
    """The layers of a model or a layer, at every depth; layers of the types ``whole_ones`` are not opened."""
    for layer in whole._flatten_layers(include_self=False, recursive=False):
        yield layer
        if not isinstance(layer, whole_ones):
            yield from layers_within(layer, whole_ones)


@contextlib.contextmanager
def overridden(attribute: str, values: Mapping[keras.layers.Layer, Any]) -> Iterator[None]:
    """Within the block, an attribute of each of these layers has another value; no other object changes.

    After the block, also after an exception, the attribute has its old value. Overrides may be nested.
    """
    own = {layer: layer.__dict__[attribute] for layer in values if attribute in layer.__dict__}
    try:
        for layer, value in values.items():
            layer.__dict__[attribute] = value  # not by setattr, by which Keras tracks what a layer consists of
        yield
    finally:
        for layer in values:
            layer.__dict__.pop(attribute, None)
            if layer in own:
                layer.__dict__[attribute] = own[layer]


@contextlib.contextmanager
def noted_attention(
    model: keras.Model, change: Callable[[str, Any], Any] = lambda name, shares: shares
) -> Iterator[list[tuple[str, Any]]]:
    """Within the block, records the attention of all layers of a model that are called eagerly.

    Yields a list of pairs: the path of a layer, and its attention weights, float32 [examples, heads, queries, keys],
    which sum to 1 over the keys. The layer itself then uses the weights that ``change`` returns.
    """
    noted: list[tuple[str, Any]] = []

    def look_of(layer: Any) -> Callable[[Any], Any]:
        before = layer.__dict__.get(LOOK, lambda shares: shares)

        def look(shares: Any) -> Any:
            name, shares = layer.path or layer.name, before(shares)
            heads = shares if len(shares.shape) == 4 else ops.expand_dims(shares, 1)
            noted.append((name, heads))
            return ops.reshape(change(name, heads), ops.shape(shares))

        return look

    with overridden(LOOK, {layer: look_of(layer) for layer in (model, *layers_within(model))}):
        yield noted


def note_attention(layer: keras.layers.Layer, shares: Any) -> Any:
    """Records the attention weights of a layer while attention is being recorded.

    Returns the weights that the layer must use: ``shares``, or those that replace them. There is no axis of heads if
    the layer has one head.
    """
    look = layer.__dict__.get(LOOK)
    return shares if look is None else look(shares)


@keras.saving.register_keras_serializable(PACKAGE)
class OneHot(keras.layers.Layer):
    """Turns ids [examples, steps] or [examples, steps, channels] into one-hot rows, the channels side by side.

    With an alphabet of three characters, a step of the two channels (0, 2) becomes 1 0 0 0 0 1. Returns [examples,
    steps, channels * depth].
    """

    def __init__(self, depth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = depth

    def call(self, ids):
        rows = ops.one_hot(ops.cast(ids, "int32"), self.depth, dtype=self.compute_dtype)
        if len(ids.shape) == 3:
            rows = ops.reshape(rows, (-1, ids.shape[1], ids.shape[2] * self.depth))
        return rows


@keras.saving.register_keras_serializable(PACKAGE)
class PairEmbedding(keras.layers.Layer):
    """A learned vector for every pair of characters, summed over the pairs of a step.

    Returns [examples, steps, units], of ids [examples, steps, channels] whose channels 2i and 2i+1 are pair i; or of
    ids [examples, steps], as of single channels. A last channel that is alone is in a pair with the id 0.
    """

    def __init__(self, depth: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = depth
        self.units = units

    def build(self, input_shape):
        initializer = keras.initializers.RandomNormal(stddev=0.3)
        self.table = self.add_weight(name="table", shape=(self.depth**2, self.units), initializer=initializer)

    def call(self, ids):
        whole: Any = ops.cast(ids, "int32")
        whole = whole if len(whole.shape) == 3 else whole[:, :, None]
        whole = ops.pad(whole, [[0, 0], [0, 0], [0, whole.shape[2] % 2]])  # [examples, steps, 2 * pairs]
        pairs = ops.add(ops.multiply(whole[:, :, ::2], self.depth), whole[:, :, 1::2])  # [examples, steps, pairs]
        # How often a step has each pair that there can be: [examples, steps, depth^2].
        counts = ops.sum(ops.one_hot(pairs, self.depth**2, dtype=self.compute_dtype), axis=2)
        return ops.matmul(counts, self.table)


@keras.saving.register_keras_serializable(PACKAGE)
class LearnedSteps(keras.layers.Layer):
    """One learned vector per step, the same for every example.

    Returns [examples, steps, units]; of the input, only the number of examples matters.
    """

    def __init__(self, steps: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = steps
        self.units = units

    def build(self, input_shape):
        initializer = keras.initializers.RandomNormal(stddev=0.3)
        self.table = self.add_weight(name="table", shape=(self.steps, self.units), initializer=initializer)

    def call(self, sequence):
        examples = ops.shape(sequence)[:1]  # pyright: ignore
        return ops.broadcast_to(self.table, (*examples, self.steps, self.units))


@keras.saving.register_keras_serializable(PACKAGE)
class Counter(keras.layers.Layer):
    """A recurrence without feedback: c_0 = 0, c_t = c_{t-1} + clip(i(x_t) + 1/2, 0, 1) * clip(g(x_t), -1, 1).

    i and g are linear and learned. It is an LSTM cell whose gates see the input alone, whose forget gate stays open,
    and whose activations are the hard ones (Courbariaux, Bengio, David, "BinaryConnect", NIPS 2015), which saturate
    exactly. A unit with saturated gates goes up by one, down by one, or stays, without an error at any length::

        input      -   -   p   -   -
        gate       1   1   0   1   1      whether to count: clip(i(x) + 1/2, 0, 1)
        value     +1  +1  -1  +1  +1      up or down: clip(g(x), -1, 1)
        c          1   2   2   3   4

    Counting needs just this of an LSTM: Weiss, Goldberg, Yahav, "On the Practical Computational Power of Finite
    Precision RNNs for Language Recognition", ACL 2018. Without feedback, the recurrence is a sum, which is computed for
    all steps at once. The inputs are one-hot, so what a step adds depends on its character alone, and is computed once
    for each character of the alphabet.

    Returns float32 [examples, steps, units], or [examples, units], of one-hot inputs [examples, steps, characters].
    """

    def __init__(self, units: int, *, return_sequences: bool = True, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units = units
        self.return_sequences = return_sequences

    def build(self, input_shape):
        # A saturated gate does not learn. With a spread of 1/2 for i and g, few gates are saturated at first.
        initializer = keras.initializers.RandomNormal(stddev=0.5 / COUNTER_STEEPNESS)
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 2 * self.units), initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(2 * self.units,), initializer="zeros")

    def call(self, inputs):
        if self.return_sequences:
            return ops.cumsum(ops.matmul(inputs, self.added()), axis=1)
        return ops.matmul(ops.sum(inputs, axis=1), self.added())

    def added(self) -> Any:
        """What each character adds to each counter, [characters, units]."""
        gates: Any = ops.multiply(ops.add(self.kernel, self.bias), COUNTER_STEEPNESS)  # [characters, 2 * units]
        gate, value = gates[:, : self.units], gates[:, self.units :]
        return ops.multiply(ops.clip(gate + 0.5, 0.0, 1.0), ops.clip(value, -1.0, 1.0))


@keras.saving.register_keras_serializable(PACKAGE)
class GoSignal(keras.layers.Layer):
    """The input of a decoder that has no other input: [1, 0] at its first step and [0, 1] at all others.

    Returns float32 [1, steps, 2], the same for all examples and inputs.
    """

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.steps = steps

    def call(self, sequence):
        later = ops.minimum(ops.arange(self.steps), 1)
        return ops.expand_dims(ops.one_hot(later, 2, dtype="float32"), 0)
