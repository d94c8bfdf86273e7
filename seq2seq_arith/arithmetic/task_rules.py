"""The rules that a custom task must keep, as tables: what breaks a rule, and the sentence that says so.

The tables are grouped by what they look at: ``OF_DECLARATION`` and ``OF_DRAWS`` at what the task's entry says,
``OF_STRINGS`` at sampled operands and questions, ``OF_NUMBERS`` and ``OF_ANSWERS`` at their answers, ``OF_BREAKDOWNS``
and ``OF_SLICES`` at the rest of the entry. The first rule that is broken counts, so that a rule may rely on those
before it.

>>> from seq2seq_arith.arithmetic.operations import OPERATIONS
>>> first_fault("sum", OPERATIONS["addition"])
''
>>> first_fault("sum", dataclasses.replace(OPERATIONS["addition"], symbol="7"))
"has the symbol '7', which stands in operands or is the padding; give another character"
"""

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from seq2seq_arith.arithmetic import drawing, letters, numbers, operations, suites
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.drawing import Drawing, Operands
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, POSITIVE, RESIDUES, Notation, Solved
from seq2seq_arith.arithmetic.operations import DIGITS, Operation
from seq2seq_arith.arithmetic.splitmix import MASK64, Words
from seq2seq_arith.arithmetic.suites import Pair, Slice

# Which drawings give operands of a notation.
DRAWINGS = {
    DECIMAL: (drawing.DIGITS, drawing.VALUE, drawing.CARRYING, drawing.BORROWING),
    POSITIVE: (drawing.POSITIVE,),
    DASHES: (drawing.COUNTS,),
    RESIDUES: (drawing.RESIDUES,),
    LETTERS: (drawing.LETTERS, drawing.FIXED_LETTERS),
}
SAMPLED = 64  # draws on which a task is tried
MOST_CHARACTERS = 2**18  # of long strings fewer are tried
ASKED = 4  # questions of each slice
NAME_WORDS = ("ordered", "unordered", "reversed", "plain")  # of datasets


class Rule(NamedTuple):
    """A rule of one table."""

    fault: Callable[[Any], Any]  # from what is looked at to what is wrong there, which is true if anything is
    sentence: str  # behind "the task 'NAME'"; ``{it...}`` is what is looked at, ``{fault}`` what is wrong

    def broken_by(self, it: Any) -> str:
        """The sentence if the rule is broken, and otherwise the empty string."""
        fault = self.fault(it)
        return self.sentence.format(it=it, fault=fault) if fault else ""


@dataclasses.dataclass(frozen=True)
class Declaration:
    """A task as its file has it."""

    name: Any
    operation: Any

    @property
    def operand_characters(self) -> set[str]:
        """Every character that operands may have."""
        notation = self.operation.notation
        every = DIGITS if notation.has_digits else letters.ALPHABET if notation is LETTERS else ""
        return {*"".join(notation.example), *every}

    @property
    def missing_characters(self) -> list[str]:
        """What is written and not in the alphabet. Of letters not all must be: a drawing may give some of them."""
        notation, operation = self.operation.notation, self.operation
        written = {*"".join(notation.example), *(DIGITS if notation.has_digits else "")}
        return sorted({*written, *operation.symbol, *operation.answer_prefix} - set(operation.alphabet))


@dataclasses.dataclass(frozen=True)
class Draws:
    """One of the task's ways of drawing."""

    operation: Operation
    name: str
    drawing: Any

    @property
    def fits(self) -> bool:
        """Whether it gives operands of the task, as far as that is known of a drawing of one's own."""
        if not isinstance(self.drawing, Drawing) or (self.drawing.pairs_only and self.operation.arity != 2):
            return False
        is_known = any(self.drawing in known for known in DRAWINGS.values())
        return not is_known or self.drawing in DRAWINGS[self.operation.notation]


