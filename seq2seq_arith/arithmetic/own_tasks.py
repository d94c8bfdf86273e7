"""Custom tasks, from a file that a person names.

``--task-file words.py`` takes the tasks of a file: its ``OPERATIONS``, a dict from the name of a task to its
``Operation``, as in ``operations.py``. A dataset states the sha256 of the file, and is read and checked only with the
same file. Code runs only if a person names its file, never because a folder of data or of a run names it.

A task that is pickled takes the content of its file along, so that no worker of any engine needs the file.
"""

import ast
import dataclasses
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import drawing, numbers, suites
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.drawing import Drawing, Operands
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, LETTERS, POSITIVE, RESIDUES, Notation, Solved
from seq2seq_arith.arithmetic.operations import BUILT_IN, Operation
from seq2seq_arith.arithmetic.splitmix import MASK64, Words
from seq2seq_arith.base import options, plugin_code, process
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.plugin_code import where

OPERATIONS = "OPERATIONS"

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


@dataclasses.dataclass(frozen=True)
class OwnTask:
    """A custom task and where its code is."""

    name: str  # of the task
    operation: Operation  # its ``Operation``
    sha256: str  # the checksum of the file
    place: str  # the path of the file
    source: bytes  # the content of the file

    def __reduce__(self) -> tuple:
        return _revived, (self.name, self.sha256, self.place, self.source)


IS_CODE = "is code with the sha256"  # in each refusal of a dataset whose task's file was not named, or has changed


def use(file: str | Path | None) -> tuple[str, ...]:
    """Takes and checks the tasks of a file, whose code may run as a person named it; returns their names, if any."""
    if file is None:
        return ()
    if not isinstance(file, str | Path):
        raise InputError(f"task_file is {options.shown(file)}; give the name of a file, such as FILE.py")
    path = expanded(file).absolute()
    return _take(path, plugin_code.read(path, f"task-file is {str(file)!r}", "FILE.py"))


def find(name: Any, sha256: str | None = None) -> OwnTask | None:
    """The custom task of this name; None if there is none, or not with this checksum."""
    if not isinstance(name, str):
        return None
    known = process.current()
    return known.tasks.get(name) if sha256 is None else known.task_versions.get((name, sha256))


def is_task(name: str) -> bool:
    """Whether there is a task of this name, of this package or a custom one."""
    return name in BUILT_IN or find(name) is not None


def ways_to_draw() -> list[str]:
    """The names of ``Operation.draws`` of all tasks, each once."""
    known = [*BUILT_IN.values(), *(own.operation for own in process.current().tasks.values())]
    return list(dict.fromkeys(name for operation in known for name in operation.draws))


def named(name: Any, sha256: str | None = None) -> OwnTask:
    """The custom task of this name, and of this checksum if there is one."""
    if own := find(name, sha256):
        return own
    if sha256 is None:
        names = [*BUILT_IN, *process.current().tasks]
        meant = options.did_you_mean(str(name), names)
        raise InputError(f"there is no task {name!r}, only {', '.join(names)}{meant}")
    code = f"the task {name!r} {IS_CODE} {str(sha256)[:12]}…"
    if there := find(name):
        raise InputError(f"{code}, and {there.place} has {there.sha256[:12]}…: it has changed; give the file as it was")
    raise InputError(f"{code}, which runs only if you name its file; if you trust it, add: --task-file FILE.py")


def _take(path: Path, source: bytes) -> tuple[str, ...]:
    """Takes the tasks of a file with this content; as ``use``."""
    try:
        found = getattr(plugin_code.module_of(path, source), OPERATIONS, None)
    except (Exception, SystemExit) as error:
        raise InputError(f"task-file is {str(path)!r}, and its code fails: {where(error, path)}") from None
    if not isinstance(found, dict) or not found:
        raise InputError(f"{path} has no {OPERATIONS}; give it a dict from the names of tasks to their Operation")
    known = process.current()
    for name, operation in found.items():
        own = OwnTask(name, operation, plugin_code.digest(source), str(path), source)
        if (own.name, own.sha256) not in known.task_versions:
            _check(own)
        known.tasks[own.name] = known.task_versions[own.name, own.sha256] = own
    return tuple(found)


