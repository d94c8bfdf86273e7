"""Positional encodings: how a transformer knows the order of the characters.

An encoding is a class, and an entry of the same name in ``registry.POSITIONAL_ENCODINGS``. It can act in three ways: it
adds vectors to those of the characters, rotates queries and keys, or adds a bias to the attention scores::

    class Alibi(PositionalEncoding, name="alibi"):
        def bias(self, query, key):
            slopes = 2.0 ** (-8.0 * ops.arange(1, self.heads + 1, dtype="float32") / self.heads)  # [heads]
            distance = ops.abs(query.index[:, None] - key.index[None, :])  # [queries, keys]
            return -slopes[None, :, None, None] * ops.cast(distance, "float32")

An index counts the characters of question and answer from 0. A *digit position* counts digits from the units::

    character    2 7 1 + 7 9 2 | 9 6 4 _          297 + 172, stored from the units
    index        0 1 2 3 4 5 6 | 7 8 9 10
    position     1 2 3 0 1 2 3 | 1 2 3 4
"""

import functools
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.trainer.models.attention import HIDDEN, add_vectors, sharper
from seq2seq_arith.trainer.models.layers import PACKAGE, ops

# ``coupled_relative_bias`` distinguishes smaller differences of digit positions, in both directions.
NEAR = 3
# The first bias of the others. Learned at ten digits from near zero, it would not be low enough for a hundred.
FAR = -10.0
# Of fewer signs, ``position_coupling`` would have too few different ones.
LEAST_SIGNS = 16


class Coordinates(NamedTuple):
    """The positions of some characters in the string of question and answer."""

    index: Any  #: int32 [steps]
    digit_positions: Any  #: int32 [examples, steps]; 0 for what is not a digit, -1 for what attention must not see


class PositionalEncoding:
    """The base of the encodings, and itself ``nope``: a causal model infers the order from what it may attend to.

    Haviv et al., "Transformer Language Models without Positional Encodings Still Learn Positional Information", 2022.
    A subclass declares its name, and overrides the methods of the ways in which it acts.

    Attributes:
      units: The size of the characters' vectors.
      heads: The heads of attention.
      alphabet: The characters, in the order of their ids.
      options: The settings of the network, by name: those that the entry in the registry names, and others.
    """

    #: Every encoding by its name, which is that of its entry in ``registry.POSITIONAL_ENCODINGS``. A decoder finds it
    #: here, also where a stored model is opened without the registry.
    kinds: ClassVar[dict[str, type["PositionalEncoding"]]] = {}
    #: How many vectors a character of the question can have, of which ``read`` chooses one.
    tables = 1

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if name:  # a custom one is found by its file (``build.build_network``)
            PositionalEncoding.kinds[name] = cls

    def __init__(self, *, units: int, heads: int, alphabet: str, options: dict[str, Any]) -> None:
        self.units = units
        self.heads = heads
        self.alphabet = alphabet
        self.options = options

    def build(self, decoder: keras.layers.Layer, steps: int) -> None:
        """Adds its weights to a decoder; ``steps`` is the length of question and answer together."""

    def read(self, ids: Any, positions: Any) -> Any:
        """The rows of the table of vectors for a question, int32 [examples, steps, ...], of its ids and positions."""
        return ids

    def added(self, at: Coordinates, steps: int, key: Any = None) -> Any:
        """The vectors to add to those of the characters, [examples or 1, steps, units]; None for none.

        ``steps`` is the number of all characters. In training, ``key`` is the number of the batch (``BatchKey``), an
        int32 scalar of which what is drawn is a function; otherwise None.
        """
        return None

    def turned(self, vectors: Any, index: Any) -> Any:
        """Queries or keys, [examples, heads, steps, size], after rotation; ``index`` is int32 [steps]."""
        return vectors

    def bias(self, query: Coordinates, key: Coordinates) -> Any:
        """The bias of the attention scores, float32 [examples or 1, heads or 1, queries, keys]; None for none."""
        return None

    def factor(self, bias: Any) -> Any:
        """The factor of the attention scores, given the bias that masks keys; None for 1."""
        return None

    def crowded(self, part: Any) -> Any:
        """Keys or values of a training's batch, [examples, heads, keys, size], with what else an example may see."""
        return part

    def crowded_bias(self, bias: Any, positions: Any, key: Any) -> Any:
        """The bias for keys that are ``crowded``, of that for an example's own, [examples, 1, queries, keys]."""
        return bias


