"""A small adder: an autoregressive network of fewer than 400 weights, which writes a sum with the units first.

    arith-model train addition --digits 10 --data-dir data --run-dir runs/small --recipe plain --input-format aligned \
        --model examples/small_adder.py:small_adder

A digit of a sum depends on two digits and a carry. The network need not remember the carry, because the previous column
reveals it: its digits have a larger sum than the digit that was written. So the network reads two columns of digits and
its last character, with the same weights at every digit position, and answers questions of any length::

    position    1  2  3        978 + 156
    left        8  7  9
    right       6  5  1        at position 2 it reads 7 and 5, and from position 1 that 8 + 6 gave 4: a carry
    written     4  3  1  1
"""

from keras import Model, layers, ops

from seq2seq_arith.trainer.models.layers import OneHot


def small_adder(spec):
    """Three layers per digit position; ``--model-options '{"vector": 3, "carry": 2, "digit": 18}'`` sets their sizes.

    Options:
      vector: Size of the embedding of a character. Both operands and the answer share one table.
      carry: Units that read the previous column and the character that was written for it.
      digit: Units that read the column and the carry units; the logits are computed from them.
      ordered: Whether right operands have a separate table, for tasks in which the order of operands matters.
    """
    sizes = {"vector": 3, "carry": 2, "digit": 18, "ordered": False} | spec.options
    question, previous = spec.question(), spec.previous()
    # There is one id more than characters: the start token, before the first character of an answer.
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
