"""Encoder and decoder of the encoder-decoder transformer as Keras layers; nothing here needs more than Keras."""

from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.autoregressive.attention import Block, add_vectors, causal_bias, embed, put
from seq2seq_arith.trainer.models.autoregressive.positions import sinusoids
from seq2seq_arith.trainer.models.layers import PACKAGE, ops


class Stack(keras.layers.Layer):
    """What encoder and decoder have in common: characters with positions, blocks, and a norm behind them.

    Args:
      alphabet: The characters, in the order of their ids.
      hidden: Units per character.
      layers: Number of blocks.
      heads: Heads of attention.
      positions: ``sinusoidal``, ``learned`` or ``none``.
      feed_forward: ``gelu`` or ``swiglu``.
    """

    CROSSES = False

    def __init__(
        self,
        *,
        alphabet: str,
        hidden: int,
        layers: int,
        heads: int,
        positions: str,
        feed_forward: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alphabet = alphabet
        self.hidden = hidden
        self.layers = layers
        self.heads = heads
        self.positions = positions
        self.feed_forward = feed_forward
        self.blocks = [
            Block(heads, feed_forward, crosses=self.CROSSES, name=f"block_{number}") for number in range(layers)
        ]
        self.norm = keras.layers.RMSNormalization(name="norm")

    def build(self, input_shape, *_):
        units = self.hidden
        channels = input_shape[2] if len(input_shape) == 3 else 1
        # One more than the characters, for the beginning of an answer.
        self.table = add_vectors(self, "characters", channels * (len(self.alphabet) + 1), units)
        if self.positions == "learned":
            self.vectors = add_vectors(self, "positions", input_shape[1], units)
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, units))
        self.built = True

    def positioned(self, ids: Any, index: Any) -> Any:
        """The vectors of characters, [examples, steps] or [examples, steps, channels], that have the index [steps]."""
        sequence = embed(self.table, ids)
        if self.positions == "learned":
            sequence = sequence + ops.take(self.vectors, index, axis=0)[None] * self.hidden**0.5
        elif self.positions == "sinusoidal":
            sequence = sequence + ops.cast(sinusoids(index, self.hidden)[None], sequence.dtype)
        return ops.cast(sequence, self.compute_dtype)

    def get_config(self):
        names = ("alphabet", "hidden", "layers", "heads", "positions", "feed_forward")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(PACKAGE)
class Encoder(Stack):
    """Question ids, [examples, steps], to vectors, [examples, steps, hidden]; every character looks at all others."""

    def call(self, ids):
        sequence = self.positioned(ids, ops.arange(ids.shape[1], dtype="int32"))
        for block in self.blocks:
            sequence = block(sequence, *block.remember(sequence))
        return self.norm(sequence)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.hidden)


@keras.saving.register_keras_serializable(PACKAGE)
class CrossDecoder(Stack):
    """Previous ids, [examples, steps], and the encoder's vectors to float32 logits [examples, steps, characters]."""

    CROSSES = True

    def call(self, previous, encoded):
        index = ops.arange(previous.shape[1], dtype="int32")
        sequence, bias = self.positioned(previous, index), causal_bias(index, index)
        for block in self.blocks:
            sequence = block(sequence, *block.remember(sequence), bias, other=block.recall(encoded))
        return self._logits(sequence)

    def start(self, encoded: Any, steps: int) -> Any:
        """What ``step`` needs: room for keys and values of the answer, and those of the question."""
        shape = (tf.shape(encoded)[0], self.heads, steps, self.hidden // self.heads)
        empty = tf.zeros(shape, self.compute_dtype)
        return tuple((empty, empty) for _ in self.blocks), tuple(block.recall(encoded) for block in self.blocks)

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        """The logits of the answer's character ``index``, and the state with the keys and values of the one before."""
        kept, questions = state
        here, steps = ops.reshape(index, (1,)), kept[0][0].shape[2]
        sequence = self.positioned(previous[:, None], here)
        bias, filled = causal_bias(here, ops.arange(steps, dtype="int32")), []
        for block, caches, question in zip(self.blocks, kept, questions, strict=True):
            now = block.remember(sequence)
            filled.append(tuple(put(cache, value, here) for cache, value in zip(caches, now, strict=True)))
            sequence = block(sequence, *filled[-1], bias, other=question)
        return self._logits(sequence)[:, 0], (tuple(filled), questions)

    def _logits(self, sequence: Any) -> Any:
        table = ops.cast(self.table[: len(self.alphabet)], "float32")
        return ops.matmul(ops.cast(self.norm(sequence), "float32"), ops.transpose(table))

    def compute_output_shape(self, previous_shape, encoded_shape):
        return (*previous_shape, len(self.alphabet))
