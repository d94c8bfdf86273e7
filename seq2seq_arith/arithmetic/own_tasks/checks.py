"""Checks a task of one's own on sampled and extreme operands, before anything is made of it."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seq2seq_arith.arithmetic import drawing, draws, numbers, suites, text
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.decimal_text import lengths as lengths_of
from seq2seq_arith.arithmetic.names import NAME_PARTS
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, NOTATIONS, RESIDUES, Solved
from seq2seq_arith.arithmetic.operations import MIN_EXAMPLES, OPERATIONS, Operation
from seq2seq_arith.arithmetic.own_tasks.registry import OwnTask
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.plugin_code import where

NAME = re.compile("[a-z][a-z0-9_]*")
# Which drawings give operands of a notation.
DRAWINGS = {
    DECIMAL: (drawing.DIGITS, drawing.VALUE, drawing.CARRYING, drawing.BORROWING),
    DASHES: (drawing.COUNTS,),
    RESIDUES: (drawing.RESIDUES,),
    LETTERS: (drawing.LETTERS, drawing.FIXED_LETTERS),
}
# Names of columns of Parquet files.
TAKEN = ("question", "answer", "answer_value", "left", "right")
SAMPLED = 64
# Of long strings fewer are tried.
MOST_CHARACTERS = 2**18
# So many operands of a question, and so many combinations of extreme ones.
MOST_OPERANDS, MOST_EXTREME = 8, 64


def check(own: OwnTask) -> None:
    """Checks a task of one's own.

    Raises:
      InputError: It has a fault: one sentence with the file and the line.
    """
    file = Path(own.place) if own.source is not None else None
    try:
        fault = next(_faults(own), None)
    except InputError as error:
        fault = str(error)
    except Exception as error:
        raise InputError(f"the task {own.name!r} cannot be used: {where(error, file)}") from None
    if fault:
        raise InputError(f"{_line(own)}: the task {own.name!r} {fault}")


def _line(own: OwnTask) -> str:
    """The place of the task's entry: the file, and the line of its name."""
    if own.source is None:
        return own.place
    for node in ast.walk(ast.parse(own.source)):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == own.name:
                return f"{own.place}, line {key.lineno}"
    return own.place


def _faults(own: OwnTask) -> Iterator[str]:
    """What is wrong with a task; the first sentence counts."""
    name, operation = own.name, own.operation
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield "has no usable name; write it with a-z, 0-9 and _, beginning with a letter"
    if name in OPERATIONS:
        yield "is one of this package; give it another name"
    if not isinstance(operation, Operation):
        yield f"is of the type {type(operation).__name__}; give an Operation of seq2seq_arith.arithmetic.operations"
    yield from _form_faults(operation)
    yield from _size_faults(operation)
    for size in dict.fromkeys((operation.min_digits, operation.digits, operation.max_digits)):
        for way in operation.draws:
            yield from _sampled_faults(name, operation, size, way)


def _form_faults(operation: Operation) -> Iterator[str]:
    """What is wrong with the symbol, the alphabet and the drawings."""
    notation, symbol, alphabet = operation.notation, operation.symbol, operation.alphabet
    if notation not in NOTATIONS:
        yield f"has the notation {notation!r}; give one of {', '.join(map(str, NOTATIONS))}"
    if type(operation.arity) is not int or not 1 <= operation.arity <= MOST_OPERANDS:
        yield f"has {operation.arity!r} operands; give 1 to {MOST_OPERANDS}"
    if not isinstance(symbol, str) or len(symbol) != (operation.arity > 1):
        yield f"has the symbol {symbol!r}; give one character, or '' to a task of one operand"
    if not isinstance(alphabet, str) or not alphabet.isascii() or not alphabet.isprintable():
        yield f"has the alphabet {alphabet!r}; give a string of printable ASCII characters"
    if len(set(alphabet)) != len(alphabet) or PAD not in alphabet:
        yield f"has the alphabet {alphabet!r}; give each character once, and the blank, which is the padding"
    written = set("".join(notation.example)) | (set("0123456789") if notation.has_digits else set())
    written |= set("abcdefghijklmnopqrstuvwxyz") if notation is LETTERS else set()
    if symbol and (symbol in written or symbol == PAD):
        yield f"has the symbol {symbol!r}, which stands in operands or is the padding; give another character"
    if missing := sorted((written | set(symbol) | set(operation.answer_prefix)) - set(alphabet)):
        yield f"writes {missing[0]!r}, which is not in its alphabet {alphabet!r}; add it"
    if not operation.draws or not all(way in DRAWINGS[notation] for way in operation.draws.values()):
        yield f"has a drawing that does not give operands in the notation {notation!r}; see arithmetic/drawing.py"
    words = {word for part in NAME_PARTS.values() if not isinstance(part, str) for word in part.values()}
    for way in operation.draws:
        if not isinstance(way, str) or not re.fullmatch("[a-z]{2,}", way) or way in words:
            others = ", ".join(sorted(words))
            yield f"has draws of the name {way!r}; give two letters or more from a to z, and none of {others}"
    if notation is DASHES and not (operation.arity == 2 and symbol in string.ascii_lowercase):
        yield "has questions that look like options; give two operands, with a letter from a to z between them"
    if operation.arity != 2 and any(way.pairs_only for way in operation.draws.values()):
        yield "has a drawing for two operands alone; give another one"
    if operation.arity != 2 and not operation.ordered:
        yield "does not have two operands, so that they cannot change places; give ordered=True"


