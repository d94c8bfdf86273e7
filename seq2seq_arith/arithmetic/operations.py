"""The operations: everything in which one task differs from another.

To add a task, add an entry to ``FURTHER``; it may share its notation, draws and slices with other tasks. Programs and
tests find it there. One line is deliberately not derived from the entry: ``SOLVERS`` in
``pipelines/checking/independent.py``, by which ``verify`` and the tests solve the task independently, in plain Python.
A custom task can also be in a file, as ``own_tasks.py`` describes.

``OPERATIONS`` are the tasks of the TFDS builder's list of configs. ``FURTHER`` are tasks that papers compare with
arithmetic; the last four are control tasks without carries. (``parity`` is known to be hard for transformers: Hahn
2020.)

>>> from seq2seq_arith.arithmetic import text
>>> from seq2seq_arith.arithmetic.task import Task
>>> questions = {"addition_of_three": "7+8+95", "division": "741/19", "comparison": "741:19", "parity": "4071"}
>>> [text.answer(text.parse(question, Task(name))) for name, question in questions.items()]
['110', '39r0', '>', '0']
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np

from seq2seq_arith.arithmetic import breakdowns, columns, held_out, letters, numbers, sampling, slices
from seq2seq_arith.arithmetic.columns import Transducer
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, POSITIVE, RESIDUES, Notation, Solved
from seq2seq_arith.arithmetic.sampling import Sampler
from seq2seq_arith.arithmetic.slices import DIGITS
from seq2seq_arith.arithmetic.suites import HELD_OUT, VERSION, Slice

MIN_EXAMPLES = 10

Solve = Callable[..., Solved | np.ndarray]
Group = Callable[..., np.ndarray]

DECIMAL_DRAWS: Mapping[str, Sampler] = MappingProxyType({"digits": sampling.DIGITS, "value": sampling.VALUE})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """Everything in which one task differs from another; D is its size: digits, dashes, letters or the modulus."""

    arity: int = 2  # number of operands of a question
    symbol: str  # the character between the operands; empty for a single operand
    notation: Notation  # how operands are written, read and measured
    # The sampling schemes of operands, by name; the first is the default.
    draws: Mapping[str, Sampler] = dataclasses.field(default_factory=lambda: DECIMAL_DRAWS)
    answer_prefix: str = ""  # the beginning of every answer
    alphabet: str  # every character that a padded question or answer may contain, each once
    # From D and the operands of n questions, uint64 of shape (words, n) each, to the answers: a ``Solved``, or, if an
    # answer is not one number or one word, the padded characters, uint8 of shape (n, answer width).
    solve: Solve
    min_size: int = 1  # the smallest D
    max_size: int  # the largest D
    question_width: Callable[[int], int] = lambda size: 2 * size + 1  # D to the padded width in characters
    answer_width: Callable[[int], int]  # as question_width, for answers
    default_size: int  # the default D
    num_examples: Callable[[int], int] = lambda size: 50_000  # D to the default number of examples
    reverse: bool = False  # the default: whether questions are stored from the last character to the first
    ordered: bool = False  # the default: whether a+b and b+a differ; always true unless there are two operands
    validation_share: int = 10  # by default, one of so many examples is in the validation split
    # From the name of a table to a function from the operands, uint64 of shape (words, n) each, to the group of each
    # example, an array of shape (n,). Exact match is also reported by group.
    breakdowns: Mapping[str, Group] = dataclasses.field(default_factory=dict)
    suite: Callable[[int], Iterable[Slice]] = lambda size: ()  # D to the slices of the standard suite
    # D to the held-out slices, on which no recipe is tuned.
    held_out: Callable[[int], Iterable[Slice]] = lambda size: ()
    # A rule that writes the answer column by column, which is needed to prove models of the task; None without one.
    transducer: Transducer | None = None
    # The family of tasks whose options a training recipe uses if it has none for this task: "decimal" if the answer to
    # two decimal numbers, such as residues, is a number; "dashes" if operands are counts, as in pq; "strings" for all
    # others: letters, another number of operands, or an answer that is not a number.
    recipe_family: str = "decimal"

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the operands, from left to right."""
        return ("left", "right") if self.arity == 2 else tuple(f"operand {i + 1}" for i in range(self.arity))

    def answers(self, size: int, *operands: np.ndarray) -> np.ndarray:
        """The characters of the answers, padded: uint8 of shape (n, answer width)."""
        solved, width = self.solve(size, *operands), self.answer_width(size)
        return self.notation.answer(self.answer_prefix, solved, width) if isinstance(solved, Solved) else solved

    def slices(self, set: str, size: int, version: int = VERSION) -> list[Slice]:
        """The slices of one of ``suites.SETS`` in a version of the suites; empty if the task does not have that set."""
        of_set = (self.held_out if set == HELD_OUT else self.suite)(size)
        return [slice for slice in of_set if slice.since <= version]


