"""A small adder, in a file: fewer than 400 weights, which write a sum character by character, the units first.

    arith-model train addition --digits 10 --data-dir data --run-dir runs/small --recipe plain --input-format aligned \
        --model examples/small_adder.py:small_adder

A digit of a sum is a matter of two digits and of a carry. Nobody need remember the carry: it can be seen one place
before, where the digits make more than what was written. So the network looks at two columns of digits and at its last
character, at every place with the same weights, and answers questions of any length::

    place       1  2  3        978 + 156
    left        8  7  9
    right       6  5  1        at place 2 it sees 7 and 5, and of place 1 that 8 and 6 became 4: there was a carry
    written     4  3  1  1
"""

from keras import Model, layers, ops

from seq2seq_arith.trainer.models.layers import OneHot


def small_adder(spec):
    """Three layers at each place; ``--model-options '{"vector": 3, "carry": 2, "digit": 18}'`` is their sizes.

    Options:
      vector: Numbers per character. One table serves both operands and what is written.
      carry: Units that see the column before and what was written there.
      digit: Units that see the column and the carry; from these come the logits.
      ordered: Whether right operands have a table of their own, for tasks in which the order of operands matters.
    """
    sizes = {"vector": 3, "carry": 2, "digit": 18, "ordered": False} | spec.options
    question, previous = spec.question(), spec.previous()
    # One id more than the characters: it stands before the first character of an answer.
    characters = OneHot(spec.depth + 1, name="characters")
    vector = layers.Dense(sizes["vector"], use_bias=False, name="vector")
    of_right = layers.Dense(sizes["vector"], use_bias=False, name="right") if sizes["ordered"] else vector
    # The order of the operands of a sum does not matter, so their vectors are added.
    column = vector(characters(question[:, :, 0])) + of_right(characters(question[:, :, 1]))
    written = vector(characters(previous))
    before = ops.pad(column[:, :-1], ((0, 0), (1, 0), (0, 0)))
    carry = layers.Dense(sizes["carry"], "tanh", name="carry")(ops.concatenate([before, written], axis=2))
    digit = layers.Dense(sizes["digit"], "tanh", name="digit")(ops.concatenate([column, carry], axis=2))
    logits = layers.Dense(spec.depth, dtype="float32", name="logits")(digit)
    return Model([question, previous], logits, name=spec.name)