def _size_faults(operation: Operation) -> Iterator[str]:
    """What is wrong with the bounds of its size, and the defaults."""
    least, usual, most = operation.min_digits, operation.digits, operation.max_digits
    if not all(type(size) is int for size in (least, usual, most)) or not 1 <= least <= usual <= most:
        yield f"has digits={usual!r} of min_digits={least!r} to max_digits={most!r}; give whole numbers in this order"
    for size in dict.fromkeys((least, usual, most)):
        width = operation.arity * operation.notation.width(size) + operation.arity - 1
        if operation.question_width(size) < width:
            yield (
                f"has the question width {operation.question_width(size)} for {size} {operation.notation.unit}, but "
                f"{width} characters are written; give at least that many"
            )
        if not operation.answer_width(size) >= 1:
            yield f"has the answer width {operation.answer_width(size)!r} for {size} {operation.notation.unit}"
    if not operation.num_examples(usual) >= MIN_EXAMPLES:
        yield f"has {operation.num_examples(usual)!r} examples by default; give at least {MIN_EXAMPLES}"
    if type(operation.validation_share) is not int or operation.validation_share < 2:
        yield f"has validation_share={operation.validation_share!r}; give a whole number from 2"


def _sampled_faults(name: str, operation: Operation, size: int, way: str) -> Iterator[str]:
    """What is wrong with its answers to sampled and extreme operands of one size."""
    task = _Tried(operation, size, way)
    count = max(4, min(SAMPLED, MOST_CHARACTERS // (task.question_width + task.answer_width)))
    operands = _operands(task, count)
    kept = [side.copy() for side in operands]
    solved = operation.solve(size, *operands)
    at = f"for {size} {operation.notation.unit}"
    if not all(map(np.array_equal, kept, operands)):
        yield f"changes its operands when it solves {at}; work on copies"
        operands = tuple(kept)
    if not isinstance(solved, Solved):
        yield f"gives answers of the type {type(solved).__name__}; give a Solved of seq2seq_arith.arithmetic.notation"
    yield from _answer_faults(task, operands, solved, at)
    alone = [operation.solve(size, *(side[:, row : row + 1].copy() for side in operands)) for row in range(4)]
    rows = [_text_of(task, solved, range(4)), [_text_of(task, each, [0])[0] for each in alone]]
    if rows[0] != rows[1]:
        yield f"gives {rows[0]} to {len(operands[0][0])} questions at once and {rows[1]} to each alone {at}"
    questions = text.questions(task, *operands)  # type: ignore[arg-type]
    if not all(map(np.array_equal, operands, text.operands(task, questions))):  # type: ignore[arg-type]
        yield f"writes questions {at} that cannot be read back"
    yield from _table_faults(name, operation, operands, size)


def _table_faults(name: str, operation: Operation, operands: draws.Key, size: int) -> Iterator[str]:
    """What is wrong with its breakdowns and its suite."""
    for title, group in operation.breakdowns.items():
        column = title.replace(" ", "_")
        if column in TAKEN or column.startswith("operand_"):
            yield f"has the breakdown {title!r}, which is the name of a column of the dataset; give another name"
        if np.shape(groups := group(*operands)) != (operands[0].shape[1],):
            yield f"has the breakdown {title!r} of shape {np.shape(groups)}, not {(operands[0].shape[1],)}"
    for each in operation.suite(size):
        for pair in suites.pairs(name, size, each, count=4):
            if len(pair) != operation.arity:
                yield f"has the slice {each.name!r} with {len(pair)} operands, not {operation.arity}"


def _answer_faults(task: "_Tried", operands: draws.Key, solved: Solved, at: str) -> Iterator[str]:
    """What is wrong with the answers to some questions."""
    operation, count = task.operation, operands[0].shape[1]
    magnitude, negative = solved
    if not isinstance(magnitude, np.ndarray) or magnitude.dtype != np.uint64 or magnitude.ndim != 2:
        yield f"gives answers {at} that are not uint64 of shape (words, n)"
    if magnitude.shape[1] != count or (negative is not None and np.shape(negative) != (count,)):
        yield f"gives {magnitude.shape[1]} answers to {count} questions {at}"
    if negative is not None and operation.notation is not DECIMAL:
        yield f"gives answers {at} with a sign, which only DECIMAL has; give negative=None"
    if (magnitude[:-1] >= np.uint64(numbers.WORD)).any():
        yield f"gives answers {at} with a word of more than 18 digits"
    if operation.notation.has_digits:  # the last word may have one digit more
        lengths = lengths_of(magnitude, numbers.WORD_DIGITS * len(magnitude) + 1).astype(np.int64)
    else:
        lengths = operation.notation.measure(magnitude)
    lengths = lengths + len(operation.answer_prefix)
    lengths = lengths + (0 if negative is None else np.asarray(negative).astype(int))
    if (lengths > task.answer_width).any():
        row = int(np.argmax(lengths))
        question = text.questions(task, *(side[:, row : row + 1] for side in operands))  # type: ignore[arg-type]
        yield (
            f"has the answer width {task.answer_width} {at}, but the answer to "
            f"{question.tobytes().decode('ascii').strip()} has {lengths[row]} characters; give more"
        )
    if (lengths <= len(operation.answer_prefix)).any():
        yield f"gives an empty answer {at}"
    if foreign := sorted(set("".join(_text_of(task, solved, range(count)))) - set(operation.alphabet)):
        yield f"writes {foreign[0]!r} in an answer {at}, which is not in its alphabet {operation.alphabet!r}; add it"


class _Tried:
    """As much of a ``Task`` as drawing and writing need, of an operation that is not registered yet."""

    def __init__(self, operation: Operation, size: int, way: str) -> None:
        self.operation, self.notation, self.drawing = operation, operation.notation, operation.draws[way]
        self.digits, self.seed, self.reverse = size, 0, False
        self.question_width, self.answer_width = operation.question_width(size), operation.answer_width(size)


def _operands(task: "_Tried", count: int) -> draws.Key:
    """The operands of some draws, and combinations of the smallest and the largest ones."""
    drawn = draws.operands(task, np.arange(count, dtype=np.uint64))  # type: ignore[arg-type]
    extreme = _extreme(task)
    sides = np.meshgrid(*[np.arange(extreme.shape[1])] * task.operation.arity, indexing="ij")
    chosen = [side.ravel()[:MOST_EXTREME] for side in sides]
    return tuple(np.concatenate([side, extreme[:, rows]], axis=1) for side, rows in zip(drawn, chosen, strict=True))


def _extreme(task: "_Tried") -> np.ndarray:
    """The smallest operand and the largest one: uint64 of shape (words, 2)."""
    words = task.notation.words(task.digits)
    if task.notation is DECIMAL:
        return numbers.from_ints([0, 10**task.digits - 1], words)
    if task.notation is LETTERS:
        shortest = 1 if task.drawing is drawing.LETTERS else task.digits
        ends = ["a" * shortest, "z" * task.digits]
        rows = np.array([list(end.ljust(task.digits).encode()) for end in ends], np.uint8)
        ending = np.array([len(end) for end in ends])
        return task.notation.read(rows, np.zeros(2, np.int64), ending, task.digits)
    least = task.notation.smallest
    return numbers.from_ints([least, task.digits - 1 + least], words)


def _text_of(task: "_Tried", solved: Solved, rows) -> list[str]:
    """Some answers as they are written, without padding."""
    written = task.notation.answer(task.operation.answer_prefix, solved, task.answer_width)
    return [np.ascontiguousarray(written[row]).tobytes().decode("ascii").strip() for row in rows]
