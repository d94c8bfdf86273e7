"""LSTMs: Keras's layer with default settings, computed faster for short sequences, in less memory for long ones."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.layers import PACKAGE, ops

# The settings of a cell that change how a step is computed.
COMPUTED = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout")


def lstm(units: int, *, unroll: bool, use_cudnn: Any = "auto", **kwargs: Any) -> keras.layers.LSTM:
    """Makes an LSTM layer: Keras's own for cuDNN, otherwise ``PlainLSTM``. The weights and the results are the same."""
    if use_cudnn and not unroll:
        return keras.layers.LSTM(units, use_cudnn=use_cudnn, **kwargs)
    return PlainLSTM(units, unroll=unroll, **kwargs)


def repeating_lstm(units: int, vector: Any, repeats: int, **kwargs: Any) -> Any:
    """What an LSTM layer makes of a vector, [examples, units], that it reads ``repeats`` times.

    ``PlainLSTM`` repeats the vector itself, and multiplies it once.
    """
    if kwargs["use_cudnn"] and not kwargs["unroll"]:
        return lstm(units, **kwargs)(keras.layers.RepeatVector(repeats)(vector))
    return lstm(units, repeats=repeats, **kwargs)(keras.layers.Reshape((1, vector.shape[1]))(vector))


@keras.saving.register_keras_serializable(PACKAGE)
class PlainLSTM(keras.layers.LSTM):
    """``keras.layers.LSTM`` with its default settings: the same weights and the same results.

    With ``unroll``, there is no loop in the graph, which is faster for short sequences. Otherwise the steps are
    computed in blocks of √T: the state between two blocks is kept for the backward pass, and the states within a block
    are computed again, which takes the memory of 2·√T states instead of T (Chen, Xu, Zhang, Guestrin, "Training Deep
    Nets with Sublinear Memory Cost", 2016)::

        steps       0 | 1  2  3 | 4  5  6 | 7  8  9        10 steps: one that is left over, then 3 blocks of 3
        kept        ^   ^         ^         ^              the state before each block

    In both cases all inputs that are there at once are multiplied by the kernel at once.

    Args:
      units: Units of the state and of each output.
      repeats: How often the step of an input [examples, 1, features] is read: with n, this is the plain layer after a
        ``RepeatVector(n)``. A longer input is read once.

    Returns:
      [examples, steps * repeats, units] with ``return_sequences``, in the order in which they were computed;
      otherwise the last of them, [examples, units].

    Raises:
      ValueError: A setting is one that only Keras's layer has, such as a mask or dropout.
    """

    def __init__(self, units: int, repeats: int = 1, **kwargs: Any) -> None:
        # Keras looks for GPUs unless a layer is unrolled, which would start TensorFlow before the CPU is divided.
        super().__init__(units, **{**kwargs, "unroll": True, "use_cudnn": False})
        self.unroll = bool(kwargs.get("unroll", False))
        self.repeats = repeats
        own, plain = self.cell.get_config(), keras.layers.LSTMCell(units).get_config()
        other = [name for name in COMPUTED if own[name] != plain[name]]
        other += [name for name in ("return_state", "stateful") if getattr(self, name)]
        if other:
            raise ValueError(f"{type(self).__name__} has no {', '.join(other)} of its own; use keras.layers.LSTM")

    def build(self, sequences_shape, initial_state_shape=None):
        if self.repeats > 1 and sequences_shape[1] != 1:
            raise ValueError(f"{type(self).__name__} repeats one step, and there are {sequences_shape[1]}")
        super().build(sequences_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if mask is not None:
            raise ValueError(f"{type(self).__name__} takes no mask; use keras.layers.LSTM")
        hidden, carry = initial_state or (None, None)
        cell: Any = self.cell
        kernel, recurrent, bias = (
            ops.cast(weight, self.compute_dtype) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
        if self.unroll:
            gates: Any = ops.unstack(ops.add(ops.matmul(sequences, kernel), bias), sequences.shape[1], axis=1)
            gates = (gates[::-1] if self.go_backwards else gates) * self.repeats
            states = []
            for each in gates:
                each = each if hidden is None else ops.add(each, ops.matmul(hidden, recurrent))
                hidden, carry = lstm_step(each, carry)
                states.append(hidden)
            return ops.stack(states, axis=1) if self.return_sequences else hidden
        ordered: Any = tf.reverse(sequences, [1]) if self.go_backwards else sequences
        shape = (tf.shape(sequences)[0], self.units)
        hidden = tf.zeros(shape, self.compute_dtype) if hidden is None else tf.cast(hidden, self.compute_dtype)
        carry = tf.zeros(shape) if carry is None else tf.cast(carry, tf.float32)
        if sequences.shape[1] == 1:
            added = tf.matmul(ordered[:, 0], kernel) + bias
            return _in_blocks(self.repeats, self.return_sequences, None, hidden, carry, recurrent, added)
        return _in_blocks(sequences.shape[1], self.return_sequences, ordered, hidden, carry, recurrent, kernel, bias)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        examples, steps, _ = sequences_shape
        return (examples, steps * self.repeats, self.units) if self.return_sequences else (examples, self.units)

    def get_config(self):
        return super().get_config() | {"repeats": self.repeats}


def _in_blocks(steps: int, whole: bool, inputs: Any, hidden: Any, carry: Any, recurrent: Any, *weights: Any) -> Any:
    """The hidden states after all steps, [examples, steps, units], or after the last one, computed in blocks.

    Args:
      steps: How many.
      whole: Whether to return all states.
      inputs: [examples, steps, features]; None if each step reads the same.
      hidden, carry: The state before the first step.
      recurrent: The recurrent kernel.
      *weights: Kernel and bias, or what the same input adds to the gates.
    """
    length = math.isqrt(steps)
    outputs, start = [], 0
    # First the steps that are left over, then blocks of the same length.
    for count, size in ((1, steps % length), (steps // length, length)):
        if not size:
            continue
        read: list[Any] = list(weights)
        if inputs is not None:
            parts = tf.reshape(inputs[:, start : start + count * size], (-1, count, size, inputs.shape[2]))
            read.append(tf.transpose(parts, (1, 0, 2, 3)))
        hidden, carry, *states = _blocks(count, size, whole)(hidden, carry, recurrent, *read)
        outputs += [tf.reshape(tf.transpose(each, (1, 0, 2, 3)), (-1, count * size, each.shape[3])) for each in states]
        start += count * size
    return tf.concat(outputs, axis=1) if whole else hidden


def _blocks(count: int, size: int, whole: bool) -> Callable[..., Any]:
    """A function of some blocks of steps, which keeps only the state before each block for its gradient.

    It takes the state before the first block, the recurrent kernel, and either kernel, bias and the inputs, [blocks,
    examples, size, features], or what the same input adds to the gates. It returns the state after the last block and,
    if ``whole``, the hidden states after all steps, [blocks, examples, size, units].
    """

    def gates_of(number: Any, *read: Any) -> Any:
        """What the inputs of a block add to the gates, [size, examples, 4 * units]."""
        if len(read) == 1:
            return tf.repeat(read[0][None], size, axis=0)
        kernel, bias, inputs = read
        return tf.transpose(tf.matmul(inputs[number], kernel) + bias, (1, 0, 2))

    def block(gates: Any, hidden: Any, carry: Any, recurrent: Any) -> tuple[Any, Any, Any]:
        """The state after the steps of a block, and all its hidden states, [size, examples, units]."""
        parts = tf.TensorArray(gates.dtype, size).unstack(gates)

        def take(step: Any, hidden: Any, carry: Any, states: Any) -> tuple[Any, ...]:
            hidden, carry = _lean_step(tf.matmul(hidden, recurrent) + parts.read(step), carry)
            return step + 1, hidden, carry, states.write(step, hidden)

        states = tf.TensorArray(hidden.dtype, size)
        _, hidden, carry, states = _loop(size, take, (tf.constant(0), hidden, carry, states))
        return hidden, carry, states.stack()

    @tf.custom_gradient
    def run(hidden: Any, carry: Any, recurrent: Any, *read: Any) -> Any:
        def forward(number: Any, hidden: Any, carry: Any, before: list, outputs: list) -> tuple[Any, ...]:
            before = [array.write(number, each) for array, each in zip(before, (hidden, carry), strict=True)]
            hidden, carry, states = block(gates_of(number, *read), hidden, carry, recurrent)
            return number + 1, hidden, carry, before, [each.write(number, states) for each in outputs]

        before = [tf.TensorArray(each.dtype, count) for each in (hidden, carry)]
        outputs = [tf.TensorArray(hidden.dtype, count)] if whole else []
        _, *after, before, outputs = _loop(count, forward, (tf.constant(0), hidden, carry, before, outputs))
        kept = [array.stack() for array in before]

        def gradient(of_hidden: Any, of_carry: Any, *of_outputs: Any) -> list[Any]:
            def backward(done: Any, of_hidden: Any, of_carry: Any, of_recurrent: Any, sums: list, parts: list) -> Any:
                number = count - 1 - done
                with tf.GradientTape() as tape:
                    own = [*read[:2], *(each[number][None] for each in read[2:])]
                    tape.watch(own)
                    gates = gates_of(0, *own)
                with tf.GradientTape() as inner:
                    given = [gates, *(each[number] for each in kept)]
                    inner.watch(given)
                    *after, states = block(*given, tf.stop_gradient(recurrent))
                made = [*after, states] if whole else after
                of_made = [of_hidden, of_carry, *(tf.transpose(each[number], (1, 0, 2)) for each in of_outputs)]
                of_gates, of_hidden, of_carry = inner.gradient(made, given, of_made)
                # One product for all steps of the block.
                left = tf.reshape(tf.concat([given[1][None], states[:-1]], axis=0), (-1, states.shape[2]))
                right = tf.reshape(of_gates, (-1, of_gates.shape[2]))
                of_recurrent += tf.cast(tf.matmul(left, right, transpose_a=True), tf.float32)
                of_own: Any = tape.gradient(gates, own, of_gates)
                sums = [total + tf.cast(each, tf.float32) for total, each in zip(sums, of_own[:2], strict=True)]
                parts = [array.write(number, each[0]) for array, each in zip(parts, of_own[2:], strict=True)]
                return done + 1, of_hidden, of_carry, of_recurrent, sums, parts

            sums = [tf.zeros_like(each, tf.float32) for each in (recurrent, *read[:2])]
            parts = [tf.TensorArray(each.dtype, count) for each in read[2:]]
            start = (tf.constant(0), of_hidden, of_carry, sums[0], sums[1:], parts)
            _, of_hidden, of_carry, of_recurrent, sums, parts = _loop(count, backward, start)
            of_weights = [tf.cast(each, recurrent.dtype) for each in (of_recurrent, *sums)]
            return [of_hidden, of_carry, *of_weights, *(array.stack() for array in parts)]

        # From [blocks, size, examples, units].
        return [*after, *(tf.transpose(array.stack(), (0, 2, 1, 3)) for array in outputs)], gradient

    return run


@tf.custom_gradient
def _lean_step(gates: Any, carry: Any) -> Any:
    """``lstm_step``, which keeps nothing but its arguments for the gradient: less to write and to read in each step."""

    def gradient(of_hidden: Any, of_carry: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([gates, carry])
            after = lstm_step(gates, carry)
        return tape.gradient([*after], [gates, carry], [of_hidden, of_carry])

    return lstm_step(gates, carry), gradient


def _loop(count: int, take: Callable[..., Any], start: tuple[Any, ...]) -> Any:
    """``tf.while_loop`` over a number, the first variable, one iteration at a time so that none waits in memory."""
    return tf.while_loop(
        lambda number, *_: number < count, take, start, parallel_iterations=1, maximum_iterations=count
    )


def lstm_step(gates: Any, carry: Any) -> tuple[Any, Any]:
    """Computes the state after a step, hidden and carry, [examples, units] each.

    Args:
      gates: [examples, 4 * units], before the activations.
      carry: The carry before the step, float32; None for zeros.
    """
    parts: Any = ops.split(gates, 4, axis=1)
    into, kept, new, out = parts
    # The carry sums over steps, for which the 8 bits of a bfloat16 are too few.
    added = ops.cast(ops.multiply(ops.sigmoid(into), ops.tanh(new)), "float32")
    carry = added if carry is None else ops.add(ops.multiply(ops.sigmoid(kept), carry), added)
    return ops.cast(ops.multiply(ops.sigmoid(out), ops.tanh(carry)), gates.dtype), carry