def _revived(name: str, sha256: str, place: str, source: bytes) -> OwnTask:
    """A task that was pickled, perhaps in another process."""
    if (name, sha256) not in process.current().task_versions:
        _take(Path(place), source)
    return named(name, sha256)


def _check(own: OwnTask) -> None:
    """Checks a task on sampled and extreme operands of its smallest, its default and its largest size."""
    try:
        fault = next(_faults(own.name, own.operation), None)
    except (Exception, SystemExit) as error:
        raise InputError(f"the task {own.name!r} cannot be used: {where(error, Path(own.place))}") from None
    if fault:
        raise InputError(f"{_line(own)}: the task {own.name!r} {fault}")


def _line(own: OwnTask) -> str:
    """The place of the task's entry: the file, and the line of its name."""
    for node in ast.walk(ast.parse(own.source)):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == own.name:
                return f"{own.place}, line {key.lineno}"
    return own.place


def _faults(name: str, operation: Operation) -> Iterator[str]:
    """What is wrong with a task; the first sentence counts."""
    if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9_]*", name):
        yield "has no usable name; write it with a-z, 0-9 and _, beginning with a letter"
    if name in BUILT_IN:
        yield "is one of this package; give it another name"
    if not isinstance(operation, Operation):
        yield f"is of the type {type(operation).__name__}; give an Operation of seq2seq_arith.arithmetic.operations"
    notation, symbol, alphabet = operation.notation, operation.symbol, operation.alphabet
    if len(symbol) != (operation.arity > 1):
        yield f"has the symbol {symbol!r}; give one character, or '' to a task of one operand"
    if len(set(alphabet)) != len(alphabet) or PAD not in alphabet or not alphabet.isascii():
        yield f"has the alphabet {alphabet!r}; give each ASCII character once, and the blank, which is the padding"
    written = {*"".join(notation.example), *("0123456789" if notation.has_digits else "")}
    if symbol and symbol in {*written, PAD, *("abcdefghijklmnopqrstuvwxyz" if notation is LETTERS else "")}:
        yield f"has the symbol {symbol!r}, which stands in operands or is the padding; give another character"
    if missing := sorted({*written, *symbol, *operation.answer_prefix} - set(alphabet)):
        yield f"writes {missing[0]!r}, which is not in its alphabet {alphabet!r}; add it"
    if notation is DASHES and not (operation.arity == 2 and "a" <= symbol <= "z"):
        yield "has questions that look like options; give two operands, with a letter from a to z between them"
    if not operation.draws:
        yield "has no draws; give one way or more, each with its name"
    for way, drawn in operation.draws.items():
        known = any(drawn in of for of in DRAWINGS.values())
        if (
            not isinstance(drawn, Drawing)
            or (known and drawn not in DRAWINGS[notation])
            or (drawn.pairs_only and operation.arity != 2)
        ):
            yield f"has the draws {way!r}, which do not give its operands in the notation {notation!r}"
        if isinstance(drawn, type(drawing.COUNTS)) and operation.max_digits >= 2**32:
            yield f"has max_digits={operation.max_digits!r}, and {way!r} draws numbers below 2^32; give less"
        if not re.fullmatch("[a-z]{2,}", way) or way in ("ordered", "unordered", "reversed", "plain"):
            yield f"has draws of the name {way!r}; give two letters or more from a to z that no name of a dataset has"
    least, usual, most = operation.min_digits, operation.digits, operation.max_digits
    if not 1 <= least <= usual <= most:
        yield f"has digits={usual!r} of min_digits={least!r} to max_digits={most!r}; give whole numbers in this order"
    for size in dict.fromkeys((least, usual, most)):
        for drawn in operation.draws.values():
            yield from _faults_of_size(name, operation, size, drawn)


