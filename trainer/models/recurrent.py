"""LSTMs: Keras's layer with default settings, computed faster for short sequences, in less memory for long ones."""

from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.checkpointed import Segments, recur
from seq2seq_arith.trainer.models.layers import PACKAGE, lstm_step, ops


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
    """``keras.layers.LSTM`` with its default settings, which are its only ones: the same weights and results.

    With ``unroll``, there is no loop in the graph, which is faster for short sequences. Otherwise a state is kept every
    √T steps for the backward pass, and the others are computed again (``checkpointed``). In both cases all inputs that
    are there at once are multiplied by the kernel at once.

    Args:
      units: Units of the state and of each output.
      repeats: How often the step of an input [examples, 1, features] is read: with n, this is the plain layer after a
        ``RepeatVector(n)``. A longer input is read once.

    Returns:
      [examples, steps * repeats, units] with ``return_sequences``, in the order in which they were computed;
      otherwise the last of them, [examples, units].
    """

    def __init__(self, units: int, repeats: int = 1, **kwargs: Any) -> None:
        # Keras looks for GPUs unless a layer is unrolled, which would start TensorFlow before the CPU is divided.
        super().__init__(units, **{**kwargs, "unroll": True, "use_cudnn": False})
        self.unroll = bool(kwargs.get("unroll", False))
        self.repeats = repeats

    def call(self, sequences, initial_state=None, mask=None, training=False):
        # Keras's Bidirectional gives a state and a mask, both None.
        cell: Any = self.cell
        kernel, recurrent, bias = (
            ops.cast(weight, self.compute_dtype) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
        if self.unroll:
            gates: Any = ops.unstack(ops.add(ops.matmul(sequences, kernel), bias), sequences.shape[1], axis=1)
            gates = (gates[::-1] if self.go_backwards else gates) * self.repeats
            states, hidden, carry = [], None, None
            for each in gates:
                each = each if hidden is None else ops.add(each, ops.matmul(hidden, recurrent))
                hidden, carry = lstm_step(each, carry)
                states.append(hidden)
            return ops.stack(states, axis=1) if self.return_sequences else hidden
        ordered: Any = tf.reverse(sequences, [1]) if self.go_backwards else sequences
        segments = Segments(sequences.shape[1] * self.repeats)
        if sequences.shape[1] == 1:
            added = tf.matmul(ordered[:, 0], kernel) + bias
            return recur(segments, self.return_sequences, added, recurrent)
        added = tf.broadcast_to(bias, (tf.shape(sequences)[0], 4 * self.units))
        return recur(segments, self.return_sequences, added, recurrent, ordered, kernel)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        examples, steps, _ = sequences_shape
        return (examples, steps * self.repeats, self.units) if self.return_sequences else (examples, self.units)

    def get_config(self):
        return super().get_config() | {"repeats": self.repeats}
