"""The rules for custom tasks; the first broken rule is reported in one sentence.

>>> import dataclasses
>>> from seq2seq_arith.arithmetic.operations import OPERATIONS
>>> check("sum", OPERATIONS["addition"])
>>> check("sum", dataclasses.replace(OPERATIONS["addition"], symbol="7"))
Traceback (most recent call last):
    ...
seq2seq_arith.arithmetic.task_rules.TaskError: has the symbol '7', which occurs in operands or is the padding; give
another character
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import letters, numbers, operations, sampling, suites
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, POSITIVE, RESIDUES, Notation, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.sampling import Operands, Sampler
from seq2seq_arith.arithmetic.slices import DIGITS
from seq2seq_arith.arithmetic.splitmix import MASK64, Words

# The samplers of this package that return operands of each notation.
SAMPLERS = {
    DECIMAL: (sampling.DIGITS, sampling.VALUE, sampling.CARRYING, sampling.BORROWING),
    POSITIVE: (sampling.POSITIVE,),
    DASHES: (sampling.COUNTS,),
    RESIDUES: (sampling.RESIDUES,),
    LETTERS: (sampling.LETTERS, sampling.FIXED_LETTERS),
}
TEST_DRAWS = 64  # random draws on which a task is tested
MAX_CHARACTERS = 2**18  # fewer draws are tested if questions are long
TEST_QUESTIONS = 4  # per slice
NAME_WORDS = ("ordered", "unordered", "reversed", "plain")  # of datasets


class TaskError(ValueError):
    """A task cannot be used; the message continues a sentence that begins with its name."""


def check(name: Any, entry: Any) -> None:
    """Raises TaskError if a task breaks a rule when it is tested on its smallest, default and largest size.

    Errors of the task's own code are raised as they are.
    """
    _check_entry(name, entry)
    _check_characters(entry)
    _check_draws(entry)
    if not 1 <= entry.min_size <= entry.default_size <= entry.max_size:
        sizes = f"default_size={entry.default_size!r} of min_size={entry.min_size!r} to max_size={entry.max_size!r}"
        raise TaskError(f"has {sizes}; give whole numbers in this order")
    for size in dict.fromkeys((entry.min_size, entry.default_size, entry.max_size)):
        for draws in entry.draws:
            check_size(name, entry, draws, size)


def check_size(name: str, entry: Operation, draws: str, size: int) -> None:
    """As ``check``, for questions and answers of one size and one sampling scheme."""
    at = f"for {size} {entry.notation.unit}"
    width, longest = entry.question_width(size), entry.arity * (entry.notation.width(size) + 1) - 1
    if width < longest:
        raise TaskError(
            f"has the question width {width} {at}, but a question has up to {longest} characters; give more"
        )
    operands = _operands(entry, size, entry.draws[draws])
    _check_operands(entry.notation, size, operands, at)
    questions = entry.notation.question(entry.symbol, size, operands, width)
    for side in operands:
        side.flags.writeable = False  # the task's code must work on copies
    solved: Any = entry.solve(size, *operands)
    if isinstance(solved, Solved):
        _check_solved(entry, size, solved, questions, at)
    _check_answers(entry, size, operands, at)
    for title, group in entry.breakdowns.items():
        if (shape := np.shape(group(*operands))) != (len(questions),):
            raise TaskError(f"has the breakdown {title!r} of shape {shape}, not ({len(questions)},)")
    for slice in (*entry.suite(size), *entry.held_out(size)):
        _check_slice(name, entry, size, slice, at)


def _check_entry(name: Any, entry: Any) -> None:
    if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise TaskError("has an invalid name; use a-z, 0-9 and _, and begin with a letter")
    if name in operations.BUILT_IN:
        raise TaskError("is a task of this package; give it another name")
    if not isinstance(entry, Operation):
        kind = type(entry).__name__
        raise TaskError(f"is of the type {kind}; give an Operation of seq2seq_arith.arithmetic.operations")


def _check_characters(entry: Operation) -> None:
    """Checks the characters of the symbol, of the operands and of the alphabet."""
    notation, symbol, alphabet = entry.notation, entry.symbol, entry.alphabet
    if len(symbol) != (entry.arity > 1):
        raise TaskError(f"has the symbol {symbol!r}; give one character, or '' for a task with one operand")
    if len({*alphabet}) != len(alphabet) or PAD not in alphabet or not alphabet.isascii():
        advice = "give each ASCII character once, with the blank, which is the padding"
        raise TaskError(f"has the alphabet {alphabet!r}; {advice}")
    # The characters that all samplers can return; a custom sampler may return only some letters.
    written = {*"".join(notation.example), *(DIGITS if notation.has_digits else "")}
    if {*symbol} & {*written, PAD, *(letters.ALPHABET if notation is LETTERS else "")}:
        raise TaskError(
            f"has the symbol {symbol!r}, which occurs in operands or is the padding; give another character"
        )
    if missing := sorted({*written, *symbol, *entry.answer_prefix} - {*alphabet}):
        raise TaskError(f"writes {missing[0]!r}, which is not in its alphabet {alphabet!r}; add it")
    if notation is DASHES and not (entry.arity == 2 and "a" <= symbol <= "z"):
        advice = "use two operands, with a letter from a to z between them"
        raise TaskError(f"has questions that look like options; {advice}")


def _check_draws(entry: Operation) -> None:
    if not entry.draws:
        raise TaskError("has no draws; give one sampler or more, each with its name")
    for name, sampler in entry.draws.items():
        # The operands of a custom sampler are checked later, on draws.
        is_built_in = any(sampler in samplers for samplers in SAMPLERS.values())
        is_other = is_built_in and sampler not in SAMPLERS.get(entry.notation, ())
        if not isinstance(sampler, Sampler) or is_other or (sampler.pairs_only and entry.arity != 2):
            raise TaskError(
                f"has the draws {name!r}, which do not return operands of its notation {entry.notation!r}; give "
                "another sampler"
            )
        if isinstance(sampler, type(sampling.COUNTS)) and entry.max_size >= 2**32:
            raise TaskError(f"has max_size={entry.max_size!r}, but {name!r} draws numbers below 2^32; give less")
        if not re.fullmatch("[a-z]{2,}", name) or name in NAME_WORDS:
            advice = f"give at least two letters from a to z, and not {', '.join(NAME_WORDS[:-1])} or {NAME_WORDS[-1]}"
            raise TaskError(f"has draws of the name {name!r}; {advice}")


def _check_operands(notation: Notation, size: int, operands: Operands, at: str) -> None:
    words, width, count = notation.words(size), notation.width(size), operands[0].shape[-1]
    if not all(_is_array(side, np.uint64, (words, count)) for side in operands):
        raise TaskError(f"draws operands {at} that are not uint64 of shape ({words}, n); return such arrays")
    is_zero = notation.smallest and not all(side.any(axis=0).all() for side in operands)
    if is_zero or any((notation.measure(side) > width).any() for side in operands):
        raise TaskError(
            f"draws operands {at} that are less than {notation.smallest}, or have more than {width} characters; draw "
            "others"
        )


def _check_solved(entry: Operation, size: int, solved: Solved, questions: np.ndarray, at: str) -> None:
    """Checks answers that are one number or one word each; questions are uint8 of shape (n, question width)."""
    notation, (magnitude, negative), count = entry.notation, solved, len(questions)
    if getattr(magnitude, "dtype", None) != np.uint64 or magnitude.shape[1:] != (count,):
        raise TaskError(f"gives answers {at} that are not uint64 of shape (words, {count}); return such arrays")
    if (magnitude[:-1] >= np.uint64(numbers.WORD)).any():
        raise TaskError(f"gives answers {at} with a word of more than 18 digits; carry into the next word")
    if negative is not None and (notation is not DECIMAL or np.shape(negative) != (count,)):
        raise TaskError(f"gives answers {at} with signs, which only DECIMAL has, one per answer; leave them out")
    lengths = notation.measure(magnitude) + (0 if negative is None else negative)
    if notation.has_digits:  # the last word may have one digit more
        lengths += magnitude[-1] >= np.uint64(numbers.WORD)
    longest, width = lengths.max() + len(entry.answer_prefix), entry.answer_width(size)
    if longest > width:
        question = questions[lengths.argmax()].tobytes().decode("ascii").strip()
        raise TaskError(
            f"has the answer width {width} {at}, but the answer to {question} has {longest} characters; give more"
        )
    if not lengths.all():
        raise TaskError(f"gives an empty answer {at}; give at least one character")


def _check_answers(entry: Operation, size: int, operands: Operands, at: str) -> None:
    """Checks the answers as padded characters."""
    answers: Any = entry.answers(size, *operands)
    shape, prefix = (operands[0].shape[1], entry.answer_width(size)), entry.answer_prefix
    if not _is_array(answers, np.uint8, shape):
        raise TaskError(f"gives answers {at} that are neither a Solved nor uint8 of shape {shape}; return one of them")
    is_blank = answers == ord(PAD)
    if is_blank[:, :1].any() or (is_blank[:, :-1] & ~is_blank[:, 1:]).any():
        raise TaskError(f"writes an answer {at} that is empty, or has a blank before its end; pad it on the right only")
    if foreign := sorted({*answers.tobytes().decode("latin-1")} - {*entry.alphabet}):
        raise TaskError(
            f"writes {foreign[0]!r} in an answer {at}, which is not in its alphabet {entry.alphabet!r}; add it"
        )
    if not all(row.tobytes().startswith(prefix.encode()) for row in answers):
        advice = "write it in solve, too, or leave it out"
        raise TaskError(f"writes an answer {at} that does not begin with its answer_prefix {prefix!r}; {advice}")
    if not np.array_equal(entry.answers(size, *(side[:, :1] for side in operands)), answers[:1]):
        raise TaskError(
            f"gives a question another answer {at} if it stands alone; let an answer depend on its question only"
        )


def _check_slice(name: str, entry: Operation, size: int, slice: suites.Slice, at: str) -> None:
    pairs = suites.pairs(name, size, slice, count=TEST_QUESTIONS)
    if any(len(pair) != entry.arity for pair in pairs):
        raise TaskError(
            f"has the slice {slice.name!r} whose questions do not have {entry.arity} operands; draw so many"
        )
    for number in _impossible(entry.notation, size, [*itertools.chain(*pairs)]):
        raise TaskError(
            f"has the slice {slice.name!r} with the operand {number}, which no question has {at}; draw others"
        )


def _impossible(notation: Notation, size: int, operands: list[int]) -> Iterator[int]:
    """The operands that no question of this size has."""
    sides = numbers.from_ints(operands, notation.words(size))
    rows = zip(operands, numbers.to_ints(sides), notation.measure(sides) <= notation.width(size), strict=True)
    for number, as_words, fits in rows:
        is_number = number >= notation.smallest and number == as_words and fits
        if not is_number or (notation.has_digits and not notation.allows(size, str(number))):
            yield number


def _is_array(value: Any, dtype: type, shape: tuple[int, ...]) -> bool:
    return getattr(value, "dtype", None) == dtype and value.shape == shape


class _Extremes(Words):
    """The smallest and the largest random words, which give the smallest and the largest operands."""

    def __init__(self) -> None:
        self._start = np.empty(0, np.uint64)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.array([0, MASK64], np.uint64)


def _operands(operation: Operation, size: int, sampler: Sampler) -> Operands:
    """The operands of some draws, and every combination of the smallest and the largest ones."""
    count = max(4, min(TEST_DRAWS, MAX_CHARACTERS // operation.question_width(size)))
    words = Words(0, np.arange(count, dtype=np.uint64), sampler.words_per_draw(size, operation.arity))
    sides = sampler.operands(size, words, operation.arity)
    ends = (sampling.DIGITS if sampler.pairs_only else sampler).operands(size, _Extremes(), operation.arity)
    # With many operands there are too many combinations; these are used: none, each alone, all but one, and all.
    combinations = np.array(list(itertools.product((0, 1), repeat=min(8, operation.arity)))).T
    if operation.arity > 8:
        alone = np.eye(operation.arity, dtype=int)
        combinations = np.concatenate([0 * alone[:1], alone, 1 - alone, 0 * alone[:1] + 1]).T
    parts = zip(sides, ends, combinations, strict=True)
    return tuple(np.concatenate([side, of_side[:, rows]], axis=1) for side, of_side, rows in parts)
