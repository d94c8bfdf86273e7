"""The latch tagger: dense layers that read and set latches, and write one answer character per question step."""

import keras

from seq2seq_arith.trainer.models.latches import BatchKey, Latch, Neighbours, Noise
from seq2seq_arith.trainer.models.spec import Spec
from seq2seq_arith.trainer.models.taggers import characters

# One latch per so many units of a dense layer.
UNITS_PER_LATCH = 4
# Standard deviations, while training. The first makes gates open and close completely. The second makes the dense
# layers ignore what the latches hold besides what is needed, and so what they may hold in longer questions.
GATE_NOISE = 0.5
STATE_NOISE = 0.3


def latch_tagger(spec: Spec) -> keras.Model:
    """``spec.layers`` layers of latches, the first forward and the others backward, with dense layers between them.

    Addition needs one layer, for the carry. Subtraction needs three: forward for the borrow and for which operand is
    larger, backward to tell the sign to all places, and backward again to tell where the answer's first digit stands::

        characters -> dense -> latches -> dense -> latches -> dense -> ... -> logits

    Each dense layer behind latches sees the first dense layer and all latches before it, at its own step and at the
    steps before and after.

    Args:
      spec: The sizes; ``spec.hidden`` are the units of a dense layer, and the last one has twice as many.
    """
    ids = spec.question()
    key = BatchKey(name="key")(ids)
    inputs = keras.layers.Dense(spec.hidden, "relu", name="read")(characters(ids, spec))
    seen, latches = [inputs], max(1, spec.hidden // UNITS_PER_LATCH)
    for number in range(spec.layers):
        last = number == spec.layers - 1
        settings = keras.layers.Dense(2 * latches, name=f"settings_{number}")(inputs)
        settings = Noise(GATE_NOISE, salt=2 * number)([settings, key])
        seen.append(Neighbours()(Latch(latches, go_backwards=number > 0, name=f"latches_{number}")(settings)))
        known = Noise(STATE_NOISE, salt=2 * number + 1)([keras.layers.Concatenate()(seen), key])
        inputs = keras.layers.Dense(spec.hidden * (1 + last), "relu", name=f"layer_{number}")(known)
    logits = keras.layers.Dense(spec.depth, dtype="float32", name="logits")(inputs)
    return keras.Model(ids, logits, name=spec.name)
