"""The perceptron: dense layers that see all characters at once, at fixed places."""

import keras

from seq2seq_arith.trainer.models.layers import OneHot
from seq2seq_arith.trainer.models.spec import Spec


def perceptron(spec: Spec) -> keras.Model:
    """``spec.layers`` dense layers of ``spec.hidden`` units, over the characters side by side::

    question    [examples, steps]  >  one-hot, flat  >  dense layers  >  [examples, spec.steps, spec.depth]
    """
    ids = spec.question()
    units = keras.layers.Flatten(name="characters")(OneHot(spec.depth)(ids))
    for number in range(spec.layers):
        units = keras.layers.Dense(spec.hidden, activation="relu", name=f"layer_{number}")(units)
    logits = keras.layers.Dense(spec.steps * spec.depth, dtype="float32", name="logits")(units)
    return keras.Model(ids, keras.layers.Reshape((spec.steps, spec.depth), name="answer")(logits), name=spec.name)
