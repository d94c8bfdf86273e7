"""The operations: everything in which one task differs from another.

To add a task, add an entry to ``OPERATIONS``. A custom task can also be in a file, as ``own_tasks.py``
describes.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np

from seq2seq_arith.arithmetic import breakdowns, drawing, numbers, slices, unforeseen
from seq2seq_arith.arithmetic.drawing import Drawing
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, RESIDUES, Notation, Solved
from seq2seq_arith.arithmetic.suites import UNFORESEEN, VERSION, Slice

MIN_EXAMPLES = 10

Solve = Callable[..., Solved | np.ndarray]
Group = Callable[..., np.ndarray]

DECIMAL_DRAWS: Mapping[str, Drawing] = MappingProxyType({"digits": drawing.DIGITS, "value": drawing.VALUE})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """Everything in which one task differs from another; D stands for the number of digits (or dashes, or the modulus).

    Attributes:
      arity: How many operands a question has.
      symbol: The character between the operands; empty if there is one operand alone.
      notation: How operands are written, read and measured.
      draws: How operands can be drawn, by name; the first is the default.
      answer_prefix: What an answer begins with.
      alphabet: Every character that a padded question or answer may hold, each once.
      solve: (D, left, right), or as many operands as a question has, to the answers; the operands are uint64 of shape
        (words, n). Answers that are not one number or one word, such as those of several parts, are given as they
        are written and padded: uint8 of shape (n, answer width).
      min_digits, max_digits: The smallest and the largest D.
      question_width, answer_width: D to the padded width in characters.
      digits, reverse, ordered: The defaults of the task; ordered is always true, unless there are two operands.
      num_examples: D to the default number of examples.
      validation_share: The validation split has one in so many examples by default.
      breakdowns: Name of a table to a function of the operands, uint64 arrays of shape (words, n), that gives the group
        of each example, an array of shape (n,): exact match is also reported by these groups.
      suite: D to the slices of hard questions that test a model.
      unforeseen: D to those that were made when the recipes were fixed, on which nobody tunes.
      recipe_family: Under which name a training recipe holds the settings of this task, if not under its own.
    """

    arity: int = 2
    symbol: str
    notation: Notation
    draws: Mapping[str, Drawing] = dataclasses.field(default_factory=lambda: DECIMAL_DRAWS)
    answer_prefix: str = ""
    alphabet: str
    solve: Solve
    min_digits: int = 1
    max_digits: int
    question_width: Callable[[int], int] = lambda digits: 2 * digits + 1
    answer_width: Callable[[int], int]
    digits: int
    num_examples: Callable[[int], int] = lambda digits: 50_000
    reverse: bool = False
    ordered: bool = False
    validation_share: int = 10
    breakdowns: Mapping[str, Group] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    suite: Callable[[int], Iterable[Slice]] = lambda digits: ()
    unforeseen: Callable[[int], Iterable[Slice]] = lambda digits: ()
    recipe_family: str = "decimal"

    @property
    def sides(self) -> tuple[str, ...]:
        """What the operands are called, from left to right."""
        return ("left", "right") if self.arity == 2 else tuple(f"operand {i + 1}" for i in range(self.arity))

    def answers(self, size: int, *operands: np.ndarray) -> np.ndarray:
        """The answers as they are written, padded: uint8 of shape (n, answer width)."""
        solved, width = self.solve(size, *operands), self.answer_width(size)
        return self.notation.answer(self.answer_prefix, solved, width) if isinstance(solved, Solved) else solved

    def slices(self, set: str, digits: int, version: int = VERSION) -> list[Slice]:
        """The slices of one of ``suites.SETS`` in a version; none if the task does not have that set."""
        of_set = (self.unforeseen if set == UNFORESEEN else self.suite)(digits)
        return [each for each in of_set if each.since <= version]


OPERATIONS: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "addition": Operation(
            symbol="+",
            notation=DECIMAL,
            draws=DECIMAL_DRAWS | {"structured": drawing.CARRYING},
            alphabet="0123456789+ ",
            solve=lambda digits, left, right: Solved(numbers.add(left, right)),
            max_digits=1000,
            answer_width=lambda digits: digits + 1,
            digits=3,
            reverse=True,
            breakdowns=MappingProxyType(
                {"carries": breakdowns.carries, "longest chain of carries": breakdowns.longest_carries}
            ),
            suite=slices.addition,
            unforeseen=unforeseen.addition,
        ),
        "subtraction": Operation(
            symbol="-",
            notation=DECIMAL,
            draws=DECIMAL_DRAWS | {"structured": drawing.BORROWING},
            alphabet="0123456789+- ",
            solve=lambda digits, left, right: Solved(*numbers.subtract(left, right)),
            max_digits=1000,
            answer_width=lambda digits: digits + 1,
            digits=5,
            breakdowns=MappingProxyType(
                {
                    "borrows": breakdowns.borrows,
                    "longest chain of borrows": breakdowns.longest_borrows,
                    "sign": breakdowns.sign,
                }
            ),
            suite=slices.subtraction,
            unforeseen=unforeseen.subtraction,
        ),
        "multiplication": Operation(
            symbol="*",
            notation=DECIMAL,
            alphabet="0123456789* ",
            solve=lambda digits, left, right: Solved(numbers.multiply(left, right, numbers.num_words(2 * digits))),
            max_digits=1000,
            answer_width=lambda digits: 2 * digits,
            digits=3,
            suite=slices.multiplication,
            unforeseen=unforeseen.multiplication,
        ),
        # Hofstadter, "Gödel, Escher, Bach", chapter II: --p---q----- says that 2 plus 3 equals 5.
        "pq": Operation(
            symbol="p",
            notation=DASHES,
            draws=MappingProxyType({"digits": drawing.COUNTS}),
            answer_prefix="q",
            alphabet="-pq ",
            solve=lambda digits, left, right: Solved(left + right),
            max_digits=100_000,
            answer_width=lambda digits: 2 * digits + 1,
            digits=1000,
            suite=slices.pq,
            recipe_family="dashes",
        ),
        # Power et al. 2022, "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets".
        "modular_addition": Operation(
            symbol="+",
            notation=RESIDUES,
            draws=MappingProxyType({"digits": drawing.RESIDUES}),
            alphabet="0123456789+ ",
            solve=lambda modulus, left, right: Solved((left + right) % np.uint64(modulus)),
            min_digits=2,
            max_digits=10**6,
            question_width=lambda modulus: 2 * RESIDUES.width(modulus) + 1,
            answer_width=lambda modulus: RESIDUES.width(modulus),
            digits=97,
            num_examples=lambda modulus: max(MIN_EXAMPLES, modulus**2),
            ordered=True,
            validation_share=2,
            suite=slices.modular_addition,
        ),
    }
)
DEFAULT_TASK = "addition"
