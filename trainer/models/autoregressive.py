"""The autoregressive networks, which write an answer character by character and read what they have written."""

import types
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.attention import HIDDEN, Block, Look, add_vectors, causal_bias, embed, put
from seq2seq_arith.trainer.models.latches import BatchKey, uniform
from seq2seq_arith.trainer.models.layers import PACKAGE, OneHot, ops
from seq2seq_arith.trainer.models.network import Autoregressive
from seq2seq_arith.trainer.models.positional_encodings import Coordinates, PositionalEncoding, digit_positions_of
from seq2seq_arith.trainer.models.spec import Spec


def causal(spec: Spec) -> "Causal":
    """A decoder-only transformer (Radford et al., 2018), pre-norm, with tied embeddings.

    The answer's characters have other vectors than the question's, so that no character need stand between them::

        2 7 1 + 7 9 2 ^ 9 6 4     characters read: ^ stands for the beginning of the answer
                      9 6 4 _     characters written

    The last block works on the steps of the answer alone, for nothing reads what it would make of the question.
    """
    question, previous = spec.question(), spec.previous()
    decoder = CausalDecoder(
        alphabet=spec.alphabet,
        hidden=spec.hidden,
        layers=spec.layers,
        units_first=spec.units_first,
        unseen=spec.unseen,
        options=spec.options,
        name="decoder",
    )
    return Causal(keras.Model([question, previous], decoder(question, previous), name=spec.name), decoder)


class Causal(Autoregressive):
    """The network around a ``CausalDecoder``, which keeps keys and values while it writes."""

    def __init__(self, model: keras.Model, decoder: "CausalDecoder") -> None:
        super().__init__(model)
        self.decoder = decoder

    def start(self, questions: Any) -> Any:
        return self.decoder.start(questions, self.steps)

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        return self.decoder.step(state, index, previous)


