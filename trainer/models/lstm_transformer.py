"""The LSTM transformer: learned queries, one per answer character, that look at the string as it is stored."""

import keras
from keras.layers import Add, Bidirectional, Concatenate, Cropping1D, Dense, LayerNormalization

from seq2seq_arith.trainer.models.layers import BiasedAttention, Flip, LearnedSteps, OneHot
from seq2seq_arith.trainer.models.recurrent.lstm import lstm
from seq2seq_arith.trainer.models.spec import Spec
from seq2seq_arith.trainer.registry import MODELS

HEADS = MODELS["lstm_transformer"].heads
WRITERS = 3


def lstm_transformer(spec: Spec) -> keras.Model:
    """Attention moves the characters to where they are needed, LSTMs work along the answer.

    A bidirectional LSTM reads the string, ``spec.layers`` blocks of self-attention (pre-norm: Xiong et al., "On Layer
    Normalization in the Transformer Architecture", ICML 2020) work on its steps and on one learned query for every
    answer step, and LSTMs of alternating direction go over the queries::

        question steps    answer steps
        [read characters] [queries]      blocks of attention over both
                          [queries]      then LSTMs over the queries alone, and the logits
    """
    ids, hidden = spec.question(), spec.hidden
    characters = OneHot(spec.depth)(ids)
    reader = lstm(hidden // 2, return_sequences=True, name="lstm", **spec.recurrent)
    read = Dense(hidden, name="read")(Bidirectional(reader, name="reader")(characters))
    places = LearnedSteps(ids.shape[1], hidden, name="places")(characters)
    queries = LearnedSteps(spec.steps, hidden, name="queries")(characters)
    embedded = Dense(hidden, use_bias=False, name="embedding")(characters)
    sequence = Concatenate(axis=1)([Add()([embedded, read, places]), queries])
    for number in range(spec.layers):
        sequence = _block(sequence, hidden, f"block_{number}")
    sequence = LayerNormalization(name="norm")(Cropping1D((ids.shape[1], 0))(sequence))
    for number in range(WRITERS):
        backwards = number % 2 == 1
        layer = lstm(hidden, return_sequences=True, go_backwards=backwards, name=f"writer_{number}", **spec.recurrent)
        written = layer(sequence)
        sequence = Add()([sequence, Flip()(written) if backwards else written])
    logits = Dense(spec.depth, dtype="float32", name="logits")(sequence)
    return keras.Model(ids, logits, name=spec.name)


def _block(sequence: keras.KerasTensor, hidden: int, name: str) -> keras.KerasTensor:
    attended = BiasedAttention(HEADS, name=f"{name}_attention")(LayerNormalization(name=f"{name}_norm_1")(sequence))
    sequence = Add()([sequence, attended])
    inner = LayerNormalization(name=f"{name}_norm_2")(sequence)
    inner = Dense(2 * hidden, activation="gelu", name=f"{name}_up")(inner)
    return Add()([sequence, Dense(hidden, name=f"{name}_down")(inner)])
