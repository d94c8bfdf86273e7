"""The encoder-decoder transformer: the decoder looks at what the encoder made of the question."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.autoregressive.stacks import CrossDecoder, Encoder
from seq2seq_arith.trainer.models.network import Autoregressive
from seq2seq_arith.trainer.models.spec import Spec


def encoder_decoder(spec: Spec) -> "EncoderDecoder":
    """The transformer of Vaswani et al., "Attention Is All You Need", NIPS 2017, with ``spec.layers`` blocks each side.

    The blocks are normed before their layers instead of behind them, which trains without a long warmup (Xiong et al.,
    "On Layer Normalization in the Transformer Architecture", ICML 2020).
    """
    question, previous = spec.question(), spec.previous()
    sizes = {"alphabet": spec.alphabet, "hidden": spec.hidden, "layers": spec.layers, **spec.options}
    encoder, decoder = Encoder(**sizes, name="encoder"), CrossDecoder(**sizes, name="decoder")
    model = keras.Model([question, previous], decoder(previous, encoder(question)), name=spec.name)
    return EncoderDecoder(model, encoder, decoder)


class EncoderDecoder(Autoregressive):
    """The network around the two stacks; the question is encoded once."""

    def __init__(self, model: keras.Model, encoder: Encoder, decoder: CrossDecoder) -> None:
        super().__init__(model)
        self.encoder = encoder
        self.decoder = decoder

    def start(self, questions: Any) -> Any:
        return self.decoder.start(self.encoder(questions), self.steps)

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        return self.decoder.step(state, index, previous)