class Sample:
    """Questions and answers of one size that are drawn in one way: sampled ones, and those of extreme operands."""

    def __init__(self, operation: Operation, size: int, drawn: Drawing) -> None:
        self.operation = operation
        self.notation = operation.notation
        self.size = size
        self.at = f"for {size} {operation.notation.unit}"
        self.question_width = operation.question_width(size)
        self.answer_width = operation.answer_width(size)
        self.operand_width = operation.notation.width(size)
        self.operand_words = operation.notation.words(size)
        self.written_width = operation.arity * (self.operand_width + 1) - 1  # of the longest question
        self._drawn = drawn

    @functools.cached_property
    def operands(self) -> Operands:
        """The operands of some draws, and every combination of the smallest and the largest ones."""
        return _operands(self.operation, self.size, self._drawn)

    @functools.cached_property
    def questions(self) -> np.ndarray:
        """uint8 of shape (n, question_width)."""
        return self.notation.question(self.operation.symbol, self.size, self.operands, self.question_width)

    @functools.cached_property
    def solved(self) -> Any:
        """What the task's code returns."""
        for side in self.operands:
            side.flags.writeable = False  # solve must work on copies
        return self.operation.solve(self.size, *self.operands)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Characters of each answer that is one number or one word, without the prefix: int64 of shape (n,)."""
        magnitude, negative = self.solved
        lengths = self.notation.measure(magnitude) + (0 if negative is None else negative)
        if self.notation.has_digits:  # the last word may have one digit more
            lengths += magnitude[-1] >= np.uint64(numbers.WORD)
        return lengths

    @functools.cached_property
    def answers(self) -> Any:
        """The answers as they are written: uint8 of shape (n, answer_width), if the task's code keeps to it."""
        return self.operation.answers(self.size, *self.operands)

    @property
    def longest(self) -> tuple[int, str] | None:
        """The length of the longest answer and its question, if the answer does not fit."""
        longest = self.lengths.max() + len(self.operation.answer_prefix)
        if longest <= self.answer_width:
            return None
        return longest, self.questions[self.lengths.argmax()].tobytes().decode("ascii").strip()

    @property
    def foreign_characters(self) -> list[str]:
        """What stands in answers and not in the alphabet."""
        return sorted(set(self.answers.tobytes().decode("latin-1")) - set(self.operation.alphabet))

    @property
    def answer_alone(self) -> np.ndarray:
        """The answer to the first question, asked alone."""
        return self.operation.answers(self.size, *(side[:, :1] for side in self.operands))


@dataclasses.dataclass(frozen=True)
class Breakdown:
    """The groups into which one of the task's breakdowns puts sampled questions."""

    title: str
    groups: tuple[int, ...]  # the shape of the array of groups, as the next one
    questions: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Asked:
    """Some questions of one of the task's slices."""

    sample: Sample  # of the same size
    slice: Slice
    pairs: list[Pair]

    @property
    def foreign_operands(self) -> list[int]:
        """Those that no question of the task has."""
        notation, size = self.sample.notation, self.sample.size
        return [number for pair in self.pairs for number in pair if not _is_operand(notation, size, number)]