PositionalEncoding.kinds["nope"] = PositionalEncoding


class Learned(PositionalEncoding, name="learned"):
    """A learned vector for each index is added (Vaswani et al., "Attention Is All You Need", NIPS 2017)."""

    def build(self, decoder: keras.layers.Layer, steps: int) -> None:
        self.vectors = add_vectors(decoder, "positions", steps, self.units)

    def added(self, at: Coordinates, steps: int, key: Any = None) -> Any:
        return ops.take(self.vectors, at.index, axis=0)[None] * self.units**0.5  # [1, steps, units]


class Rope(PositionalEncoding, name="rope"):
    """Queries and keys are rotated by the index, so that scores depend on distances.

    Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021.
    """

    def turned(self, vectors: Any, index: Any) -> Any:
        return rotate(vectors, index[None], self.options["rope_base"])


class PositionCoupling(PositionalEncoding, name="position_coupling"):
    """Adds a vector for the digit position, and one for the next position: equal positions get equal vectors.

    Cho et al., "Position Coupling", 2024; Abacus embeddings: McLeish et al., "Transformers Can Do Arithmetic with the
    Right Embeddings", 2024. The vectors are random, and new for each example of a training (as in Shen et al.,
    "Positional Description Matters for Transformers Arithmetic", 2023): all that can be learned of two positions is
    whether they are equal, or neighbours, and that holds in longer strings. To find a position among many, a training
    shows an example the characters of others, and scores grow with the logarithm of the number of characters seen.
    Digits of every second number have vectors of their own: otherwise, a mean of two equal digits would be that of one
    digit alone.
    """

    tables = 2

    def read(self, ids: Any, positions: Any) -> Any:
        return ops.cast(ids, "int32") + len(self.alphabet) * (numbers_before(positions) % 2)

    def added(self, at: Coordinates, steps: int, key: Any = None) -> Any:
        drawn = () if key is None else (tf.shape(at.digit_positions)[0], tf.stack([key, -1]))
        vectors = position_vectors(steps, self.units, self.heads, *drawn)  # [examples or 1, positions, units]
        return ops.matmul(ops.one_hot(at.digit_positions, steps, dtype="float32"), vectors)

    def factor(self, bias: Any) -> Any:
        return sharper(bias)

    def crowded(self, part: Any) -> Any:
        return crowded(part, self.options["distractors"])

    def crowded_bias(self, bias: Any, positions: Any, key: Any) -> Any:
        """How many of the others are seen is drawn for each example.

        A third see none, and most few: where all stood in a full crowd, nothing was learned.
        """
        others, width = self.options["distractors"], positions.shape[1]
        if not others:
            return bias
        examples: Any = tf.shape(positions)[0]
        # Salts below 0, for those of dropout and noise are not.
        drawn = tf.random.stateless_uniform((examples, 1), tf.stack([key, -2]))
        # Only examples before it in the batch: so none sees its own later characters, by way of others.
        before = ops.cast(tf.range(examples)[:, None], "float32")
        seen = ops.minimum((others + 1) * drawn**2, before)  # [examples, 1]
        number = ops.repeat(ops.arange(others + 1, dtype="float32"), width)  # [keys], width of each example
        is_blank = crowded(positions[:, None, :, None], others)[:, 0, :, 0] < 0  # [examples, keys]
        hidden = ops.where(ops.logical_or(is_blank, number > seen), HIDDEN, 0.0)
        return ops.pad(bias, ((0, 0), (0, 0), (0, 0), (0, others * width))) + hidden[:, None, None]


