"""The decoder-only transformer: one sequence of question and answer, in which nothing looks ahead."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.autoregressive.decoder import CausalDecoder
from seq2seq_arith.trainer.models.network import Autoregressive
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
        **spec.options,
        name="decoder",
    )
    return Causal(keras.Model([question, previous], decoder(question, previous), name=spec.name), decoder)


class Causal(Autoregressive):
    """The network around a ``CausalDecoder``, which keeps keys and values while it writes."""

    def __init__(self, model: keras.Model, decoder: CausalDecoder) -> None:
        super().__init__(model)
        self.decoder = decoder

    def start(self, questions: Any) -> Any:
        return self.decoder.start(questions, self.steps)

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        return self.decoder.step(state, index, previous)
