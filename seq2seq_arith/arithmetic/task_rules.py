"""The rules that a custom task must keep, as tables: the sentence that says what is wrong, and what finds it.

The tables are grouped by what they look at: what the task's entry says (``OF_DECLARATION``, and ``OF_DRAWS`` of each
way of drawing), sampled operands and questions (``OF_STRINGS``), and the rest (``OF_NUMBERS``, if each answer is one,
and ``OF_ANSWERS``). The first rule that is broken counts, so that a rule may rely on those before it.

>>> import dataclasses
>>> from seq2seq_arith.arithmetic.operations import OPERATIONS
>>> first_fault("sum", OPERATIONS["addition"])
''
>>> first_fault("sum", dataclasses.replace(OPERATIONS["addition"], symbol="7"))
"has the symbol '7', which stands in operands or is the padding; give another character"
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import drawing, letters, numbers, operations, suites
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.drawing import Drawing, Operands
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, POSITIVE, RESIDUES, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.slices import DIGITS
from seq2seq_arith.arithmetic.splitmix import MASK64, Words
from seq2seq_arith.arithmetic.suites import Pair

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


class Trial:
    """A task as its file has it; for some tables also one of its ways of drawing, and a size at which it is tried."""

    def __init__(self, name: Any, entry: Any, way: Any = None, size: int = 0) -> None:
        self.name = name
        self.entry = entry  # its ``Operation``
        self.way = way
        self.size = size
        if way is not None:
            self.drawing = entry.draws[way]
        if size:
            self.at = f"for {size} {entry.notation.unit}"
            self.width, self.words = entry.notation.width(size), entry.notation.words(size)  # of an operand
            self.question_width, self.answer_width = entry.question_width(size), entry.answer_width(size)
            self.longest = entry.arity * (self.width + 1) - 1  # characters of a question

    @property
    def characters(self) -> set[str]:
        """Those that operands have in any case; of letters, a drawing may give some alone."""
        notation = self.entry.notation
        return {*"".join(notation.example), *(DIGITS if notation.has_digits else "")}

    @property
    def gives_operands(self) -> bool:
        """Whether the way of drawing gives operands of the task, as far as that is known of one's own."""
        drawn, of_notation = self.drawing, DRAWINGS.get(self.entry.notation, ())
        if not isinstance(drawn, Drawing) or (drawn.pairs_only and self.entry.arity != 2):
            return False
        return drawn in of_notation or not any(drawn in known for known in DRAWINGS.values())

    @functools.cached_property
    def operands(self) -> Operands:
        """The operands of some draws, and every combination of the smallest and the largest ones."""
        return _operands(self.entry, self.size, self.drawing)

    @functools.cached_property
    def questions(self) -> np.ndarray:
        """uint8 of shape (n, question width)."""
        return self.entry.notation.question(self.entry.symbol, self.size, self.operands, self.question_width)

    @property
    def count(self) -> int:
        return len(self.questions)

    @functools.cached_property
    def solved(self) -> Any:
        """What the task's code returns."""
        for side in self.operands:
            side.flags.writeable = False  # it must work on copies
        return self.entry.solve(self.size, *self.operands)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Characters of each answer that is one number or one word: int64 of shape (n,)."""
        magnitude, negative = self.solved
        lengths = self.entry.notation.measure(magnitude) + (0 if negative is None else negative)
        if self.entry.notation.has_digits:  # the last word may have one digit more
            lengths += magnitude[-1] >= np.uint64(numbers.WORD)
        return lengths

    @property
    def too_long(self) -> tuple[int, str] | None:
        """The length of the longest answer, and its question, if that answer does not fit."""
        longest = self.lengths.max() + len(self.entry.answer_prefix)
        question = self.questions[self.lengths.argmax()].tobytes().decode("ascii").strip()
        return (longest, question) if longest > self.answer_width else None

    @functools.cached_property
    def answers(self) -> Any:
        """uint8 of shape (n, answer width), if the task's code keeps to it."""
        return self.entry.answers(self.size, *self.operands)

    @functools.cached_property
    def asked(self) -> list[tuple[str, list[Pair]]]:
        """Questions of each slice of both sets."""
        slices = (*self.entry.suite(self.size), *self.entry.unforeseen(self.size))
        return [(slice.name, suites.pairs(self.name, self.size, slice, count=ASKED)) for slice in slices]

    def is_operand(self, number: int) -> bool:
        """Whether a question of this size may have this operand."""
        notation = self.entry.notation
        side = numbers.from_ints([number], self.words) if number >= notation.smallest else None
        if side is None or numbers.to_ints(side) != [number] or notation.measure(side)[0] > self.width:
            return False
        return not notation.has_digits or notation.allows(self.size, str(number))