class CoupledRelativeBias(PositionalEncoding, name="coupled_relative_bias"):
    """A learned bias of the difference of digit positions; all from ``NEAR`` on share one, which is low at first.

    The relative bias of Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer", 2020, counted in positions: no longer string has a difference that was not learned. With a window,
    no digit is seen whose position differs by it or more (the local attention of Beltagy et al., "Longformer", 2020):
    what a step can see is then the same finite set in strings of any length.
    """

    def build(self, decoder: Any, steps: int) -> None:
        window = self.options["attention_window"]
        decoder.place_bias = self.layer = PositionBias(self.heads, window, name="place_bias")  # the decoder keeps it
        self.layer.build()

    def bias(self, query: Coordinates, key: Coordinates) -> Any:
        return self.layer(query.digit_positions, key.digit_positions)


def rotate(vectors: Any, index: Any, base: float) -> Any:
    """Rotates pairs of numbers of vectors, [examples, heads, steps, even size], by an angle that grows with the index.

    The index is [examples or 1, steps]; the wavelengths run from 2 pi to almost 2 pi ``base`` characters.
    """
    half = vectors.shape[-1] // 2
    frequencies = base ** (-ops.arange(half, dtype="float32") / half)
    angles = ops.expand_dims(ops.expand_dims(ops.cast(index, "float32"), -1) * frequencies, 1)
    sine, cosine = ops.cast(ops.sin(angles), vectors.dtype), ops.cast(ops.cos(angles), vectors.dtype)
    first, second = vectors[..., :half], vectors[..., half:]
    return ops.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)


