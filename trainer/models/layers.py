"""Layers that Keras does not have."""

from typing import Any

import keras
from keras import ops

PACKAGE = "seq2seq_arith"


@keras.saving.register_keras_serializable(PACKAGE)
class OneHot(keras.layers.Layer):
    """Ids [examples, steps] or [examples, steps, channels] to one-hot rows, the channels side by side.

    Args:
      depth: Characters of the alphabet.

    Returns:
      [examples, steps, channels * depth].
    """

    def __init__(self, depth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = depth

    def call(self, ids):
        rows = ops.one_hot(ops.cast(ids, "int32"), self.depth, dtype=self.compute_dtype)
        if len(ids.shape) == 3:
            rows = ops.reshape(rows, (-1, ids.shape[1], ids.shape[2] * self.depth))
        return rows

    def compute_output_shape(self, input_shape):
        channels = input_shape[2] if len(input_shape) == 3 else 1
        return (*input_shape[:2], channels * self.depth)

    def get_config(self):
        return super().get_config() | {"depth": self.depth}


@keras.saving.register_keras_serializable(PACKAGE)
class PairEmbedding(keras.layers.Layer):
    """A learned vector for every pair of characters, summed over the pairs of a step.

    Args:
      depth: Characters of the alphabet.
      units: Of each vector.

    Returns:
      [examples, steps, units], of ids [examples, steps, channels] whose channels 2i and 2i+1 are pair i.
    """

    def __init__(self, depth: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = depth
        self.units = units

    def build(self, input_shape):
        initializer = keras.initializers.RandomNormal(stddev=0.3)
        self.table = self.add_weight(shape=(self.depth**2, self.units), initializer=initializer)

    def call(self, ids):
        whole: Any = ops.cast(ids, "int32")
        pairs = ops.add(ops.multiply(whole[:, :, ::2], self.depth), whole[:, :, 1::2])
        counts = ops.sum(ops.one_hot(pairs, self.depth**2, dtype=self.compute_dtype), axis=2)
        return ops.matmul(counts, self.table)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.units)

    def get_config(self):
        return super().get_config() | {"depth": self.depth, "units": self.units}


@keras.saving.register_keras_serializable(PACKAGE)
class Flip(keras.layers.Layer):
    """The steps of [examples, steps, units] from the last to the first."""

    def call(self, sequence):
        return ops.flip(sequence, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(PACKAGE)
class LearnedSteps(keras.layers.Layer):
    """One learned vector a step, the same for every example.

    Args:
      steps: How many.
      units: Of each.

    Returns:
      [examples, steps, units], whatever is given.
    """

    def __init__(self, steps: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = steps
        self.units = units

    def build(self, input_shape):
        initializer = keras.initializers.RandomNormal(stddev=0.3)
        self.table = self.add_weight(shape=(self.steps, self.units), initializer=initializer)

    def call(self, sequence):
        examples = ops.shape(sequence)[:1]  # pyright: ignore
        return ops.broadcast_to(self.table, (*examples, self.steps, self.units))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.steps, self.units)

    def get_config(self):
        return super().get_config() | {"steps": self.steps, "units": self.units}


@keras.saving.register_keras_serializable(PACKAGE)
class BiasedAttention(keras.layers.Layer):
    """Self-attention whose scores have a learned bias for every pair of steps, a head.

    Args:
      heads: Heads; they divide the units of the input.

    Returns:
      [examples, steps, units], as the input.
    """

    def __init__(self, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape):
        steps, units = input_shape[1:]
        self.kernel = self.add_weight(shape=(units, 3 * units), initializer="glorot_uniform")
        self.output_kernel = self.add_weight(shape=(units, units), initializer="glorot_uniform")
        self.bias = self.add_weight(shape=(self.heads, steps, steps), initializer="zeros")

    def call(self, sequence):
        steps, units = sequence.shape[1:]
        size = units // self.heads
        parts: Any = ops.reshape(ops.matmul(sequence, self.kernel), (-1, steps, 3, self.heads, size))
        query, key, value = (ops.transpose(parts[:, :, part], (0, 2, 1, 3)) for part in range(3))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / size**0.5 + self.bias
        mixed = ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3))
        return ops.matmul(ops.reshape(mixed, (-1, steps, units)), self.output_kernel)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"heads": self.heads}


@keras.saving.register_keras_serializable(PACKAGE)
class Counter(keras.layers.Layer):
    """A recurrence without feedback: c_0 = 0, c_t = c_{t-1} + clip(i(x_t) + 1/2, 0, 1) * clip(g(x_t), -1, 1).

    i and g are linear and learned. It is an LSTM cell whose gates see the input alone, whose forget gate stays open,
    and whose activations are the hard ones (Courbariaux, Bengio, David, "BinaryConnect", NIPS 2015), which saturate
    exactly: a unit of saturated gates goes up by one, down by one, or stays, without an error at any length. (Counting
    needs just this of an LSTM: Weiss, Goldberg, Yahav, "On the Practical Computational Power of Finite Precision RNNs
    for Language Recognition", ACL 2018.) Without feedback it is a sum, and so runs over all steps at once.

    Args:
      units: Counters.
      return_sequences: Whether to give every state, or the last one.

    Returns:
      float32 [examples, steps, units], or [examples, units], of inputs [examples, steps, features].
    """

    # i and g are this many times what kernel and bias give. A step of Adam is as large for every weight, so they move
    # fast beside the other layers, and saturate. With 1 they count nearly right, and no further than the training did.
    STEEPNESS = 20.0

    def __init__(self, units: int, *, return_sequences: bool = True, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units = units
        self.return_sequences = return_sequences

    def build(self, input_shape):
        # Few gates are saturated at first, for those do not learn: i and g are spread by 1/2.
        initializer = keras.initializers.RandomNormal(stddev=0.5 / self.STEEPNESS)
        self.kernel = self.add_weight(shape=(input_shape[-1], 2 * self.units), initializer=initializer)
        self.bias = self.add_weight(shape=(2 * self.units,), initializer="zeros")

    def call(self, inputs):
        gates: Any = ops.multiply(ops.matmul(inputs, self.kernel) + self.bias, self.STEEPNESS)
        gate, value = gates[..., : self.units], gates[..., self.units :]
        steps = ops.multiply(ops.clip(gate + 0.5, 0.0, 1.0), ops.clip(value, -1.0, 1.0))
        return ops.cumsum(steps, axis=1) if self.return_sequences else ops.sum(steps, axis=1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[: 2 if self.return_sequences else 1], self.units)

    def get_config(self):
        return super().get_config() | {"units": self.units, "return_sequences": self.return_sequences}


@keras.saving.register_keras_serializable(PACKAGE)
class GoSignal(keras.layers.Layer):
    """What a decoder reads that is fed nothing else: [1, 0] at its first step and [0, 1] at all others.

    Args:
      steps: How many.

    Returns:
      float32 [1, steps, 2], whatever is given: the same for all examples.
    """

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.steps = steps

    def call(self, sequence):
        later = ops.minimum(ops.arange(self.steps), 1)
        return ops.expand_dims(ops.one_hot(later, 2, dtype="float32"), 0)

    def compute_output_shape(self, input_shape):
        return (1, self.steps, 2)

    def get_config(self):
        return super().get_config() | {"steps": self.steps}
