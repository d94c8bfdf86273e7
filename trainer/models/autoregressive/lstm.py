"""The LSTM encoder-decoder that reads what it has written, with and without attention."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.autoregressive.attention import Look
from seq2seq_arith.trainer.models.layers import OneHot
from seq2seq_arith.trainer.models.network import Autoregressive
from seq2seq_arith.trainer.models.spec import Spec


def lstm_feedback(spec: Spec) -> "Feedback":
    """The model of Sutskever, Vinyals, Le, "Sequence to Sequence Learning with Neural Networks", NIPS 2014.

    Each of the decoder's layers starts from the last state of the encoder's layer of the same number.
    """
    return Feedback(spec, looks_back=False)


def lstm_attention(spec: Spec) -> "Feedback":
    """As ``lstm_feedback``, and every step of the decoder looks at all steps of the encoder.

    See Luong, Pham, Manning, "Effective Approaches to Attention-based Neural Machine Translation", EMNLP 2015; here
    with their global attention and their general score.
    """
    return Feedback(spec, looks_back=True)


class Feedback(Autoregressive):
    """The two LSTM stacks, of Keras's layers, and what looks back.

    Args:
      spec: The sizes.
      looks_back: Whether the decoder attends to the encoder.
    """

    def __init__(self, spec: Spec, *, looks_back: bool) -> None:
        def layer(kind: str, number: int) -> keras.layers.LSTM:
            name = f"{kind}_{number}"
            return keras.layers.LSTM(spec.hidden, return_sequences=True, return_state=True, name=name, **spec.recurrent)

        self._characters = OneHot(spec.depth + 1, name="previous_characters")
        self._decoder = [layer("decoder", number) for number in range(spec.layers)]
        self._query = keras.layers.Dense(spec.hidden, use_bias=False, name="query") if looks_back else None
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
        if self._query is not None:
            seen = self._look(self._query(sequence), encoded)
            sequence = self._combine(keras.layers.Concatenate()([seen, sequence]))
        return self._logits(sequence), after