@keras.saving.register_keras_serializable(PACKAGE)
class PositionBias(keras.layers.Layer):
    """A learned bias per difference of positions: -NEAR or less, ..., NEAR or more, and one where there is none.

    With a window, there is one for each smaller difference, and all others are hidden.

    float32 [examples, heads, queries, keys], of the positions of queries and keys, int32 [examples, steps] each.
    """

    # Attention is sharp only if scores differ by some units; with this, weights of about 1 suffice.
    SCALE = 4.0

    def __init__(self, heads: int, window: int | None = None, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.heads = heads
        self.window = window
        self.largest = NEAR if window is None else window - 1  # the largest difference with a bias of its own

    def build(self, *_):
        self.table = self.add_weight(name="table", shape=(2 * self.largest + 2, self.heads), initializer=self._first)

    def _first(self, shape, dtype=None):
        """The biases before the training: random, and those of far differences about ``FAR``."""
        biases = keras.initializers.RandomNormal(stddev=0.5)(shape, dtype)
        if self.window is not None:
            return biases
        far = ops.one_hot(0, shape[0]) + ops.one_hot(2 * NEAR, shape[0])
        return biases + FAR / self.SCALE * far[:, None]

    def call(self, query_places, key_places):
        query, key = query_places[:, :, None], key_places[:, None, :]
        difference, largest = key - query, self.largest  # int32 [examples, queries, keys], as ``kind``
        are_digits = ops.logical_and(query > 0, key > 0)
        kind: Any = ops.where(are_digits, ops.clip(difference, -largest, largest) + largest, 2 * largest + 1)
        # A product with one-hot rows, whose gradient is faster than that of looking up.
        chosen = ops.matmul(ops.one_hot(kind, 2 * largest + 2, dtype="float32"), self.table)
        bias = self.SCALE * ops.transpose(chosen, (0, 3, 1, 2))
        if self.window is None:
            return bias
        is_hidden = ops.logical_and(are_digits, ops.abs(difference) > largest)
        return bias + ops.where(is_hidden, HIDDEN, 0.0)[:, None]


def position_vectors(count: int, units: int, heads: int, examples: Any = None, seed: Any = None) -> Any:
    """Vectors of digit positions, random signs of one position and of the next one: [examples or 1, count, units].

    Without a seed, those in use. Position 0, for what is no digit, has the vector 0. There are as many signs as a head
    of attention can compare, repeated to fill the vector. Of more, it would see only a part.
    """
    half = units // 2
    size = min(half, max(units // heads, LEAST_SIGNS))
    drawn = _apart(count + 1, size) if seed is None else _drawn(count + 1, size, examples, seed)
    signs = ops.tile(drawn, (1, 1, -(-half // size)))[:, :, :half]  # [examples or 1, count + 1, half]
    is_place = ops.cast(ops.arange(count)[:, None] > 0, "float32")  # [count, 1]
    return is_place * ops.concatenate([signs[:, :-1], signs[:, 1:]], axis=2)


def _drawn(count: int, units: int, examples: Any, seed: Any) -> Any:
    """Signs 1 and -1, [examples, count, units]."""
    everything: Any = None  # all int32, each of which gives 32 signs
    shape = (examples, count, -(-units // 32), 1)
    words = tf.random.stateless_uniform(shape, seed, everything, everything, tf.int32)
    bits = tf.bitwise.bitwise_and(tf.bitwise.right_shift(words, tf.range(32)), 1)
    return 2.0 * ops.cast(ops.reshape(bits, (examples, count, -1))[:, :, :units], "float32") - 1.0


@functools.cache
def _apart(count: int, units: int) -> np.ndarray:
    """Signs that could have been drawn, float32 [1, count, units], with small correlations.

    They come in blocks, in which there are none if the units are a power of two: the rows of a Hadamard matrix, in a
    random order and with random signs of the columns, of 1,000 draws those that correlate least with the blocks before.
    All are NumPy's, the same with XLA and on every processor.
    """
    random, order, rows = np.random.default_rng(1), np.random.default_rng(2), np.ones((1, 1))
    while len(rows) < units:
        rows = np.kron([[1, 1], [1, -1]], rows)
    rows, blocks = rows[:, :units], [random.choice([-1, 1], (1, units))]
    while len(blocks) * len(rows) < count:
        drawn = random.choice([-1, 1], (1_000, units))
        most = np.max([abs((drawn * block) @ rows.T).max(axis=1) for block in blocks], axis=0)
        blocks.append(drawn[most.argmin()])
    signs = np.concatenate([rows[order.permutation(len(rows))] * block for block in blocks])
    return signs[None, :count].astype(np.float32)


def digit_positions_of(ids: Any, alphabet: str, units_first: bool) -> Any:
    """The digit position of each digit, 1 for the units, 0 for other characters: int32 [examples, steps].

    ``units_first`` says whether numbers are written from their units.
    """
    table = ops.convert_to_tensor([character.isdigit() for character in alphabet], dtype="int32")
    digits = ops.take(table, ids, axis=0)
    if not units_first:
        digits = ops.flip(digits, axis=1)
    steps = ops.arange(1, ids.shape[1] + 1, dtype="int32")[None]
    # A position counts from the last character before it that is not a digit.
    positions = digits * (steps - _running_maximum(ops.where(digits == 0, steps, 0)))
    return positions if units_first else ops.flip(positions, axis=1)


def numbers_before(positions: Any) -> Any:
    """How many numbers stand before that of a digit, int32 [examples, steps], of their positions; 0 for the others."""
    digits = ops.cast(positions > 0, "int32")
    begins = digits * (1 - ops.pad(digits[:, :-1], ((0, 0), (1, 0))))
    return digits * (ops.cumsum(begins, axis=1) - 1)


def crowded(own: Any, others: int) -> Any:
    """Keys or values [examples, heads, keys, size], and behind them those of so many examples before it in the batch.

    Their positions have other vectors. So attention learns to find a position among more characters than an example
    has, as it must in a longer one.
    """
    return ops.concatenate([ops.roll(own, shift, axis=0) for shift in range(others + 1)], axis=2)


def _running_maximum(values: Any) -> Any:
    """The maximum of each number and all before it, int32 [examples, steps], in log2(steps) rounds.

    Keras's ``associative_scan`` does the same, and XLA does not compile it.
    """
    distance, steps = 1, values.shape[1]
    while distance < steps:
        before = ops.pad(values[:, :-distance], ((0, 0), (distance, 0)))
        values, distance = ops.maximum(values, before), 2 * distance
    return values