# From a sentence, in which ``{it}`` is the trial and ``{fault}`` what is wrong, to what finds it: true if anything is.
Rules = Mapping[str, Callable[[Trial], Any]]
OF_DECLARATION: Rules = {
    "has no usable name; write it with a-z, 0-9 and _, beginning with a letter":
        lambda it: not isinstance(it.name, str) or not re.fullmatch("[a-z][a-z0-9_]*", it.name),
    "is one of this package; give it another name":
        lambda it: it.name in operations.BUILT_IN,
    "is of the type {it.entry.__class__.__name__}; give an Operation of seq2seq_arith.arithmetic.operations":
        lambda it: not isinstance(it.entry, Operation),
    "has the symbol {it.entry.symbol!r}; give one character, or '' to a task of one operand":
        lambda it: len(it.entry.symbol) != (it.entry.arity > 1),
    "has the alphabet {it.entry.alphabet!r}; give each ASCII character once, and the blank, which is the padding":
        lambda it: not _is_alphabet(it.entry.alphabet),
    "has the symbol {it.entry.symbol!r}, which stands in operands or is the padding; give another character":
        lambda it: {*it.entry.symbol} & {*it.characters, PAD}
        or (it.entry.notation is LETTERS and {*it.entry.symbol} & {*letters.ALPHABET}),
    "writes {fault[0]!r}, which is not in its alphabet {it.entry.alphabet!r}; add it":
        lambda it: sorted({*it.characters, *it.entry.symbol, *it.entry.answer_prefix} - {*it.entry.alphabet}),
    "has questions that look like options; give two operands, with a letter from a to z between them":
        lambda it: it.entry.notation is DASHES and not (it.entry.arity == 2 and "a" <= it.entry.symbol <= "z"),
    "has no draws; give one way or more, each with its name":
        lambda it: not it.entry.draws,
}  # fmt: skip
OF_DRAWS: Rules = {
    "has the draws {it.way!r}, which do not give its operands in the notation {it.entry.notation!r}":
        lambda it: not it.gives_operands,
    "has max_size={it.entry.max_size!r}, and {it.way!r} draws numbers below 2^32; give less":
        lambda it: isinstance(it.drawing, type(drawing.COUNTS)) and it.entry.max_size >= 2**32,
    "has draws of the name {it.way!r}; give two letters or more from a to z that no name of a dataset has":
        lambda it: not re.fullmatch("[a-z]{2,}", it.way) or it.way in NAME_WORDS,
}  # fmt: skip
OF_SIZES: Rules = {
    "has default_size={it.entry.default_size!r} of min_size={it.entry.min_size!r} to max_size={it.entry.max_size!r}; "
    "give whole numbers in this order":
        lambda it: not 1 <= it.entry.min_size <= it.entry.default_size <= it.entry.max_size,
}  # fmt: skip
OF_STRINGS: Rules = {
    "has the question width {it.question_width} {it.at}, but {it.longest} characters are written; give more":
        lambda it: it.question_width < it.longest,
    "draws operands {it.at} that are not uint64 of shape ({it.words}, n)":
        lambda it: any(not _is_array(side, np.uint64, (it.words, it.operands[0].shape[-1])) for side in it.operands),
    "draws operands {it.at} that are less than {it.entry.notation.smallest}, or have more than {it.width} characters":
        lambda it: any((it.entry.notation.measure(side) > it.width).any() for side in it.operands)
        or (it.entry.notation.smallest and not all(side.any(axis=0).all() for side in it.operands)),
}  # fmt: skip
# Of answers that are one number or one word each.
OF_NUMBERS: Rules = {
    "gives answers {it.at} that are not uint64 of shape (words, {it.count})":
        lambda it: getattr(it.solved.magnitude, "dtype", None) != np.uint64
        or it.solved.magnitude.shape[1:] != (it.count,),
    "gives answers {it.at} with a word of more than 18 digits":
        lambda it: (it.solved.magnitude[:-1] >= np.uint64(numbers.WORD)).any(),
    "gives answers {it.at} with signs; only DECIMAL has them, one for each answer":
        lambda it: it.solved.negative is not None
        and (it.entry.notation is not DECIMAL or np.shape(it.solved.negative) != (it.count,)),
    "has the answer width {it.answer_width} {it.at}, but the answer to {fault[1]} has {fault[0]} characters":
        lambda it: it.too_long,
    "gives an empty answer {it.at}":
        lambda it: not it.lengths.all(),
}  # fmt: skip
OF_ANSWERS: Rules = {
    "gives answers {it.at} that are neither a Solved nor uint8 of shape ({it.count}, {it.answer_width})":
        lambda it: not _is_array(it.answers, np.uint8, (it.count, it.answer_width)),
    "writes an answer {it.at} that is empty, or has a blank before its end":
        lambda it: _has_inner_blank(it.answers),
    "writes {fault[0]!r} in an answer {it.at}, which is not in its alphabet {it.entry.alphabet!r}; add it":
        lambda it: sorted({*it.answers.tobytes().decode("latin-1")} - {*it.entry.alphabet}),
    "writes an answer {it.at} that does not begin with its answer_prefix {it.entry.answer_prefix!r}; write it in "
    "solve, too, or leave it out":
        lambda it: not all(row.tobytes().startswith(it.entry.answer_prefix.encode()) for row in it.answers),
    "gives another answer to a question alone than to the same among others {it.at}":
        lambda it: not np.array_equal(
            it.entry.answers(it.size, *(side[:, :1] for side in it.operands)), it.answers[:1]),
    "has the breakdown {fault[0][0]!r} of shape {fault[0][1]}, not ({it.count},)":
        lambda it: [(title, shape) for title, group in it.entry.breakdowns.items()
                    if (shape := np.shape(group(*it.operands))) != (it.count,)],
    "has the slice {fault[0]!r} whose questions do not have {it.entry.arity} operands":
        lambda it: [name for name, pairs in it.asked if any(len(pair) != it.entry.arity for pair in pairs)],
    "has the slice {fault[0][0]!r} with the operand {fault[0][1]}, which no question has {it.at}":
        lambda it: [(name, n) for name, pairs in it.asked for pair in pairs for n in pair if not it.is_operand(n)],
}  # fmt: skip


