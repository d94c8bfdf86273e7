"""Reads the questions of a suite, as ``arith-data suite`` writes them, and the answers of any model or program to them.

A file of answers has one answer per line, in the order of the questions; or each line contains a question and its
answer. The first line that is not ``null`` determines which of the following forms the file has. In JSON, an answer is
a string or an integer, or ``null`` if there is no answer:

======================  ================================================================================
lines                   ``42``
a table, tabs between   ``39+3``, ``42``; or with the names of columns in its first line
JSON, one per line      ``"42"`` or ``{"answer": "42"}`` or ``{"question": "39+3", "answer": "42"}``
JSON, one for all       ``["42", ...]`` or ``{"39+3": "42", ...}``
======================  ================================================================================

If there is a column or a key ``prediction``, it has the answers: ``answer`` then has the right ones, and is not read.
"""

import contextlib
import functools
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seq2seq_arith.arithmetic.scoring import Questions, Row
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.progress import counted

INPUT = "-"  # standard input
QUESTION, ANSWER, PREDICTION = "question", "answer", "prediction"
FORMS = 'give one answer per line, or {"question": ..., "answer": ...}'

# The question, None if the order determines it, and the answer, None if there is none.
Answer = tuple[str | None, str | None]


def read_questions(path: str) -> Questions:
    """The questions of a suite; raises InputError if the file has no questions, or is not a suite."""
    lines, remedy = lines_of(path), "give a table that arith-data suite has written"
    if next(lines, "").split("\t") != list(Row._fields):
        raise InputError(f"{name_of(path)} does not begin with the line {' '.join(Row._fields)}; {remedy}")
    questions = Questions()
    count = _count_lines(path)
    following = counted(lines, count - 1, "questions", "questions") if count else lines
    for number, line in enumerate(following, 2):
        cells = line.split("\t")
        if len(cells) != len(Row._fields) or not questions.add(Row(*cells)):
            problem = "does not have a slice, a question and an answer" if len(cells) != 3 else "has a different answer"
            raise InputError(f"{name_of(path)}, line {number}, {problem}{' than before' * (len(cells) == 3)}; {remedy}")
        if not "".join(cells).isprintable():  # it would reach a terminal, which may obey it
            raise InputError(f"{name_of(path)}, line {number}, has a control character: {shown(line)}; {remedy}")
    if not questions:
        raise InputError(f"{name_of(path)} has no questions; {remedy}")
    return questions


def read_answers(path: str, questions: Questions) -> Iterator[tuple[int | None, str | None]]:
    """The answers to a suite's questions, one by one, as ``Tally.add`` takes them: with the number of the question.

    Raises InputError at the first answer that cannot be read; and behind the last one, if there are none or too many,
    or if they are to other questions.
    """
    num_answers = num_named = num_matched = 0
    first_question = None
    for question, answer in counted(_answers(path), len(questions), "answers", "answers"):
        if question is not None:
            number = questions.numbers.get(question)
            first_question = question if first_question is None else first_question
            num_named += 1
        else:
            number = questions.numbers_of_rows[num_answers] if num_answers < len(questions) else None
        num_answers += 1
        num_matched += number is not None
        yield number, answer
    if 0 < num_named < num_answers:
        raise InputError(
            f"{name_of(path)} names the questions of {num_named:,} of {num_answers:,} answers; name all or none"
        )
    if not num_answers:
        raise InputError(f"{name_of(path)} has no answers; {FORMS}")
    if num_answers > len(questions) and not num_named:
        raise InputError(
            f"{name_of(path)} has {num_answers:,} answers to {len(questions):,} questions, so they cannot be matched; "
            "give one per question, and none for the first line of the table, which names its columns"
        )
    if not num_matched:
        raise InputError(
            f"none of the {num_answers:,} answers of {name_of(path)} is to a question of the suite; the first is to "
            f"{shown(first_question)}; write questions as the suite does, such as {next(iter(questions.numbers))}"
        )


def _answers(path: str) -> Iterator[Answer]:
    lines = lines_of(path)
    head, has_first = _until(lines, lambda line: line.strip() not in ("", "null"))
    first = head[-1] if has_first else '"' if any(map(str.strip, head)) else ""
    lines = itertools.chain(head, lines)
    if first.lstrip()[:1] in ("{", "[", '"'):
        yield from _of_json(path, lines, blank_is_answer=first.lstrip()[0] != "{")
        return
    is_table = "\t" in first
    if is_table:
        head, is_table = _until(lines, lambda line: "\t" in line.strip())
        lines = itertools.chain(head, lines)
    yield from _of_table(path, lines) if is_table else ((None, line.strip()) for line in lines)


