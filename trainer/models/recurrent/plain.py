"""An LSTM with its default settings, which the layers of this folder compute in ways of their own."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import ops

# The settings of a cell that change how a step is computed.
COMPUTED = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout")


class PlainLSTM(keras.layers.LSTM):
    """``keras.layers.LSTM`` with its default settings: the same weights and the same results.

    Masks, dropout and other activations are refused; Keras's layer has them.

    Args:
      units: Units of the state and of each output.
      repeats: How often each step of the input is read. With 1, this is the plain layer. With n and an input
        [examples, 1, units], it is that layer after a ``RepeatVector(n)``.

    Returns:
      [examples, steps * repeats, units] with ``return_sequences``, in the order in which they were computed;
      otherwise the last of them, [examples, units].

    Raises:
      ValueError: A setting is one that only Keras's layer has.
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

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if mask is not None:
            raise ValueError(f"{type(self).__name__} takes no mask; use keras.layers.LSTM")
        return self.computed(sequences, *(initial_state or (None, None)))

    def computed(self, sequences: Any, hidden: Any, carry: Any) -> Any:
        """What the layer returns.

        Args:
          sequences: [examples, steps, features].
          hidden, carry: The state before the first step, [examples, units] each; None for zeros.
        """
        raise NotImplementedError

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        examples, steps, _ = sequences_shape
        return (examples, steps * self.repeats, self.units) if self.return_sequences else (examples, self.units)

    def get_config(self):
        return super().get_config() | {"repeats": self.repeats}


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
