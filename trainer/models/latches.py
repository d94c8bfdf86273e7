"""Latches: a recurrence that holds its state without loss, and the noise that makes it do so."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.trainer.models.layers import PACKAGE, ops

# A uniform distribution of standard deviation 1 reaches from -WIDTH to WIDTH.
WIDTH = 3**0.5


@keras.saving.register_keras_serializable(PACKAGE)
class BatchKey(keras.layers.Layer):
    """A hash of a batch, a sum over its ids, which seeds the noise of the batch.

    The noise is then a function of the batch, so a resumed training draws the same noise as an uninterrupted one. Each
    replica has a part of the batch, and therefore its own noise: another number of replicas has other noise.
    """

    def build(self, input_shape):
        size = int(np.prod(input_shape[1:]))
        # Odd numbers, so that no id is lost where the sum overflows, as it may.
        self.factors = np.random.default_rng(0).integers(2**30, size=size, dtype=np.int32) * 2 + 1

    def call(self, ids):
        flat: Any = ops.reshape(ops.cast(ids, "int32"), (-1, len(self.factors)))
        return ops.sum(flat * self.factors)


@keras.saving.register_keras_serializable(PACKAGE)
class Noise(keras.layers.Layer):
    """Adds uniform noise in training, and nothing at inference.

    What is learned in spite of noise must stand out from it: a state that is nearly wrong would often be wrong.
    Salakhutdinov, Hinton, "Semantic Hashing", 2009, make codes nearly binary in this way. Jim, Giles, Horne, "An
    Analysis of Noise in Recurrent Neural Networks: Convergence and Generalization", 1996, is about noise in a
    recurrence.

    The inputs are the values and the ``BatchKey`` of their batch; ``salt`` tells apart the noise of layers that are
    given the same key.
    """

    def __init__(self, stddev: float, salt: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self.salt = salt

    def call(self, inputs, training=False):
        values, key = inputs
        if not training:
            return values
        return values + ops.cast(uniform(values, self.stddev, key, self.salt), self.compute_dtype)


def uniform(values: Any, stddev: float, key: Any, salt: int) -> Any:
    """Noise as ``Noise`` adds it, float32 of the shape of the values."""
    # Drawn as bytes, 256 levels: as good, and half the work of drawing floats.
    eighths = -(-tf.size(values) // 8)
    words = tf.random.stateless_uniform([eighths], tf.stack([key, salt]), None, None, tf.int64)  # pyright: ignore
    levels = tf.reshape(tf.bitcast(words, tf.int8), [-1])[: tf.size(values)]
    return (tf.reshape(tf.cast(levels, tf.float32), tf.shape(values)) + 0.5) * (stddev * WIDTH / 128)


@keras.saving.register_keras_serializable(PACKAGE)
class Latch(keras.layers.Layer):
    """Units that hold a value until their input sets another one: h_0 = 0, h_t = (1 - z_t) h_{t-1} + z_t c_t.

    The gate z, 0 or 1, and the candidate c, -1 or +1, are the signs of the input alone, here g and v. It is the light
    recurrence of Bradbury et al., "Quasi-Recurrent Neural Networks", ICLR 2017, and of Feng et al., "Were RNNs All We
    Needed?", 2024 (minGRU), with steps: a closed gate holds its value over any number of steps without loss. A carry is
    such a value. Two digits set it, clear it, or pass it on::

        digits     4 5     7 8     2 7     1 3
        gate        0       1       0       1       closed where the digits sum to 9
        value       .      +1       .      -1       whether the sum is above 9
        h           0      +1      +1      -1

    Each latch is -1, 0 or +1, and a network of them is a finite automaton, about which one can prove what it answers at
    every length (``trainer/proving``). In training, too, the steps are steps, but their gradients are those of
    clip(g/2 + 1/2, 0, 1): the straight-through estimator of Bengio, Léonard, Courville, "Estimating or Propagating
    Gradients Through Stochastic Neurons", 2013. What is learned is what is used; because of the noise in training
    (``Noise``), a network can only rely on gates that are clearly open or clearly closed.

    Without feedback, all steps are computed in log2(steps) rounds, in each of which a step takes in twice as many
    steps before it (Hillis, Steele, "Data Parallel Algorithms", 1986).

    Returns [examples, steps, units], in the order of the input: g and v side by side, [examples, steps, 2 * units].
    """

    def __init__(self, units: int, *, go_backwards: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.go_backwards = go_backwards

    def call(self, inputs, training=False):
        settings: Any = ops.cast(inputs > 0, inputs.dtype)  # 0 or 1, [examples, steps, 2 * units]
        if training:
            slopes = ops.clip(inputs / 2 + 0.5, 0.0, 1.0)
            settings = slopes + ops.stop_gradient(settings - slopes)
        gate, candidate = settings[..., : self.units], 2.0 * settings[..., self.units :] - 1.0
        # Of the last ``reach`` steps, [examples, steps, units] both: whether all gates are closed, and what was set.
        closed: Any = 1.0 - gate
        value: Any = gate * candidate
        reach, steps = 1, inputs.shape[1]
        while reach < steps:
            distance = -reach if self.go_backwards else reach
            value, closed = value + closed * moved(value, distance), closed * moved(closed, distance)
            reach *= 2
        return value


@keras.saving.register_keras_serializable(PACKAGE)
class Neighbours(keras.layers.Layer):
    """Concatenates each step with the steps before and after it, each with a mark that distinguishes it from padding.

    Returns [examples, steps, 3 * units + 2], of inputs [examples, steps, units].
    """

    def call(self, inputs):
        marked = ops.concatenate([inputs, ops.ones_like(inputs[..., :1])], axis=2)
        return ops.concatenate([inputs, moved(marked, 1), moved(marked, -1)], axis=2)


def moved(sequence: Any, distance: int) -> Any:
    """A sequence [examples, steps, units] so many steps later, or earlier if negative, with zeros where none was."""
    before, after = max(distance, 0), max(-distance, 0)
    steps = sequence.shape[1]
    remaining = sequence[:, after : steps - before]
    return ops.pad(remaining, ((0, 0), (before, after), (0, 0)))
