"""The blocks of a transformer, whose keys and values can be kept while an answer is written."""

import math
from collections.abc import Callable
from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import PACKAGE, note_attention, ops

# Added to the scores of characters that may not be seen.
HIDDEN = -1e9


def attend(layer: keras.layers.Layer, queries: Any, keys: Any, values: Any, adjust: Callable[[Any], Any]) -> Any:
    """Scaled dot-product attention, as every network here uses it, [..., queries, size].

    Args:
      layer: The layer that attends; its attention weights are recorded under its path.
      queries, keys, values: [..., queries, size], [..., keys, size] and [..., keys, size].
      adjust: A function from the products of queries and keys, float32 [..., queries, keys], to attention logits.
    """
    products = ops.cast(ops.matmul(queries, ops.swapaxes(keys, -1, -2)), "float32")
    # A bfloat16 has 8 bits: too few for the shares of many steps, which must sum to 1.
    shares = note_attention(layer, ops.softmax(adjust(products)))  # float32 [..., queries, keys]
    return ops.matmul(ops.cast(shares, values.dtype), values)


def split_heads(sequence: Any, heads: int) -> Any:
    """[examples, steps, units] to [examples, heads, steps, units / heads]."""
    steps, units = sequence.shape[1:]
    return ops.transpose(ops.reshape(sequence, (-1, steps, heads, units // heads)), (0, 2, 1, 3))


def join_heads(sequence: Any) -> Any:
    """The inverse of ``split_heads``."""
    _, heads, steps, size = sequence.shape
    return ops.reshape(ops.transpose(sequence, (0, 2, 1, 3)), (-1, steps, heads * size))


@keras.saving.register_keras_serializable(PACKAGE)
class Attention(keras.layers.Layer):
    """Attention of several heads (Vaswani et al., "Attention Is All You Need", NIPS 2017), in two parts.

    ``remember`` computes keys and values once, so that they can be cached; ``queries`` and ``look`` attend to them.
    """

    def __init__(self, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape):
        units = input_shape[-1]
        for name in ("query", "key", "value", "output"):
            weight = self.add_weight(name=f"{name}_kernel", shape=(units, units), initializer="glorot_uniform")
            setattr(self, f"{name}_kernel", weight)

    def remember(self, sequence: Any) -> tuple[Any, Any]:
        """Keys and values, [examples, heads, steps, size] each, of a sequence [examples, steps, units]."""
        return self._product(sequence, self.key_kernel), self._product(sequence, self.value_kernel)

    def queries(self, sequence: Any) -> Any:
        """Queries, [examples, heads, steps, size], of a sequence [examples, steps, units]."""
        return self._product(sequence, self.query_kernel)

    def look(self, queries: Any, keys: Any, values: Any, bias: Any, change: Callable[[Any], Any] | None = None) -> Any:
        """The attention output, [examples, queries, units], of queries, keys and values [examples, heads, steps, size].

        The ``bias``, [1 or examples, 1 or heads, queries, keys], is added to the logits, before ``change`` is applied.
        """
        # In mixed precision, Keras has made the bias as short as all inputs of a layer.
        scale, bias = queries.shape[-1] ** 0.5, ops.cast(bias, "float32")

        def adjust(products: Any) -> Any:
            return products / scale + bias if change is None else change(products / scale + bias)

        return ops.matmul(join_heads(attend(self, queries, keys, values, adjust)), self.output_kernel)

    def _product(self, sequence: Any, kernel: Any) -> Any:
        # While an answer is written, no layer is called, and Keras casts no weight.
        return split_heads(ops.matmul(sequence, ops.cast(kernel, sequence.dtype)), self.heads)


@keras.saving.register_keras_serializable(PACKAGE)
class BiasedAttention(keras.layers.Layer):
    """Self-attention whose scores have a learned bias per head and pair of steps."""

    def __init__(self, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape):
        steps, units = input_shape[1:]
        self.kernel = self.add_weight(name="kernel", shape=(units, 3 * units), initializer="glorot_uniform")
        self.output_kernel = self.add_weight(name="output_kernel", shape=(units, units), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.heads, steps, steps), initializer="zeros")

    def call(self, sequence):
        parts: Any = ops.split(ops.matmul(sequence, self.kernel), 3, axis=-1)  # [examples, steps, units] each
        queries, keys, values = (split_heads(part, self.heads) for part in parts)
        scale, bias = queries.shape[-1] ** 0.5, ops.cast(self.bias, "float32")
        mixed = attend(self, queries, keys, values, lambda products: products / scale + bias)
        return ops.matmul(join_heads(mixed), self.output_kernel)


@keras.saving.register_keras_serializable(PACKAGE)
class Look(keras.layers.Layer):
    """Attention of one head without weights: queries attend to a sequence, [examples, queries or steps, units]."""

    def call(self, queries, sequence):
        return attend(self, queries, sequence, sequence, lambda products: products)


@keras.saving.register_keras_serializable(PACKAGE)
class FeedForward(keras.layers.Layer):
    """Two dense layers without biases, the first with GELU and four times as many units, or ``width`` ones."""

    def __init__(self, width: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape):
        units = input_shape[-1]
        inner = self.width or 4 * units
        self.up = self.add_weight(name="up", shape=(units, inner), initializer="glorot_uniform")
        self.down = self.add_weight(name="down", shape=(inner, units), initializer="glorot_uniform")

    def call(self, sequence):
        return ops.matmul(ops.gelu(ops.matmul(sequence, self.up)), self.down)


@keras.saving.register_keras_serializable(PACKAGE)
class Block(keras.layers.Layer):
    """Attention and dense layers, each after an RMSNorm and within a residual connection (pre-norm)."""

    def __init__(self, heads: int, ffn_dim: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.ffn_dim = heads, ffn_dim
        self.parts: dict[str, Any] = {
            "attention": Attention(heads, name="attention"),
            "dense": FeedForward(ffn_dim, name="dense"),
        }
        self.norms = {name: keras.layers.RMSNormalization(name=f"{name}_norm") for name in self.parts}

    def build(self, input_shape):
        for layer in (*self.parts.values(), *self.norms.values()):
            layer.build(input_shape)

    def remember(self, sequence: Any, turn: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Keys and values of a sequence [examples, steps, units]; ``turn`` is applied to the keys, as in RoPE."""
        keys, values = self.parts["attention"].remember(self.norms["attention"](sequence))
        return turn(keys), values

    def call(self, sequence, keys, values, bias, turn, change=None, drop=None):
        attention = self.parts["attention"]
        queries = turn(attention.queries(self.norms["attention"](sequence)))  # [examples, heads, queries, size]
        drop = drop or (lambda part, number: part)
        sequence = sequence + drop(attention.look(queries, keys, values, bias, change), 0)
        return sequence + drop(self.parts["dense"](self.norms["dense"](sequence)), 1)


def add_vectors(layer: keras.layers.Layer, name: str, count: int, units: int) -> Any:
    """Adds learned vectors to a layer, [count, units], each with a length of about 1.

    They stay float32 in mixed precision: then those that are read while an answer is written are the trained ones.
    """
    spread = keras.initializers.RandomNormal(stddev=units**-0.5)
    return layer.add_weight(name=name, shape=(count, units), initializer=spread, autocast=False)


def embed(table: Any, ids: Any) -> Any:
    """The vectors of characters, the sum where a step has several.

    Args:
      table: A vector for each character of each channel, [channels * characters, units].
      ids: An integer [examples, steps] or [examples, steps, channels].

    Returns [examples, steps, units], vectors of norm sqrt(units), as the rows of the table have a norm of about 1.
    """
    ids = ops.cast(ids, "int32")
    if len(ids.shape) == 3:
        channels = ids.shape[2]
        ids = ids + ops.arange(channels, dtype="int32") * (table.shape[0] // channels)
    vectors = ops.take(table, ids, axis=0) * table.shape[1] ** 0.5
    return ops.sum(vectors, axis=2) if len(ids.shape) == 3 else vectors


def causal_bias(query_index: Any, key_index: Any) -> Any:
    """A bias that hides later keys, float32 [1, 1, queries, keys]."""
    later = query_index[:, None] < key_index[None, :]
    return ops.where(later, HIDDEN, 0.0)[None, None]


def sharper(bias: Any) -> Any:
    """A factor of scores that grows as the logarithm of the number of keys that a query sees, 1 for 32.

    Without it, attention to one key gets weaker with more keys (Nakanishi, "Scalable-Softmax Is Superior for
    Attention", 2025).

    Args:
      bias: The bias that hides the other keys, [1 or examples, 1, queries, keys].
    """
    seen = ops.sum(ops.cast(bias > HIDDEN / 2, "float32"), axis=-1, keepdims=True)
    return ops.log(1.0 + seen) / math.log(33.0)


def put(cache: Any, value: Any, index: Any) -> Any:
    """A cache [examples, heads, steps, size] whose step ``index`` is set to a value [examples, heads, 1, size]."""
    is_index = ops.arange(cache.shape[2], dtype="int32") == index
    return ops.where(is_index[:, None], value, cache)
