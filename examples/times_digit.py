"""A custom task whose models can be proved: a number of any length times one digit.

    arith-model train times_digit --task-file examples/times_digit.py --data-dir data --run-dir runs/times \
        --recipe plain --input-format examples/digit_input_format.py:RepeatedDigit \
        --model examples/small_adder.py:small_adder \
        --model-options '{"vector": 8, "carry": 48, "digit": 160, "ordered": true}' --epochs 10 --learning-rate 1e-2 \
        --warmup 0.02 --weight-decay 0 --xla
    arith-model prove runs/times --task-file examples/times_digit.py \
        --input-format examples/digit_input_format.py:RepeatedDigit --model examples/small_adder.py:small_adder

The carry is at most 8, so the previous digit of the answer reveals it: 7 times 6 is 42, and if 7 was written there, the
sum was 47 and the next carry is 4. The small adder reads that digit, and need not remember the carry.
"""

import numpy as np

from seq2seq_arith.arithmetic import columns, numbers, sampling
from seq2seq_arith.arithmetic.columns import BLANK, NOT_BEGUN, OVER, Transducer
from seq2seq_arith.arithmetic.notation import DECIMAL, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.splitmix import uniform
from seq2seq_arith.arithmetic.suites import Slice


class ByOneDigit(sampling.Sampler):
    """Samples the left operand as ``digits`` does, and a uniform digit as the right operand."""

    share = 0.5  # a lower bound: with a right operand of one digit, each pair is more frequent than with all its values

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
    """The slices of the suite; ``words`` are the random numbers of one question."""

    def product(digits, right=None):
        def draw(words, size):
            length = words.between(1, size)
            left = int("".join(digits[words.below(len(digits))] for _ in range(length)))
            return left, words.below(10) if right is None else right

        return draw

    yield Slice("random", "The baseline, which is not hard: all digits are uniform.", product("0123456789"))
    yield Slice("nines", "Nines times nine, so every carry is 8, the largest possible.", product("9", 9))
    yield Slice("large", "Large digits times nine, so the carries are large.", product("789", 9))
    yield Slice("zeros", "All digits are 0 or 5, so the product with an even digit contains zeros.", product("05"))
    yield Slice(
        "zero", "The right operand is 0, so the answer is 0 whatever the left operand is.", product("0123456789", 0)
    )


def multiply(state, left, right):
    """The step of the transducer, for proofs: it writes a product from the units; each column has the right digit."""
    operand, factor, carry = state  # the state of the left operand; the right digit, None at first; and the carry
    after = columns.read(operand, left)
    if after is None or right == BLANK or factor not in (None, right):
        return
    total = columns.digit(left) * int(right) + carry
    # Only its carry follows the last digit of a number, and nothing follows the 0 of a product with 0.
    is_over = not carry and (left == BLANK or (right == "0" and operand != NOT_BEGUN))
    yield BLANK if is_over else str(total % 10), (after, right, total // 10)


def is_product(state):
    operand, _, carry = state
    return operand == OVER and not carry


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
        # A small validation split: only 0*8 itself teaches that no digit follows its 0, and it must be in train.
        validation_share=200,
        suite=hard,
        transducer=Transducer(starts=((NOT_BEGUN, None, 0),), step=multiply, is_end=is_product),
    )
}