OPERATIONS: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "addition": Operation(
            symbol="+",
            notation=DECIMAL,
            draws=DECIMAL_DRAWS | {"structured": sampling.CARRYING},
            alphabet="0123456789+ ",
            solve=lambda size, left, right: Solved(numbers.add(left, right)),
            max_size=1000,
            answer_width=lambda size: size + 1,
            default_size=3,
            reverse=True,
            breakdowns={"carries": breakdowns.carries, "longest chain of carries": breakdowns.longest_carries},
            suite=slices.addition,
            held_out=held_out.addition,
            transducer=columns.ADDITION,
        ),
        "subtraction": Operation(
            symbol="-",
            notation=DECIMAL,
            draws=DECIMAL_DRAWS | {"structured": sampling.BORROWING},
            alphabet="0123456789+- ",
            solve=lambda size, left, right: Solved(*numbers.subtract(left, right)),
            max_size=1000,
            answer_width=lambda size: size + 1,
            default_size=5,
            breakdowns={
                "borrows": breakdowns.borrows,
                "longest chain of borrows": breakdowns.longest_borrows,
                "sign": breakdowns.sign,
            },
            suite=slices.subtraction,
            held_out=held_out.subtraction,
            transducer=columns.SUBTRACTION,
        ),
        "multiplication": Operation(
            symbol="*",
            notation=DECIMAL,
            alphabet="0123456789* ",
            solve=lambda size, left, right: Solved(numbers.multiply(left, right, numbers.num_words(2 * size))),
            max_size=1000,
            answer_width=lambda size: 2 * size,
            default_size=3,
            suite=slices.multiplication,
            held_out=held_out.multiplication,
        ),
        # Hofstadter, "Gödel, Escher, Bach", chapter II: --p---q----- says that 2 plus 3 equals 5.
        "pq": Operation(
            symbol="p",
            notation=DASHES,
            draws=MappingProxyType({"digits": sampling.COUNTS}),
            answer_prefix="q",
            alphabet="-pq ",
            solve=lambda size, left, right: Solved(left + right),
            max_size=100_000,
            answer_width=lambda size: 2 * size + 1,
            default_size=1000,
            suite=lambda dashes: slices.PQ,
            recipe_family="dashes",
        ),
        # Power et al. 2022, "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets".
        "modular_addition": Operation(
            symbol="+",
            notation=RESIDUES,
            draws=MappingProxyType({"digits": sampling.RESIDUES}),
            alphabet="0123456789+ ",
            solve=lambda modulus, left, right: Solved((left + right) % np.uint64(modulus)),
            min_size=2,
            max_size=10**6,
            question_width=lambda modulus: 2 * RESIDUES.width(modulus) + 1,
            answer_width=lambda modulus: RESIDUES.width(modulus),
            default_size=97,
            num_examples=lambda modulus: max(MIN_EXAMPLES, modulus**2),
            ordered=True,
            validation_share=2,
            suite=lambda modulus: slices.MODULAR_ADDITION,
        ),
    }
)
DEFAULT_TASK = "addition"


def _compare(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The character of the answer: <, = or >; uint8 of shape (n, 1)."""
    side = numbers.less(right, left).astype(int) - numbers.less(left, right)
    return np.frombuffer(b"<=>", np.uint8)[1 + side][:, np.newaxis]


def _parity(number: np.ndarray) -> Solved:
    """1 if the number of odd digits is odd, otherwise 0."""
    shifted = [word // np.uint64(10**place) for word in number for place in range(numbers.WORD_DIGITS)]
    return Solved((sum(shifted, np.zeros(number.shape[1], np.uint64)) % np.uint64(2))[np.newaxis])


def _backwards(size: int, word: np.ndarray) -> Solved:
    """The letters from the last to the first."""
    unpacked = letters.unpack(word)
    place = np.count_nonzero(unpacked, axis=1)[:, np.newaxis] - 1 - np.arange(unpacked.shape[1])
    backwards = np.take_along_axis(unpacked, np.maximum(place, 0), axis=1)
    return Solved(letters.pack(np.where(place >= 0, backwards, 0), size))


_further = functools.partial(Operation, ordered=True, recipe_family="strings", max_size=1000)
_of_word = functools.partial(
    _further, arity=1, symbol="", notation=LETTERS, alphabet=f"{letters.ALPHABET} ", max_size=200, default_size=5,
    draws={"letters": sampling.LETTERS, "fixed": sampling.FIXED_LETTERS}, question_width=lambda size: size,
    answer_width=lambda size: size, suite=lambda size: slices.texts(size, 1, slices.OF_LETTERS, letters.number),
)  # fmt: skip


def _sum_of(count: int) -> Operation:
    """The addition of ``count`` numbers, at most ten, whose sum has one digit more than the longest of them."""
    return _further(
        arity=count, symbol="+", notation=DECIMAL, alphabet=f"{DIGITS}+ ", default_size=2, reverse=True,
        solve=lambda size, *terms: Solved(functools.reduce(numbers.add, terms)),
        question_width=lambda size: count * (size + 1) - 1, answer_width=lambda size: size + 1,
        suite=lambda size: slices.texts(size, count, slices.OF_DIGITS),
    )  # fmt: skip


FURTHER: MappingProxyType[str, Operation] = MappingProxyType({
    "addition_of_three": _sum_of(3),
    "addition_of_five": _sum_of(5),
    "division": _further(
        symbol="/", notation=POSITIVE, draws={"digits": sampling.POSITIVE}, alphabet=f"{DIGITS}/r ", default_size=3,
        max_size=18, answer_width=lambda size: size + 2, suite=slices.division,
        solve=lambda size, left, right: DECIMAL.question("r", size, np.divmod(left, right), size + 2),
    ),
    "comparison": _further(
        symbol=":", notation=DECIMAL, alphabet=f"{DIGITS}:<=> ", default_size=3, answer_width=lambda size: 1,
        solve=lambda size, left, right: _compare(left, right), suite=slices.comparison,
    ),
    "parity": _further(
        arity=1, symbol="", notation=DECIMAL, alphabet=f"{DIGITS} ", default_size=5, question_width=lambda size: size,
        answer_width=lambda size: 1, solve=lambda size, number: _parity(number),
        suite=lambda size: slices.texts(size, 1, slices.OF_DIGITS),
    ),
    "copy": _of_word(solve=lambda size, word: Solved(word)),
    "reverse": _of_word(solve=_backwards),
})  # fmt: skip
BUILT_IN = MappingProxyType(OPERATIONS | FURTHER)
