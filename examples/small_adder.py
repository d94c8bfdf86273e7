"""A small adder: fewer than 400 weights that write a sum character by character, least digit first.

    arith-model train addition --digits 10 --data-dir data --run-dir runs/small --view aligned \
        --model examples/small_adder.py:small_adder

What a digit of a sum is, depends on the two digits above it and on the carry. The carry need not travel along the sum,
because it can be seen in the place before it: there, the digits make more than the digit that was written. So the
network looks at two columns and at what it wrote last, at every place with the same weights::

    question    9 8 7       978 + 156, from the units: 8 + 6 are 14, and 4 was written, so there is a carry
"""

from keras import Model, layers, ops

from seq2seq_arith.trainer.models.layers import OneHot


def small_adder(spec):
    """Dense layers over a column, the column before it, and the character before; ``--model-options`` has their sizes.

    Options:
      vector: Numbers per character. One table serves both operands and what is written.
      units: Units of each layer.
      activation: Of each layer.
    """
    size, units = spec.options.get("vector", 3), spec.options.get("units", [12, 8])
    question, previous = spec.question(), spec.previous()
    vectors = layers.Dense(size, use_bias=False, name="vectors")
    # One id more than the characters: it stands before the first character of an answer.
    characters = OneHot(spec.depth + 1, name="characters")
    column = vectors(ops.sum(ops.reshape(characters(question), (-1, spec.steps, 2, spec.depth + 1)), axis=2))
    written = vectors(characters(previous))
    before = ops.pad(column[:, :-1], ((0, 0), (1, 0), (0, 0)))
    seen = ops.concatenate([column, before, written], axis=2)
    for number, count in enumerate(units):
        seen = layers.Dense(count, spec.options.get("activation", "tanh"), name=f"layer_{number}")(seen)
    return Model([question, previous], layers.Dense(spec.depth, dtype="float32", name="logits")(seen), name=spec.name)
