"""A number of any length times one digit, in a file: a task whose models can be proved.

    arith-model train times_digit --task-file examples/times_digit.py --data-dir data --run-dir runs/times \
        --recipe plain --input-format examples/digit_input_format.py:RepeatedDigit \
        --model examples/small_adder.py:small_adder \
        --model-options '{"vector": 8, "carry": 48, "digit": 160, "ordered": true}' --epochs 10 --learning-rate 1e-2 \
        --warmup 0.02 --weight-decay 0 --xla
    arith-model prove runs/times --task-file examples/times_digit.py \
        --input-format examples/digit_input_format.py:RepeatedDigit --model examples/small_adder.py:small_adder

The carry is 8 at most, so the digit that was written before tells it: 7 times 6 is 42, and where 47 is meant, 7 is
written. The small adder sees that digit, and need not remember the carry.
"""

import numpy as np

from seq2seq_arith.arithmetic import columns, numbers, sampling
from seq2seq_arith.arithmetic.columns import BLANK, NOT_BEGUN, OVER, Transducer
from seq2seq_arith.arithmetic.notation import DECIMAL, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.splitmix import uniform
from seq2seq_arith.arithmetic.suites import Slice


class ByOneDigit(sampling.Sampler):
    """The left operand as ``digits`` draws it; the right one is a digit."""

    share = 0.5  # of the right operand, no more is known than that a pair is more frequent than if it had all values

    def words_per_draw(self, size, arity=2):
        return sampling.DIGITS.words_per_draw(size, 1) + 1

    def operands(self, size, words, arity=2):
        (left,) = sampling.DIGITS.operands(size, words, 1)
        right = np.zeros_like(left)
        right[0] = uniform(words[self.words_per_draw(size) - 1], 10)
        return left, right

    def values(self, size):
        return sampling.DIGITS.values(size)

    def num_values(self, size):
        return sampling.DIGITS.num_values(size)


def hard(size):
    """A suite: ``words`` are random numbers of one question."""

    def of(digits, right=None):
        def draw(words, size):
            length = words.between(1, size)
            left = int("".join(digits[words.below(len(digits))] for _ in range(length)))
            return left, words.below(10) if right is None else right

        return draw

    yield Slice("random", "Not hard.", of("0123456789"))
    yield Slice("nines", "Nines times nine: each carry is 8.", of("9", 9))
    yield Slice("large", "Large digits times nine: the carries are large, too.", of("789", 9))
    yield Slice("zeros", "Zeros and fives: an even digit leaves zeros within the answer.", of("05"))
    yield Slice("zero", "Times 0: the answer is shorter than the number.", of("0123456789", 0))


def multiply(state, left, right):
    """For a proof: how a product is written from the units, where each column shows the right digit, too."""
    place, by, carry = state  # how far the number has been read; the digit, which is not known at first; and the carry
    after = columns.read(place, left)
    if after is None or right == BLANK or by not in (None, right):
        return
    total = columns.digit(left) * int(right) + carry
    # Nothing follows the last digit of a number but its carry, and nothing follows the 0 of a product with 0.
    is_over = not carry and (left == BLANK or (right == "0" and place != NOT_BEGUN))
    yield BLANK if is_over else str(total % 10), (after, right, total // 10)


def is_product(state):
    place, _, carry = state
    return place == OVER and not carry


OPERATIONS = {
    "times_digit": Operation(
        symbol="*",
        notation=DECIMAL,
        draws={"digit": ByOneDigit()},
        alphabet="0123456789* ",
        solve=lambda size, left, right: Solved(numbers.multiply(left, right, numbers.num_words(size + 1))),
        max_size=1000,
        answer_width=lambda size: size + 1,
        default_size=6,
        num_examples=lambda size: 200_000,
        ordered=True,
        # What is held back is not trained on, and nothing but 0*8 itself teaches that no digit follows its 0.
        validation_share=200,
        suite=hard,
        transducer=Transducer(starts=((NOT_BEGUN, None, 0),), step=multiply, is_end=is_product),
    )
}
