"""The non-autoregressive networks, which write all characters of an answer in parallel: a function per network.

The taggers and the latch tagger write one answer character per question step. The weights of the
encoder-decoders and of the counter fit any number of steps, too; those of the LSTM transformer do not.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from seq2seq_arith.trainer.constants import GRU_DENSE_UNITS, GRU_PAIR_UNITS, READOUT_UNITS, UNITS_PER_LATCH
from seq2seq_arith.trainer.models.attention import BiasedAttention
from seq2seq_arith.trainer.models.latches import BatchKey, Latch, Neighbours, Noise
from seq2seq_arith.trainer.models.layers import (
    Counter,
    GoSignal,
    LearnedSteps,
    OneHot,
    PairEmbedding,
    ops,
)
from seq2seq_arith.trainer.models.recurrent import PlainLSTM, SeenGRUCell, lstm
from seq2seq_arith.trainer.models.spec import Spec

RECURRENT: dict[str, Callable[..., Any]] = {"lstm": lstm, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}
PAIR_UNITS = 64
# Steps that a wave reads: a column of a product and the three before it, which nearly always decide its carry.
COLUMNS = 4
WRITERS = 3
# Standard deviations, while training. The first makes gates clearly open or closed. The second makes the dense
# layers ignore what the latches hold besides what is needed, and so what they may hold in longer questions.
GATE_NOISE = 0.5
STATE_NOISE = 0.3
GRU_NOISE = 0.5  # the standard deviation of the noise on the state of a GRU


def encoder_decoder(spec: Spec) -> keras.Model:
    """The notebook's network, of ``RECURRENT`` layers.

    The encoder's last state is repeated for each step of the answer, and read by ``spec.layers`` decoder layers.
    """
    ids, layer, options = spec.question(), RECURRENT[spec.name], spec.recurrent
    if layer is layers.SimpleRNN:  # it has no cuDNN kernel
        del options["use_cudnn"]
    state = layer(spec.hidden, name="encoder", **options)(OneHot(spec.depth)(ids))
    options = {**options, "return_sequences": True}
    decoder = layer(spec.hidden, name="decoder_0", **options)
    if isinstance(decoder, PlainLSTM):  # it repeats the state itself, which it multiplies once for all steps
        decoder.repeats = spec.steps
        sequence = decoder(layers.Reshape((1, spec.hidden))(state))
    else:
        sequence = decoder(layers.RepeatVector(spec.steps)(state))
    for number in range(1, spec.layers):
        sequence = layer(spec.hidden, name=f"decoder_{number}", **options)(sequence)
    return _model(ids, sequence, spec)


def _model(ids: Any, sequence: Any, spec: Spec) -> keras.Model:
    """A model whose last layer makes float32 logits of a sequence [examples, steps, units]."""
    return keras.Model(ids, layers.Dense(spec.depth, dtype="float32", name="logits")(sequence), name=spec.name)


def _characters(ids: keras.KerasTensor, spec: Spec) -> keras.KerasTensor:
    """The characters of each step, one-hot; where a step has several pairs, they are embedded and summed."""
    pairs = len(ids.shape) == 3 and ids.shape[2] > 2
    return PairEmbedding(spec.depth, PAIR_UNITS, name="pairs")(ids) if pairs else OneHot(spec.depth)(ids)


def bilstm_tagger(spec: Spec) -> keras.Model:
    """LSTM layers in both directions that write one answer character per question step.

    See Huang, Xu, Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015; here without the CRF.
    """
    ids = spec.question()
    sequence = _characters(ids, spec)
    for number in range(spec.layers):
        layer = lstm(spec.hidden, return_sequences=True, name=f"layer_{number}", **spec.recurrent)
        sequence = layers.Bidirectional(layer, name=f"both_{number}")(sequence)
    return _model(ids, sequence, spec)


def wave_tagger(spec: Spec) -> keras.Model:
    """Sines of sums, then LSTM layers, all forward, and a dense layer, which write one answer character per step::

        pairs -> vectors, summed per step -> waves -> LSTMs -> dense -> logits

    LSTMs and dense layer see all before them. The vectors of the pairs that meet in a column can hold the product of
    each pair, and so their sum is that of the column, also where it is rare in training. Its last digit has a period of
    ten, as a sine can have (Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions",
    NeurIPS 2020).
    """
    ids = spec.question()
    pairs = PairEmbedding(spec.depth, PAIR_UNITS, name="pairs")(ids)
    waves = layers.Conv1D(spec.hidden, COLUMNS, padding="causal", name="waves")(pairs)
    read = sequence = layers.Concatenate()([pairs, ops.sin(waves)])
    for number in range(spec.layers):
        sequence = lstm(spec.hidden, return_sequences=True, name=f"layer_{number}", **spec.recurrent)(sequence)
    features = layers.Concatenate()([read, sequence])
    return _model(ids, layers.Dense(2 * spec.hidden, "relu", name="dense")(features), spec)


def latch_tagger(spec: Spec) -> keras.Model:
    """``spec.layers`` layers of latches, the first forward and the others backward, with dense layers between them.

    Addition needs one layer, for the carry. Subtraction needs three: forward for the borrow and for which operand is
    larger, backward to pass the sign to all positions, and backward again to pass where the answer's first digit is::

        pairs -> vectors -> latches -> dense -> latches -> dense -> ... -> logits

    Each dense layer sees the vectors of its step, and all latches before it, at that step and at the steps before and
    after. The vectors are of pairs of digits, so that what is rare, such as 0 - 9 with a borrow, is learned apart from
    the rest. The last dense layer has twice as many units as ``spec.hidden``.
    """
    ids = spec.question()
    key = BatchKey(name="key")(ids)
    inputs = layers.ReLU(name="vectors")(PairEmbedding(spec.depth, spec.hidden, name="read")(ids))
    seen, latches = [inputs], max(1, spec.hidden // (UNITS_PER_LATCH * min(spec.layers, 2)))
    for number in range(spec.layers):
        last = number == spec.layers - 1
        settings = layers.Dense(2 * latches, name=f"settings_{number}")(inputs)
        settings = Noise(GATE_NOISE, salt=2 * number)([settings, key])
        seen.append(Neighbours()(Latch(latches, go_backwards=number > 0, name=f"latches_{number}")(settings)))
        features = Noise(STATE_NOISE, salt=2 * number + 1)([layers.Concatenate()(seen), key])
        inputs = layers.Dense(spec.hidden * (1 + last), "relu", name=f"layer_{number}")(features)
    return _model(ids, inputs, spec)


def gru_tagger(spec: Spec) -> keras.Model:
    """A GRU of ``spec.hidden`` units that runs forward, and ``spec.layers`` dense layers that see its state.

    The dense layers read the vector of a step, and the state before that step, which only needs to contain the carry::

        pairs -> gates -> GRU -> state before the step \
        pairs -> vectors ------------------------------> dense -> ... -> logits

    In training, the state has noise, also where the next state is computed. So what is learned pulls a state that is
    nearly right to the right one, and can be proved at every length (``trainer/proving/boxes.py``).
    """
    ids = spec.question()
    gates = PairEmbedding(spec.depth, 3 * spec.hidden, name="gates")(ids)
    noise = Noise(GRU_NOISE, salt=0)([ops.zeros_like(gates[..., : spec.hidden]), BatchKey(name="key")(ids)])
    recurrence = layers.RNN(
        SeenGRUCell(spec.hidden, name="cell"), return_sequences=True, unroll=spec.unroll, name="recurrence"
    )
    state = recurrence(layers.Concatenate()([gates, noise]))
    sequence = layers.Concatenate()([PairEmbedding(spec.depth, GRU_PAIR_UNITS, name="pairs")(ids), state])
    for number in range(spec.layers):
        sequence = layers.Dense(GRU_DENSE_UNITS, "relu", name=f"dense_{number}")(sequence)
    return _model(ids, sequence, spec)


def counter(spec: Spec) -> keras.Model:
    """``spec.hidden`` counters that count the characters of the question, and then those of the answer.

    ``spec.layers`` layers of ``READOUT_UNITS`` units read the counts.

    The decoder starts from the encoder's last state (Sutskever, Vinyals, Le, "Sequence to Sequence Learning with Neural
    Networks", NIPS 2014). As in an LSTM the readout sees the tanh of the state, which tells neighbouring counts apart
    near zero, however long the strings are; and the decoder's input beside it, as in Cho et al., "Learning Phrase
    Representations using RNN Encoder-Decoder for Statistical Machine Translation", EMNLP 2014. No weight depends on the
    number of steps.
    """

    def dense(name: str, **kwargs: Any) -> keras.layers.Dense:
        return layers.Dense(READOUT_UNITS, dtype="float32", name=name, **kwargs)

    ids = spec.question()
    characters = OneHot(spec.depth, dtype="float32")(ids)
    read = Counter(spec.hidden, return_sequences=False, name="encoder")(characters)
    signal = GoSignal(spec.steps, name="signal")(characters)
    # The decoder counts alike for all examples, so it counts once, and each example starts from its own state.
    counted = ops.expand_dims(read, 1) + Counter(spec.hidden, name="decoder")(signal)
    sequence = dense("readout_0")(ops.tanh(counted)) + dense("readout_signal", use_bias=False)(signal)
    for number in range(1, spec.layers):
        sequence = dense(f"readout_{number}")(ops.relu(sequence))
    return _model(ids, ops.relu(sequence), spec)


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
    reader = lstm(max(1, hidden // 2), return_sequences=True, name="lstm", **spec.recurrent)
    read = layers.Dense(hidden, name="read")(layers.Bidirectional(reader, name="reader")(characters))
    places = LearnedSteps(ids.shape[1], hidden, name="places")(characters)
    queries = LearnedSteps(spec.steps, hidden, name="queries")(characters)
    embedded = layers.Dense(hidden, use_bias=False, name="embedding")(characters)
    sequence = layers.Concatenate(axis=1)([layers.Add()([embedded, read, places]), queries])
    for number in range(spec.layers):
        name = f"block_{number}"
        normed = layers.LayerNormalization(name=f"{name}_norm_1")(sequence)
        sequence = layers.Add()([sequence, BiasedAttention(spec.options["heads"], name=f"{name}_attention")(normed)])
        inner = layers.LayerNormalization(name=f"{name}_norm_2")(sequence)
        inner = layers.Dense(2 * hidden, activation="gelu", name=f"{name}_up")(inner)
        sequence = layers.Add()([sequence, layers.Dense(hidden, name=f"{name}_down")(inner)])
    sequence = layers.LayerNormalization(name="norm")(layers.Cropping1D((ids.shape[1], 0))(sequence))
    for number in range(WRITERS):
        backwards = number % 2 == 1
        layer = lstm(hidden, return_sequences=True, go_backwards=backwards, name=f"writer_{number}", **spec.recurrent)
        written = layer(sequence)
        sequence = layers.Add()([sequence, ops.flip(written, axis=1) if backwards else written])
    return _model(ids, sequence, spec)