OF_DECLARATION = (
    Rule(
        lambda it: not isinstance(it.name, str) or not re.fullmatch("[a-z][a-z0-9_]*", it.name),
        "has no usable name; write it with a-z, 0-9 and _, beginning with a letter",
    ),
    Rule(lambda it: it.name in operations.BUILT_IN, "is one of this package; give it another name"),
    Rule(
        lambda it: not isinstance(it.operation, Operation),
        "is of the type {it.operation.__class__.__name__}; give an Operation of seq2seq_arith.arithmetic.operations",
    ),
    Rule(
        lambda it: len(it.operation.symbol) != (it.operation.arity > 1),
        "has the symbol {it.operation.symbol!r}; give one character, or '' to a task of one operand",
    ),
    Rule(
        lambda it: not _is_alphabet(it.operation.alphabet),
        "has the alphabet {it.operation.alphabet!r}; give each ASCII character once, and the blank, which is the "
        "padding",
    ),
    Rule(
        lambda it: it.operation.symbol and it.operation.symbol in {*it.operand_characters, PAD},
        "has the symbol {it.operation.symbol!r}, which stands in operands or is the padding; give another character",
    ),
    Rule(
        lambda it: it.missing_characters,
        "writes {fault[0]!r}, which is not in its alphabet {it.operation.alphabet!r}; add it",
    ),
    Rule(
        lambda it: (
            it.operation.notation is DASHES and not (it.operation.arity == 2 and "a" <= it.operation.symbol <= "z")
        ),
        "has questions that look like options; give two operands, with a letter from a to z between them",
    ),
    Rule(lambda it: not it.operation.draws, "has no draws; give one way or more, each with its name"),
)
OF_DRAWS = (
    Rule(
        lambda it: not it.fits,
        "has the draws {it.name!r}, which do not give its operands in the notation {it.operation.notation!r}",
    ),
    Rule(
        lambda it: isinstance(it.drawing, type(drawing.COUNTS)) and it.operation.max_digits >= 2**32,
        "has max_digits={it.operation.max_digits!r}, and {it.name!r} draws numbers below 2^32; give less",
    ),
    Rule(
        lambda it: not re.fullmatch("[a-z]{2,}", it.name) or it.name in NAME_WORDS,
        "has draws of the name {it.name!r}; give two letters or more from a to z that no name of a dataset has",
    ),
)
OF_SIZES = (
    Rule(
        lambda it: not 1 <= it.min_digits <= it.digits <= it.max_digits,
        "has digits={it.digits!r} of min_digits={it.min_digits!r} to max_digits={it.max_digits!r}; give whole numbers "
        "in this order",
    ),
)
OF_STRINGS = (
    Rule(
        lambda it: it.question_width < it.written_width,
        "has the question width {it.question_width} {it.at}, but {it.written_width} characters are written; give more",
    ),
    Rule(
        lambda it: any(
            getattr(side, "dtype", None) != np.uint64 or side.shape != (it.operand_words, it.operands[0].shape[-1])
            for side in it.operands
        ),
        "draws operands {it.at} that are not uint64 of shape ({it.operand_words}, n)",
    ),
    Rule(
        lambda it: any(
            (it.notation.measure(side) > it.operand_width).any()
            or (it.notation.smallest and not side.any(axis=0).all())
            for side in it.operands
        ),
        "draws operands {it.at} that are less than {it.notation.smallest}, or have more than {it.operand_width} "
        "characters",
    ),
)
# Of answers that are one number or one word each.
OF_NUMBERS = (
    Rule(
        lambda it: (
            getattr(it.solved.magnitude, "dtype", None) != np.uint64
            or it.solved.magnitude.shape[1:] != (len(it.questions),)
        ),
        "gives answers {it.at} that are not uint64 of shape (words, {it.questions.shape[0]})",
    ),
    Rule(
        lambda it: (it.solved.magnitude[:-1] >= np.uint64(numbers.WORD)).any(),
        "gives answers {it.at} with a word of more than 18 digits",
    ),
    Rule(
        lambda it: (
            it.solved.negative is not None
            and (it.notation is not DECIMAL or np.shape(it.solved.negative) != (len(it.questions),))
        ),
        "gives answers {it.at} with signs; only DECIMAL has them, one for each answer",
    ),
    Rule(
        lambda it: it.longest,
        "has the answer width {it.answer_width} {it.at}, but the answer to {fault[1]} has {fault[0]} characters",
    ),
    Rule(lambda it: not it.lengths.all(), "gives an empty answer {it.at}"),
)
OF_ANSWERS = (
    Rule(
        lambda it: (
            getattr(it.answers, "dtype", None) != np.uint8 or it.answers.shape != (len(it.questions), it.answer_width)
        ),
        "gives answers {it.at} that are neither a Solved nor uint8 of shape ({it.questions.shape[0]}, "
        "{it.answer_width})",
    ),
    Rule(
        lambda it: _has_inner_blank(it.answers),
        "writes an answer {it.at} that is empty, or has a blank before its end",
    ),
    Rule(
        lambda it: it.foreign_characters,
        "writes {fault[0]!r} in an answer {it.at}, which is not in its alphabet {it.operation.alphabet!r}; add it",
    ),
    Rule(
        lambda it: not all(row.tobytes().startswith(it.operation.answer_prefix.encode()) for row in it.answers),
        "writes an answer {it.at} that does not begin with its answer_prefix {it.operation.answer_prefix!r}; write it "
        "in solve, too, or leave it out",
    ),
    Rule(
        lambda it: not np.array_equal(it.answer_alone, it.answers[:1]),
        "gives another answer to a question alone than to the same among others {it.at}",
    ),
)
OF_BREAKDOWNS = (
    Rule(
        lambda it: it.groups != it.questions,
        "has the breakdown {it.title!r} of shape {it.groups}, not {it.questions}",
    ),
)
OF_SLICES = (
    Rule(
        lambda it: any(len(pair) != it.sample.operation.arity for pair in it.pairs),
        "has the slice {it.slice.name!r} whose questions do not have {it.sample.operation.arity} operands",
    ),
    Rule(
        lambda it: it.foreign_operands,
        "has the slice {it.slice.name!r} with the operand {fault[0]}, which no question has {it.sample.at}",
    ),
)