def _faults_of_size(name: str, operation: Operation, size: int, drawn: Drawing) -> Iterator[str]:
    """What is wrong with its questions and answers of one size."""
    notation, at = operation.notation, f"for {size} {operation.notation.unit}"
    question_width, answer_width = operation.question_width(size), operation.answer_width(size)
    width = operation.arity * notation.width(size) + operation.arity - 1
    if question_width < width:
        yield f"has the question width {question_width} {at}, but {width} characters are written; give more"
    operands = _operands(operation, size, drawn)
    for side in operands:
        words, most = notation.words(size), notation.width(size)
        if getattr(side, "dtype", None) != np.uint64 or side.shape != (words, operands[0].shape[-1]):
            yield f"draws operands {at} that are not uint64 of shape ({words}, n)"
        if (notation.measure(side) > most).any() or (notation.smallest and not side.any(axis=0).all()):
            yield f"draws operands {at} that are less than {notation.smallest}, or have more than {most} characters"
        side.flags.writeable = False  # solve must work on copies
    questions = notation.question(operation.symbol, size, operands, question_width)
    solved = operation.solve(size, *operands)
    if isinstance(solved, Solved):
        yield from _faults_of_solved(operation, size, solved, questions)
    answers: Any = operation.answers(size, *operands)
    if getattr(answers, "dtype", None) != np.uint8 or answers.shape != (len(questions), answer_width):
        yield f"gives answers {at} that are neither a Solved nor uint8 of shape ({len(questions)}, {answer_width})"
    if (answers[:, :1] == ord(PAD)).any() or ((answers[:, :-1] == ord(PAD)) & (answers[:, 1:] != ord(PAD))).any():
        yield f"writes an answer {at} that is empty, or has a blank before its end"
    if foreign := sorted(set(answers.tobytes().decode("latin-1")) - set(operation.alphabet)):
        yield f"writes {foreign[0]!r} in an answer {at}, which is not in its alphabet {operation.alphabet!r}; add it"
    if not np.array_equal(operation.answers(size, *(side[:, :1] for side in operands)), answers[:1]):
        yield f"gives another answer to a question alone than to the same among others {at}"
    for title, group in operation.breakdowns.items():
        if np.shape(groups := group(*operands)) != (len(questions),):
            yield f"has the breakdown {title!r} of shape {np.shape(groups)}, not {(len(questions),)}"
    for each in (*operation.suite(size), *operation.unforeseen(size)):
        asked = suites.pairs(name, size, each, count=4)
        if any(len(pair) != operation.arity for pair in asked):
            yield f"has the slice {each.name!r} whose questions do not have {operation.arity} operands"
        elif wrong := [number for pair in asked for number in pair if not _is_operand(notation, size, number)]:
            yield f"has the slice {each.name!r} with the operand {wrong[0]}, which no question has {at}"


def _is_operand(notation: Notation, size: int, number: int) -> bool:
    """Whether a number is an operand of questions of this size."""
    side = numbers.from_ints([number], notation.words(size)) if number >= notation.smallest else None
    if side is None or numbers.to_ints(side) != [number] or notation.measure(side)[0] > notation.width(size):
        return False
    return not notation.has_digits or notation.allows(size, str(number))


def _faults_of_solved(operation: Operation, size: int, solved: Solved, questions: np.ndarray) -> Iterator[str]:
    """What is wrong with answers that are one number or one word each."""
    notation, at = operation.notation, f"for {size} {operation.notation.unit}"
    magnitude, negative = solved
    if getattr(magnitude, "dtype", None) != np.uint64 or magnitude.shape[1:] != (len(questions),):
        yield f"gives answers {at} that are not uint64 of shape (words, {len(questions)})"
    if (magnitude[:-1] >= np.uint64(numbers.WORD)).any():
        yield f"gives answers {at} with a word of more than 18 digits"
    if negative is not None and (notation is not DECIMAL or np.shape(negative) != (len(questions),)):
        yield f"gives answers {at} with signs; only DECIMAL has them, one for each answer"
    lengths = notation.measure(magnitude) + (0 if negative is None else negative)
    if notation.has_digits:  # the last word may have one digit more
        lengths += magnitude[-1] >= np.uint64(numbers.WORD)
    if (longest := lengths.max() + len(operation.answer_prefix)) > (most := operation.answer_width(size)):
        question = questions[lengths.argmax()].tobytes().decode("ascii").strip()
        yield f"has the answer width {most} {at}, but the answer to {question} has {longest} characters"
    if not lengths.all():
        yield f"gives an empty answer {at}"


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
