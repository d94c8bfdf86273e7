"""The decoder-only transformer as one Keras layer, from ids to logits; nothing here needs more than Keras."""

from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.autoregressive.attention import Block, add_vectors, causal_bias, embed, put
from seq2seq_arith.trainer.models.autoregressive.positions import Fire, PlaceBias, alibi, digit_places, sinusoids
from seq2seq_arith.trainer.models.latches import BatchKey
from seq2seq_arith.trainer.models.layers import PACKAGE, ops

# Vectors of ``coupled``; later places share the last one.
PLACES = 64


@keras.saving.register_keras_serializable(PACKAGE)
class CausalDecoder(keras.layers.Layer):
    """The whole decoder-only transformer, from ids to logits.

    Args:
      alphabet: The characters, in the order of their ids.
      hidden: Units per character.
      layers: Blocks of attention and dense layers.
      heads: Heads of attention.
      positions: One of ``positions.py``.
      feed_forward: ``gelu`` or ``swiglu``.
      units_first: Whether the operands are written from their units; for ``coupled``.

    Returns:
      float32 logits [examples, steps, characters], of ids of the question [examples, question steps] and of the
      characters before those of the answer [examples, steps].
    """

    def __init__(
        self,
        *,
        alphabet: str,
        hidden: int,
        layers: int,
        heads: int,
        positions: str,
        feed_forward: str,
        units_first: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alphabet = alphabet
        self.hidden = hidden
        self.layers = layers
        self.heads = heads
        self.positions = positions
        self.feed_forward = feed_forward
        self.units_first = units_first

    def build(self, question_shape, previous_shape):
        units = self.hidden
        channels = question_shape[2] if len(question_shape) == 3 else 1
        self.read = add_vectors(self, "read", channels * len(self.alphabet), units)
        self.written = add_vectors(self, "written", len(self.alphabet) + 1, units)
        vectors = {"learned": question_shape[1] + previous_shape[1], "coupled": PLACES}.get(self.positions)
        if vectors:
            self.vectors = add_vectors(self, "positions", vectors, units)
        if self.positions == "fire":
            self.fire = Fire(self.heads, name="fire")
            self.fire.build()
        if self.positions == "coupled_bias":
            self.place_bias = PlaceBias(self.heads, name="place_bias")
            self.place_bias.build()
        if self.positions == "coupled":
            self.key = BatchKey(name="key")
            self.key.build(question_shape)
        self.blocks = [Block(self.heads, self.feed_forward, name=f"block_{number}") for number in range(self.layers)]
        self.norm = keras.layers.RMSNormalization(name="norm")
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, units))
        self.built = True

    def call(self, question, previous, training=False):
        width, steps = question.shape[1], previous.shape[1]
        index = ops.arange(width + steps, dtype="int32")
        places = self._places(question, steps, training)
        characters = [embed(self.read, question), embed(self.written, previous)]
        sequence = self._positioned(ops.concatenate(characters, axis=1), index, places)
        bias, rotation = self._bias(index, index, places, places), self._rotation(index, places)
        for number, block in enumerate(self.blocks):
            keys, values = block.remember(sequence, rotation)
            first = width if number == self.layers - 1 else 0
            turned = None if rotation is None else rotation[:, first:]
            sequence = block(sequence[:, first:], keys, values, bias[:, :, first:], turned)
        return self._logits(sequence)

    def start(self, question: Any, steps: int) -> Any:
        """What ``step`` needs: the keys and values of the question, with room for the answer's, and all places."""
        width = question.shape[1]
        index, places = ops.arange(width, dtype="int32"), self._places(question, steps, training=False)
        known = places[:, :width]
        sequence = self._positioned(embed(self.read, question), index, known)
        bias, rotation = self._bias(index, index, known, known), self._rotation(index, known)
        kept = []
        for block in self.blocks:
            keys, values = block.remember(sequence, rotation)
            kept.append(tuple(ops.pad(each, ((0, 0), (0, 0), (0, steps), (0, 0))) for each in (keys, values)))
            sequence = block(sequence, keys, values, bias, rotation)
        return tuple(kept), places, ops.convert_to_tensor(width, dtype="int32")

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        """The logits of the answer's character ``index``, and the state with the keys and values of the one before."""
        kept, places, width = state
        here, length = ops.reshape(width + index, (1,)), kept[0][0].shape[2]
        place = ops.take(places, here, axis=1)
        sequence = self._positioned(embed(self.written, previous[:, None]), here, place)
        bias = self._bias(here, ops.arange(length, dtype="int32"), place, places)
        rotation = self._rotation(here, place)
        filled = []
        for block, caches in zip(self.blocks, kept, strict=True):
            now = block.remember(sequence, rotation)
            filled.append(tuple(put(cache, value, here) for cache, value in zip(caches, now, strict=True)))
            sequence = block(sequence, *filled[-1], bias, rotation)
        return self._logits(sequence)[:, 0], (tuple(filled), places, width)

    def _positioned(self, sequence: Any, index: Any, places: Any) -> Any:
        """The characters' vectors, with those of their positions, if these are added."""
        added: Any = None
        if self.positions == "sinusoidal":
            added = sinusoids(index, self.hidden)[None]
        elif self.positions == "learned":
            added = ops.take(self.vectors, index, axis=0)[None] * self.hidden**0.5
        elif self.positions == "coupled":
            added = ops.take(self.vectors, ops.minimum(places, PLACES - 1), axis=0) * self.hidden**0.5
        sequence = ops.cast(sequence, self.compute_dtype)
        return sequence if added is None else sequence + ops.cast(added, sequence.dtype)

    def _rotation(self, index: Any, places: Any) -> Any:
        """By what queries and keys are rotated, [examples or 1, steps]; None if they are not."""
        return {"rope": index[None], "coupled_rope": places}.get(self.positions)

    def _bias(self, query_index: Any, key_index: Any, query_places: Any, key_places: Any) -> Any:
        """What is added to the scores, [examples or 1, 1 or heads, queries, keys]."""
        bias: Any = causal_bias(query_index, key_index)
        if self.positions == "alibi":
            bias = bias + alibi(self.heads, query_index, key_index)
        elif self.positions == "fire":
            bias = bias + self.fire(query_index, key_index)
        elif self.positions == "coupled_bias":
            bias = bias + self.place_bias(query_places, key_places)
        return bias

    def _places(self, question: Any, steps: int, training: bool) -> Any:
        """The places of all characters, int32 [examples, question steps + steps]; zeros if nothing needs them."""
        ids: Any = ops.cast(question, "int32")
        width = ids.shape[1]
        if not self.positions.startswith("coupled"):
            return ops.zeros((1, width + steps), dtype="int32")
        read = digit_places(ids, self.alphabet, self.units_first)
        written = ops.broadcast_to(ops.arange(1, steps + 1, dtype="int32"), (tf.shape(ids)[0], steps))
        places = ops.concatenate([read, written], axis=1)
        if self.positions == "coupled" and training:
            places = places + ops.where(places > 0, self._random_start(question), 0)
        return places

    def _random_start(self, question: Any) -> Any:
        """For each example of a batch another place to count from, so that later places are learned, too."""
        most = max(1, PLACES - question.shape[1])
        seed = tf.stack([self.key(question), 0])
        shape: Any = (tf.shape(question)[0], 1)
        return tf.random.stateless_uniform(shape, seed, 0, most, tf.int32)

    def _logits(self, sequence: Any) -> Any:
        table = ops.cast(self.written[: len(self.alphabet)], "float32")
        return ops.matmul(ops.cast(self.norm(sequence), "float32"), ops.transpose(table))

    def compute_output_shape(self, question_shape, previous_shape):
        return (*previous_shape, len(self.alphabet))

    def compute_output_spec(self, question, previous, training=False):
        return keras.KerasTensor(self.compute_output_shape(question.shape, previous.shape), "float32")

    def get_config(self):
        names = ("alphabet", "hidden", "layers", "heads", "positions", "feed_forward", "units_first")
        return super().get_config() | {name: getattr(self, name) for name in names}