def _until(lines: Iterator[str], is_last: Callable[[str], object]) -> tuple[list[str], bool]:
    """The lines up to the first of a kind, and whether there is one."""
    head = []
    for line in lines:
        head.append(line)
        if is_last(line):
            return head, True
    return head, False


def _of_table(path: str, lines: Iterable[str]) -> Iterator[Answer]:
    names: list[str] = []
    answer = ANSWER
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if not names:
            has_names = QUESTION in cells
            names = cells if has_names else [QUESTION, ANSWER]
            answer = PREDICTION if PREDICTION in names else ANSWER
            if answer not in names:
                raise InputError(f"{name_of(path)} has no column {ANSWER}; {FORMS}")
            if has_names:
                continue
        if len(cells) != len(names):
            raise InputError(f"{name_of(path)}, line {number}, has {len(cells)} of {len(names)} columns; {FORMS}")
        row = dict(zip(names, cells, strict=True))
        yield row[QUESTION], row[answer]


def _of_json(path: str, lines: Iterator[str], blank_is_answer: bool) -> Iterator[Answer]:
    head, _ = _until(lines, str.strip)
    parse: Callable[[Any], Any] = _parsed
    try:
        whole = _parsed(head[-1])
    except ValueError as error:  # it may begin a value of several lines
        try:
            values, parse = _values(_parsed("\n".join([*head, *lines]))), _unchanged
        except ValueError:
            raise InputError(f"{name_of(path)}, line {len(head)}, is not an answer ({error}); {FORMS}") from None
    else:
        more, is_several = _until(lines, str.strip)
        if is_several:
            values = _filled(itertools.chain(head, more, lines), "null" if blank_is_answer else "")
        else:
            values, parse = _values(whole), _unchanged
    for where, value in values:
        try:
            yield _of_value(parse(value))
        except ValueError as error:
            raise InputError(f"{name_of(path)}, {where}, is not an answer ({error}); {FORMS}") from None


def _filled(lines: Iterable[str], blank: str) -> Iterator[tuple[str, str]]:
    """The lines and where they are; one that is blank is replaced if others follow it, or left out if ``blank`` is."""
    num_blank = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            num_blank += 1
            continue
        if blank:
            yield from ((f"line {at}", blank) for at in range(number - num_blank, number))
        num_blank = 0
        yield f"line {number}", line


def _values(whole: Any) -> Iterator[tuple[str, Any]]:
    """The values in the one value of a file, and where they are."""
    if isinstance(whole, dict) and whole.keys().isdisjoint({ANSWER, PREDICTION}):
        whole = [{QUESTION: question, ANSWER: answer} for question, answer in whole.items()]
    return ((f"value {number}", value) for number, value in enumerate(whole if isinstance(whole, list) else [whole], 1))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a key is repeated")
    return entries


JSON = json.JSONDecoder(object_pairs_hook=_unique)


def _parsed(text: str) -> Any:
    """Parses JSON; raises ValueError if it is invalid, or repeats a key, of which Python would drop one."""
    try:
        return JSON.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unchanged(value: Any) -> Any:
    return value


def _of_value(value: Any) -> Answer:
    """The answer in a JSON value; raises ValueError if the value is not an answer."""
    question = None
    if isinstance(value, dict):
        question = value.get(QUESTION)
        if not isinstance(question, str | None):
            raise ValueError("its question is not a string")
        name = PREDICTION if PREDICTION in value else ANSWER
        if name not in value:
            raise ValueError(f"it has no {ANSWER}")
        value = value[name]
    if not isinstance(value, str | int | None) or isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither a string nor a whole number")
    return question and question.strip(), None if value is None else str(value).strip()


def lines_of(path: str) -> Iterator[str]:
    """The lines of a text file, with the line ends of any system; a wrong answer may have any other character."""
    try:
        with contextlib.nullcontext(sys.stdin) if path == INPUT else expanded(path).open(encoding="utf-8") as file:
            first = next(file, "").removeprefix("\ufeff")
            for line in itertools.chain([first] * bool(first), file):
                yield line.removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{name_of(path)} cannot be read ({why}); give a text file, or - for standard input") from None


def _count_lines(path: str) -> int:
    """The number of lines of a file; 0 if it can be read only once."""
    if path == INPUT or not expanded(path).is_file():
        return 0
    with expanded(path).open("rb") as file:
        return sum(block.count(b"\n") for block in iter(functools.partial(file.read, 2**20), b""))


def name_of(path: str) -> str:
    """The name of a file in messages."""
    return "standard input" if path == INPUT else path