Check = tuple[Sequence[Rule], Any]  # a table, and what it looks at


def first_fault(name: Any, operation: Any) -> str:
    """What is wrong with a task, in a sentence without its name; empty if it keeps all rules.

    It is tried on operands of its smallest, its default and its largest size. Errors of its code pass.
    """
    return _first(_checks(name, operation))


def first_fault_of_size(name: str, operation: Operation, size: int, drawn: Drawing) -> str:
    """As ``first_fault``, of its questions and answers of one size that are drawn in one way."""
    return _first(_checks_of_size(name, operation, size, drawn))


def _first(checks: Iterator[Check]) -> str:
    sentences = (rule.broken_by(it) for rules, it in checks for rule in rules)
    return next(filter(None, sentences), "")


def _checks(name: Any, operation: Any) -> Iterator[Check]:
    """All tables, each with what it looks at, which is made only if the tables before it found no fault."""
    yield OF_DECLARATION, Declaration(name, operation)
    for way, drawn in operation.draws.items():
        yield OF_DRAWS, Draws(operation, way, drawn)
    yield OF_SIZES, operation
    for size in dict.fromkeys((operation.min_digits, operation.digits, operation.max_digits)):
        for drawn in operation.draws.values():
            yield from _checks_of_size(name, operation, size, drawn)


def _checks_of_size(name: str, operation: Operation, size: int, drawn: Drawing) -> Iterator[Check]:
    sample = Sample(operation, size, drawn)
    yield OF_STRINGS, sample
    if isinstance(sample.solved, Solved):
        yield OF_NUMBERS, sample
    yield OF_ANSWERS, sample
    for title, group in operation.breakdowns.items():
        yield OF_BREAKDOWNS, Breakdown(title, np.shape(group(*sample.operands)), (len(sample.questions),))
    for slice in (*operation.suite(size), *operation.unforeseen(size)):
        yield OF_SLICES, Asked(sample, slice, suites.pairs(name, size, slice, count=ASKED))


def _is_alphabet(alphabet: str) -> bool:
    return len(set(alphabet)) == len(alphabet) and PAD in alphabet and alphabet.isascii()


def _has_inner_blank(rows: np.ndarray) -> bool:
    """Whether a row of codes, uint8 of shape (n, width), begins with a blank, or has one before another character."""
    is_blank = rows == ord(PAD)
    return bool(is_blank[:, :1].any() or (is_blank[:, :-1] & ~is_blank[:, 1:]).any())


def _is_operand(notation: Notation, size: int, number: int) -> bool:
    """Whether a number is an operand of questions of this size."""
    side = numbers.from_ints([number], notation.words(size)) if number >= notation.smallest else None
    if side is None or numbers.to_ints(side) != [number] or notation.measure(side)[0] > notation.width(size):
        return False
    return not notation.has_digits or notation.allows(size, str(number))


class _Extremes(Words):
    """Random words that are the smallest and the largest there are; so are the operands drawn from them."""

    def __init__(self) -> None:
        self._start = np.empty(0, np.uint64)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.array([0, MASK64], np.uint64)


def _operands(operation: Operation, size: int, drawn: Drawing) -> Operands:
    """The operands of some draws, and every combination of the smallest and the largest ones."""
    count = max(4, min(SAMPLED, MOST_CHARACTERS // operation.question_width(size)))
    words = Words(0, np.arange(count, dtype=np.uint64), drawn.words_per_draw(size, operation.arity))
    sides = drawn.operands(size, words, operation.arity)
    ends = (drawing.DIGITS if drawn.pairs_only else drawn).operands(size, _Extremes(), operation.arity)
    # Of many operands all combinations would be too many: none, each alone, all but one, and all.
    combinations = np.array(list(itertools.product((0, 1), repeat=min(8, operation.arity)))).T
    if operation.arity > 8:
        alone = np.eye(operation.arity, dtype=int)
        combinations = np.concatenate([0 * alone[:1], alone, 1 - alone, 0 * alone[:1] + 1]).T
    parts = zip(sides, ends, combinations, strict=True)
    return tuple(np.concatenate([side, of_side[:, rows]], axis=1) for side, of_side, rows in parts)
