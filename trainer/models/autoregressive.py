"""The networks that write an answer character by character, and read what they have written."""

import types
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from seq2seq_arith.trainer.models.attention import HIDDEN, Block, Look, add_vectors, causal_bias, embed, put
from seq2seq_arith.trainer.models.latches import BatchKey, uniform
from seq2seq_arith.trainer.models.layers import PACKAGE, OneHot, ops
from seq2seq_arith.trainer.models.network import Autoregressive
from seq2seq_arith.trainer.models.positions import Coordinates, PositionEncoding, digit_places
from seq2seq_arith.trainer.models.spec import Spec


def causal(spec: Spec) -> "Causal":
    """A decoder-only transformer (Radford et al., 2018), pre-norm, with tied embeddings.

    The answer's characters have other vectors than the question's, so that no character need stand between them::

        2 7 1 + 7 9 2 ^ 9 6 4     characters read: ^ stands for the beginning of the answer
                      9 6 4 _     characters written

    The last block works on the steps of the answer alone, for nothing reads what it would make of the question.
    """
    # Not above: an export has the source of this file, and not that module.
    from seq2seq_arith.trainer.registry import POSITIONS

    sizes = {"units": spec.hidden, "heads": spec.options["heads"], "alphabet": spec.alphabet}
    encoding = POSITIONS[spec.options["positions"]].build(**sizes, options=spec.options)
    question, previous = spec.question(), spec.previous()
    decoder = CausalDecoder(
        alphabet=spec.alphabet,
        hidden=spec.hidden,
        layers=spec.layers,
        units_first=spec.units_first,
        unseen=spec.unseen,
        encoding=type(encoding).__name__,
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
    """The whole decoder-only transformer, from ids to logits; ``options`` are its settings by name, of
    ``ModelConfig.network_options``, and ``encoding`` is the name of the class of its position encoding.

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
        encoding: str,
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
        self.knobs: Any = types.SimpleNamespace(**options)
        kind = PositionEncoding.kinds[encoding]
        self.encoding = kind(units=hidden, heads=self.knobs.heads, alphabet=alphabet, options=options)

    def build(self, question_shape, previous_shape):
        units, characters = self.hidden, len(self.alphabet)
        channels = question_shape[2] if len(question_shape) == 3 else 1
        self.read = add_vectors(self, "read", self.encoding.tables * channels * characters, units)
        self.written = add_vectors(self, "written", characters + 1, units)
        self.encoding.build(self, question_shape[1] + previous_shape[1])
        self.key = BatchKey(name="key")
        self.key.build(question_shape)
        self.blocks = [
            Block(self.knobs.heads, self.knobs.dense_width, name=f"block_{number}") for number in range(self.layers)
        ]
        self.norm = keras.layers.RMSNormalization(name="norm")
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, units))

    def call(self, question, previous, training=False):
        width, steps = question.shape[1], previous.shape[1]
        key = self.key(question) if training else None
        at = Coordinates(ops.arange(width + steps, dtype="int32"), self._places(question, steps))
        characters = [self._read(question, at.places[:, :width]), embed(self.written, previous)]
        sequence = self._positioned(ops.concatenate(characters, axis=1), at, width + steps, key)
        bias, turn = self._bias(at, at), self._turn(at.index)  # [examples, 1 or heads, queries, keys]
        if training:
            bias = self.encoding.crowded_bias(bias, at.places, key)
        sequence = self._dropped(key, 0)(sequence, 1)  # [examples, width + steps, units]
        read, passes = sequence, self._passes(steps)
        for number, block in enumerate(passes):
            sequence = self._injected(sequence, read, number)
            keys, values = block.remember(sequence, turn)  # [examples, heads, keys, size] each
            if training:
                keys, values = self.encoding.crowded(keys), self.encoding.crowded(values)
            first = width if number == len(passes) - 1 else 0
            hides, drop = bias[:, :, first:], self._dropped(key, 4 * number + 5)
            change = self._change(training, hides, key, 4 * number + 4)
            turn_rest = self._turn(at.index[first:])
            sequence = block(sequence[:, first:], keys, values, hides, turn=turn_rest, change=change, drop=drop)
        return self._logits(sequence)

    def _passes(self, steps: int) -> list[Block]:
        """The blocks in the order in which they run, each as often as there are loops."""
        return self.blocks * (self.knobs.loops or steps)

    def _injected(self, sequence: Any, read: Any, number: int) -> Any:
        """What a pass is given: at the beginning of each further loop, what was read is added."""
        return sequence + read if number and number % self.layers == 0 and self.knobs.loops != 1 else sequence

    def _change(self, training: bool, bias: Any, key: Any = None, salt: int = 0) -> Any:
        """What becomes of the scores of attention, to which a bias was added: a function, or None for nothing."""
        scale: Any = self.knobs.score_scale * (1.0 if training else self.knobs.sharpness)
        noise, factor = self.knobs.score_noise if training else 0.0, self.encoding.factor(bias)
        if factor is not None:
            scale = scale * factor
        elif scale == 1.0 and not noise:
            return None
        return lambda scores: scores * scale + (uniform(scores, noise, key, salt) if noise else 0.0)

    def _dropped(self, key: Any, salt: int) -> Any:
        """Dropout that is a function of the batch, as the noise of latches is."""

        def drop(values: Any, number: int) -> Any:
            if key is None or not self.knobs.dropout:
                return values
            seed = tf.stack([key, salt + number])
            return tf.nn.experimental.stateless_dropout(values, self.knobs.dropout, seed)

        return drop

    def start(self, question: Any, steps: int) -> Any:
        """What ``step`` needs: the keys and values of the question, with room for the answer's, and all places."""
        width, places = question.shape[1], self._places(question, steps)
        at = Coordinates(ops.arange(width, dtype="int32"), places[:, :width])
        sequence = self._positioned(self._read(question, at.places), at, width + steps)
        bias, turn = self._bias(at, at), self._turn(at.index)
        kept, read = [], sequence
        for number, block in enumerate(self._passes(steps)):
            sequence = self._injected(sequence, read, number)
            keys, values = block.remember(sequence, turn)
            kept.append(tuple(ops.pad(each, ((0, 0), (0, 0), (0, steps), (0, 0))) for each in (keys, values)))
            sequence = block(sequence, keys, values, bias, turn=turn, change=self._change(False, bias))
        return tuple(kept), places, ops.convert_to_tensor(width, dtype="int32")

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        """The logits of the answer's character ``index``, and the state with the keys and values of the one before."""
        kept, places, width = state
        here, length = ops.reshape(width + index, (1,)), kept[0][0].shape[2]
        at = Coordinates(here, ops.take(places, here, axis=1))
        sequence = self._positioned(embed(self.written, previous[:, None]), at, length)  # [examples, 1, units]
        bias = self._bias(at, Coordinates(ops.arange(length, dtype="int32"), places))
        filled, read, turn = [], sequence, self._turn(here)
        for number, (block, caches) in enumerate(zip(self._passes(len(kept) // self.layers), kept, strict=True)):
            sequence = self._injected(sequence, read, number)
            now = block.remember(sequence, turn)
            filled.append(tuple(put(cache, value, here) for cache, value in zip(caches, now, strict=True)))
            sequence = block(sequence, *filled[-1], bias, turn=turn, change=self._change(False, bias))
        return self._logits(sequence)[:, 0], (tuple(filled), places, width)

    def _read(self, question: Any, places: Any) -> Any:
        """The vectors of the question's characters, [examples, question steps, units]."""
        return embed(self.read, self.encoding.read(question, places))

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
        unseen = ops.where(key.places < 0, HIDDEN, 0.0)[:, None, None]  # [examples, 1, 1, keys]
        bias, more = causal_bias(query.index, key.index) + unseen, self.encoding.bias(query, key)
        return bias if more is None else bias + more

    def _places(self, question: Any, steps: int) -> Any:
        """The places of all characters, int32 [examples, question steps + steps]; -1 for what must not be seen."""
        ids: Any = ops.cast(question, "int32")
        ids = ids if len(ids.shape) == 2 else ids[:, :, 0]
        read = digit_places(ids, self.alphabet, self.units_first)
        if self.unseen is not None:
            read = ops.where(ids == self.unseen, -1, read)
        written = ops.broadcast_to(ops.arange(1, steps + 1, dtype="int32"), (tf.shape(ids)[0], steps))
        return ops.concatenate([read, written], axis=1)

    def _logits(self, sequence: Any) -> Any:
        table = ops.cast(self.written[: len(self.alphabet)], "float32")
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