@keras.saving.register_keras_serializable(PACKAGE)
class CausalDecoder(keras.layers.Layer):
    """The whole decoder-only transformer, from ids to logits; ``options`` are its settings by name, as
    ``ModelConfig.network_options`` gives them.

    Returns float32 logits [examples, steps, characters], of ids of the question [examples, question steps] and of the
    characters before those of the answer [examples, steps].
    """

    def __init__(
        self,
        *,
        alphabet: str,
        hidden: int,
        layers: int,
        units_first: bool,
        options: dict[str, Any],
        unseen: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alphabet = alphabet
        self.hidden = hidden
        self.layers = layers
        self.units_first = units_first
        self.unseen = unseen
        self.options: Any = types.SimpleNamespace(**options)
        encoding = PositionalEncoding.kinds[self.options.positional_encoding]
        self.encoding = encoding(units=hidden, heads=self.options.heads, alphabet=alphabet, options=options)

    def build(self, question_shape, previous_shape):
        units, characters = self.hidden, len(self.alphabet)
        channels = question_shape[2] if len(question_shape) == 3 else 1
        self.read = add_vectors(self, "read", self.encoding.tables * channels * characters, units)
        self.written = add_vectors(self, "written", characters + 1, units)
        self.encoding.build(self, question_shape[1] + previous_shape[1])
        self.key = BatchKey(name="key")
        self.key.build(question_shape)
        self.blocks = [
            Block(self.options.heads, self.options.ffn_dim, name=f"block_{number}") for number in range(self.layers)
        ]
        self.norm = keras.layers.RMSNormalization(name="norm")
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, units))

    def call(self, question, previous, training=False):
        width, steps = question.shape[1], previous.shape[1]
        key = self.key(question) if training else None
        at = Coordinates(ops.arange(width + steps, dtype="int32"), self._digit_positions(question, steps))
        characters = [self._read(question, at.digit_positions[:, :width]), embed(self.written, previous)]
        sequence = self._positioned(ops.concatenate(characters, axis=1), at, width + steps, key)
        sequence = self._dropped(key, 0)(sequence, 1)  # [examples, width + steps, units]
        bias = self._bias(at, at)  # [examples, 1 or heads, width + steps, width + steps]
        if training:  # the keys of others are behind an example's own, [examples, 1 or heads, width + steps, keys]
            bias = self.encoding.crowded_bias(bias, at.digit_positions, key)

        def seen(number: int, keys: Any, values: Any) -> tuple[Any, Any]:
            return (self.encoding.crowded(keys), self.encoding.crowded(values)) if training else (keys, values)

        return self._logits(self._through(self._passes(steps), sequence, at.index, bias, seen, first=width, key=key))

    def start(self, question: Any, steps: int) -> Any:
        """What ``step`` needs: the keys and values of the question, padded for the answer's, and all positions."""
        width, digit_positions = question.shape[1], self._digit_positions(question, steps)
        at = Coordinates(ops.arange(width, dtype="int32"), digit_positions[:, :width])
        # [examples, width, units]
        sequence = self._positioned(self._read(question, at.digit_positions), at, width + steps)
        caches = []

        def keep(number: int, keys: Any, values: Any) -> tuple[Any, Any]:
            # [examples, heads, width + steps, size] each
            caches.append(tuple(ops.pad(part, ((0, 0), (0, 0), (0, steps), (0, 0))) for part in (keys, values)))
            return keys, values

        self._through(self._passes(steps), sequence, at.index, self._bias(at, at), keep)
        return tuple(caches), digit_positions, ops.convert_to_tensor(width, dtype="int32")

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        """The logits of the answer's character ``index``, and the state with the keys and values of the one before."""
        caches, digit_positions, width = state
        position, length = ops.reshape(width + index, (1,)), caches[0][0].shape[2]
        at = Coordinates(position, ops.take(digit_positions, position, axis=1))
        sequence = self._positioned(embed(self.written, previous[:, None]), at, length)  # [examples, 1, units]
        # [examples, ..., 1, length]
        bias = self._bias(at, Coordinates(ops.arange(length, dtype="int32"), digit_positions))
        filled = []

        def fill(number: int, keys: Any, values: Any) -> tuple[Any, Any]:
            now = zip(caches[number], (keys, values), strict=True)  # [examples, heads, length or 1, size] each
            filled.append(tuple(put(cache, value, position) for cache, value in now))
            return filled[-1]

        sequence = self._through(self._passes(len(caches) // self.layers), sequence, position, bias, fill)
        return self._logits(sequence)[:, 0], (tuple(filled), digit_positions, width)

    def _passes(self, steps: int) -> list[Block]:
        """The blocks in the order in which they run, each as often as there are loops."""
        return self.blocks * (self.options.loops or steps)

    def _through(
        self,
        passes: Sequence[Block],
        sequence: Any,
        index: Any,
        bias: Any,
        seen: Callable[[int, Any, Any], tuple[Any, Any]],
        *,
        first: int | None = None,
        key: Any = None,
    ) -> Any:
        """What the passes make of a sequence, [examples, steps, units]; the last one, of the steps from ``first`` on.

        Args:
          passes: The blocks in the order in which they run.
          sequence: [examples, steps, units], of characters at the ``index``, int32 [steps].
          bias: What is added to the scores, [examples, 1 or heads, steps, keys].
          seen: From the number of a pass, and the keys and values of the sequence there, [examples, heads, steps, size]
            each, to those that the pass looks at, [examples, heads, keys, size] each.
          first: None for all steps.
          key: The number of the batch in training, otherwise None.
        """
        read = sequence
        for number, block in enumerate(passes):
            if number and number % self.layers == 0 and self.options.loops != 1:
                sequence = sequence + read  # at the beginning of each further loop
            keys, values = seen(number, *block.remember(sequence, self._turn(index)))
            rest, where, hides = sequence, index, bias
            if first is not None:
                # Also from 0 on: without that, gradients are summed in another order, and have other last bits.
                begin = first if number == len(passes) - 1 else 0
                rest, where, hides = sequence[:, begin:], index[begin:], bias[:, :, begin:]
            change, drop = self._change(hides, key, 4 * number + 4), self._dropped(key, 4 * number + 5)
            sequence = block(rest, keys, values, hides, turn=self._turn(where), change=change, drop=drop)
        return sequence

    def _change(self, bias: Any, key: Any, salt: int) -> Callable[[Any], Any] | None:
        """What becomes of the scores of attention, to which a bias was added: a function, or None for nothing."""
        scale: Any = self.options.score_scale * (self.options.inference_score_scale if key is None else 1.0)
        noise, factor = 0.0 if key is None else self.options.score_noise, self.encoding.factor(bias)
        if factor is not None:
            scale = scale * factor
        elif scale == 1.0 and not noise:
            return None
        return lambda scores: scores * scale + (uniform(scores, noise, key, salt) if noise else 0.0)

    def _dropped(self, key: Any, salt: int) -> Callable[[Any, int], Any]:
        """Dropout that is a function of the batch, as the noise of latches is."""

        def drop(values: Any, number: int) -> Any:
            if key is None or not self.options.dropout:
                return values
            seed = tf.stack([key, salt + number])
            return tf.nn.experimental.stateless_dropout(values, self.options.dropout, seed)

        return drop

    def _read(self, question: Any, digit_positions: Any) -> Any:
        """The vectors of the question's characters, [examples, question steps, units]."""
        return embed(self.read, self.encoding.read(question, digit_positions))

    def _positioned(self, sequence: Any, at: Coordinates, steps: int, key: Any = None) -> Any:
        """The characters' vectors, with those of their positions, if these are added: [examples, steps, units]."""
        added = self.encoding.added(at, steps, key)
        sequence = ops.cast(sequence, self.compute_dtype)
        return sequence if added is None else sequence + ops.cast(added, sequence.dtype)

    def _turn(self, index: Any) -> Callable[[Any], Any]:
        """What makes queries and keys at these indices, int32 [steps], as scores compare them."""
        return lambda vectors: self.encoding.turned(vectors, index)

    def _bias(self, query: Coordinates, key: Coordinates) -> Any:
        """What is added to the scores, [examples, 1 or heads, queries, keys]."""
        # Also where nothing is unseen: with a bias that is the same for all examples, a training step took five times
        # as long on a CPU, and where XLA made a constant of it, a suite of 100 digits minutes instead of seconds.
        unseen = ops.where(key.digit_positions < 0, HIDDEN, 0.0)[:, None, None]  # [examples, 1, 1, keys]
        bias, more = causal_bias(query.index, key.index) + unseen, self.encoding.bias(query, key)
        return bias if more is None else bias + more

    def _digit_positions(self, question: Any, steps: int) -> Any:
        """The digit positions of the question and the answer, int32 [examples, question steps + steps]; -1: unseen."""
        ids: Any = ops.cast(question, "int32")
        ids = ids if len(ids.shape) == 2 else ids[:, :, 0]
        read = digit_positions_of(ids, self.alphabet, self.units_first)
        if self.unseen is not None:
            read = ops.where(ids == self.unseen, -1, read)
        written = ops.broadcast_to(ops.arange(1, steps + 1, dtype="int32"), (ops.shape(ids)[0], steps))
        return ops.concatenate([read, written], axis=1)

    def _logits(self, sequence: Any) -> Any:
        """float32 [examples, steps, characters], of a sequence [examples, steps, units]."""
        table = ops.cast(self.written[: len(self.alphabet)], "float32")  # [characters, units]
        return ops.matmul(ops.cast(self.norm(sequence), "float32"), ops.transpose(table))

    def compute_output_spec(self, question, previous, training=False):
        return keras.KerasTensor((*previous.shape, len(self.alphabet)), "float32")


class LstmAttention(Autoregressive):
    """Two stacks of LSTMs, of Keras's layers; the decoder reads what it has written, and looks back at the question.

    Each of the decoder's layers starts from the last state of the encoder's layer of the same number (Sutskever,
    Vinyals, Le, "Sequence to Sequence Learning with Neural Networks", NIPS 2014). Every step of the decoder looks at
    all steps of the encoder (Luong, Pham, Manning, "Effective Approaches to Attention-based Neural Machine
    Translation", EMNLP 2015; here with their global attention and their general score).
    """

    def __init__(self, spec: Spec) -> None:
        def layer(kind: str, number: int) -> keras.layers.LSTM:
            name = f"{kind}_{number}"
            return keras.layers.LSTM(spec.hidden, return_sequences=True, return_state=True, name=name, **spec.recurrent)

        self._characters = OneHot(spec.depth + 1, name="previous_characters")
        self._decoder = [layer("decoder", number) for number in range(spec.layers)]
        self._query = keras.layers.Dense(spec.hidden, use_bias=False, name="query")
        self._look = Look(name="attention")
        self._combine = keras.layers.Dense(spec.hidden, "tanh", use_bias=False, name="combine")
        self._logits = keras.layers.Dense(spec.depth, dtype="float32", name="logits")
        question, previous = spec.question(), spec.previous()
        sequence, states = OneHot(spec.depth, name="characters")(question), []
        for number in range(spec.layers):
            sequence, *state = layer("encoder", number)(sequence)
            states.append(state)
        self._encoder = keras.Model(question, [sequence, states])
        logits, _ = self._decode(previous, sequence, states)
        super().__init__(keras.Model([question, previous], logits, name=spec.name))

    def start(self, questions: Any) -> Any:
        return self._encoder(questions, training=False)

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        encoded, states = state
        logits, states = self._decode(previous[:, None], encoded, states)
        return logits[:, 0], [encoded, states]

    def _decode(self, previous: Any, encoded: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Logits of as many characters as are given, and the states behind them."""
        sequence: Any = self._characters(previous)
        after = []
        for layer, state in zip(self._decoder, states, strict=True):
            sequence, *state = layer(sequence, initial_state=state)
            after.append(state)
        seen = self._look(self._query(sequence), encoded)
        return self._logits(self._combine(keras.layers.Concatenate()([seen, sequence]))), after
