"""LSTMs as Keras's with default settings, faster for short and smaller for long sequences, and the cell of a GRU."""

import math
from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.layers import PACKAGE, ops


def lstm(units: int, *, unroll: bool, use_cudnn: Any = "auto", **kwargs: Any) -> keras.layers.LSTM:
    """Makes an LSTM layer: Keras's own for cuDNN, otherwise ``PlainLSTM``. The weights and the results are the same."""
    if use_cudnn and not unroll:
        return keras.layers.LSTM(units, use_cudnn=use_cudnn, **kwargs)
    return PlainLSTM(units, unroll=unroll, **kwargs)


@keras.saving.register_keras_serializable(PACKAGE)
class PlainLSTM(keras.layers.LSTM):
    """``keras.layers.LSTM`` with its default settings, which are its only ones: the same weights and results.

    With ``unroll``, there is no loop in the graph, which is faster for short sequences. Otherwise only the
    states between blocks of steps are kept for the backward pass, and the others are computed again (Chen, Xu, Zhang,
    Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016).

    With n ``repeats``, the step of an input [examples, 1, features] is read so often: this is the plain layer after a
    ``RepeatVector(n)``. A longer input is read once. Sequences are in the order in which they were computed.
    """

    def __init__(self, units: int, repeats: int = 1, **kwargs: Any) -> None:
        # Keras looks for GPUs unless a layer is unrolled, which would start TensorFlow before the CPU is divided.
        super().__init__(units, **{**kwargs, "unroll": True, "use_cudnn": False})
        self.unroll = bool(kwargs.get("unroll", False))
        self.repeats = repeats

    def call(self, sequences, initial_state=None, mask=None, training=False):
        # Keras's Bidirectional gives a state and a mask, both None.
        cell: Any = self.cell
        variables = (cell.kernel, cell.recurrent_kernel, cell.bias)
        weights = [ops.cast(variable, self.compute_dtype) for variable in variables]
        steps = sequences.shape[1] * self.repeats
        if not self.unroll and steps > 1:
            return self._in_blocks(sequences, steps, *weights)
        gates = _gates(sequences, *weights)
        gates = (gates[::-1] if self.go_backwards else gates) * self.repeats
        hidden, _, *states = self._through(gates, None, None, weights[1])
        return states[0] if self.return_sequences else hidden

    def _through(self, gates: list[Any], hidden: Any, carry: Any, recurrent: Any) -> tuple[Any, ...]:
        """The state after some steps, and with ``return_sequences`` the hidden states of all of them.

        Before the first step of all, the state is None, for zeros.
        """
        states = []
        for step_gates in gates:
            if hidden is not None:
                step_gates = ops.add(step_gates, ops.matmul(hidden, recurrent))
            hidden, carry = lstm_step(step_gates, carry)
            states.append(hidden)
        return hidden, carry, *([ops.stack(states, axis=1)] if self.return_sequences else [])

    def _in_blocks(self, sequences: Any, steps: int, *weights: Any) -> Any:
        """The same in a loop over blocks of steps, and the steps that are left over behind it, at least one."""
        ordered: Any = tf.reverse(sequences, [1]) if self.go_backwards else sequences
        # Of each step of one block about 12 values are kept, and 2 between blocks: their sum is least with this length.
        length = 1 + math.isqrt(steps // 6)
        count = (steps - 1) // length
        last = steps - count * length
        blocks = None
        if self.repeats == 1:
            cut = tf.reshape(ordered[:, :-last], (-1, count, length, ordered.shape[2]))
            blocks = tf.TensorArray(ordered.dtype, count).unstack(tf.transpose(cut, (1, 0, 2, 3)))
            ordered = ordered[:, -last:]

        @tf.recompute_grad
        def through(read, hidden, carry, *weights):
            gates = _gates(read, *weights)
            return self._through(gates * (length // len(gates)), hidden, carry, weights[1])

        def take(number: Any, hidden: Any, carry: Any, arrays: list[Any]) -> tuple[Any, ...]:
            read = blocks.read(number) if blocks else ordered
            hidden, carry, *states = through(read, hidden, carry, *weights)
            return number + 1, hidden, carry, [array.write(number, *states) for array in arrays]

        zeros = tf.zeros((tf.shape(sequences)[0], self.units))
        arrays = [tf.TensorArray(self.compute_dtype, count)] if self.return_sequences else []
        start = (tf.constant(0), tf.cast(zeros, self.compute_dtype), zeros, arrays)
        # One block at a time, so that none waits in memory; XLA must know how many there are.
        _, hidden, carry, arrays = tf.while_loop(
            lambda number, *_: number < count, take, start, parallel_iterations=1, maximum_iterations=count
        )
        gates = _gates(ordered, *weights)
        hidden, _, *states = self._through(gates * (last // len(gates)), hidden, carry, weights[1])
        if not self.return_sequences:
            return hidden
        before = tf.transpose(arrays[0].stack(), (1, 0, 2, 3))
        return tf.concat([tf.reshape(before, (-1, count * length, self.units)), *states], axis=1)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        examples, steps, _ = sequences_shape
        return (examples, steps * self.repeats, self.units) if self.return_sequences else (examples, self.units)

    def get_config(self):
        return super().get_config() | {"repeats": self.repeats}


@keras.saving.register_keras_serializable(PACKAGE)
class SeenGRUCell(keras.layers.Layer):
    """The cell of a GRU, whose output at a step is the state before it, with the noise of that step.

    As in Keras's ``GRUCell`` with its default settings, with r and z after the sigmoid::

        h_t = z * h_{t-1} + (1 - z) * tanh(c + r * (h_{t-1} U + b))

    The inputs are what a step adds to r, z and c, whatever the state, and the noise: [examples, 3 * units + units].
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(self.units, 3 * self.units), initializer="orthogonal")
        self.bias = self.add_weight(name="bias", shape=(3 * self.units,), initializer="zeros")

    def call(self, inputs, states, training=False):
        parts: Any = ops.split(inputs, 4, axis=1)
        seen = states[0] + parts[3]
        recurrent: Any = ops.split(ops.matmul(seen, self.kernel) + self.bias, 3, axis=1)
        reset, update = (ops.sigmoid(parts[number] + recurrent[number]) for number in range(2))
        candidate = ops.tanh(parts[2] + reset * recurrent[2])
        return seen, [update * seen + (1 - update) * candidate]

    def get_config(self):
        return super().get_config() | {"units": self.units}


def _gates(sequences: Any, kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    """What each step adds to the gates, [examples, 4 * units], whatever the state."""
    return ops.unstack(ops.add(ops.matmul(sequences, kernel), bias), sequences.shape[1], axis=1)


def lstm_step(gates: Any, carry: Any) -> tuple[Any, Any]:
    """The state after a step, hidden and carry, [examples, units] each.

    The gates, [examples, 4 * units], are those before the activations. The carry is float32; None for zeros.
    """
    parts: Any = ops.split(gates, 4, axis=1)
    into, forget, new, out = parts
    # The carry sums over steps, for which the 8 bits of a bfloat16 are too few.
    added = ops.cast(ops.multiply(ops.sigmoid(into), ops.tanh(new)), "float32")
    carry = added if carry is None else ops.add(ops.multiply(ops.sigmoid(forget), carry), added)
    return ops.cast(ops.multiply(ops.sigmoid(out), ops.tanh(carry)), gates.dtype), carry