def first_fault(name: Any, entry: Any) -> str:
    """What is wrong with a task, in a sentence without its name; empty if it keeps all rules.

    It is tried on operands of its smallest, its default and its largest size. Errors of its code pass.
    """
    return next(_faults(name, entry), "")


def first_fault_of_size(name: str, entry: Operation, way: str, size: int) -> str:
    """As ``first_fault``, of its questions and answers of one size that are drawn in one way."""
    return next(_faults_of_size(Trial(name, entry, way, size)), "")


def _faults(name: Any, entry: Any) -> Iterator[str]:
    yield from _broken(OF_DECLARATION, Trial(name, entry))
    for way in entry.draws:
        yield from _broken(OF_DRAWS, Trial(name, entry, way))
    yield from _broken(OF_SIZES, Trial(name, entry))
    for size in dict.fromkeys((entry.min_size, entry.default_size, entry.max_size)):
        for way in entry.draws:
            yield from _faults_of_size(Trial(name, entry, way, size))


def _faults_of_size(trial: Trial) -> Iterator[str]:
    yield from _broken(OF_STRINGS, trial)
    if isinstance(trial.solved, Solved):
        yield from _broken(OF_NUMBERS, trial)
    yield from _broken(OF_ANSWERS, trial)


def _broken(rules: Rules, trial: Trial) -> Iterator[str]:
    """The sentences of the rules that are broken."""
    for sentence, finds in rules.items():
        if fault := finds(trial):
            yield sentence.format(it=trial, fault=fault)


def _is_alphabet(characters: str) -> bool:
    return len({*characters}) == len(characters) and PAD in characters and characters.isascii()


def _has_inner_blank(rows: np.ndarray) -> bool:
    """Whether a row of codes, uint8 of shape (n, width), begins with a blank, or has one before another character."""
    is_blank = rows == ord(PAD)
    return bool(is_blank[:, :1].any() or (is_blank[:, :-1] & ~is_blank[:, 1:]).any())


def _is_array(value: Any, dtype: type, shape: tuple[int, ...]) -> bool:
    return getattr(value, "dtype", None) == dtype and value.shape == shape


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
