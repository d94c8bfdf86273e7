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

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from seq2seq_arith.arithmetic.scoring import Answers, Row
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.progress import counted

INPUT = "-"  # standard input
QUESTION, ANSWER, PREDICTION = "question", "answer", "prediction"
FORMS = 'give one answer per line, or {"question": ..., "answer": ...}'

# The question, None if the order determines it, and the answer, None if there is none.
Answer = tuple[str | None, str | None]


def read_questions(path: str) -> list[Row]:
    """The questions of a suite; raises InputError if the file has no questions, or is not a suite."""
    lines, remedy = lines_of(path), "give a table that arith-data suite has written"
    if not lines or lines[0].split("\t") != list(Row._fields):
        raise InputError(f"{name_of(path)} does not begin with the line {' '.join(Row._fields)}; {remedy}")
    rows: list[Row] = []
    right_answers: dict[str, str] = {}
    following = itertools.islice(lines, 1, None)
    for number, line in enumerate(counted(following, len(lines) - 1, "questions", "questions"), 2):
        cells = line.split("\t")
        if len(cells) != len(Row._fields) or right_answers.setdefault(cells[1], cells[2]) != cells[2]:
            problem = "does not have a slice, a question and an answer" if len(cells) != 3 else "has a different answer"
            raise InputError(f"{name_of(path)}, line {number}, {problem}{' than before' * (len(cells) == 3)}; {remedy}")
        if not "".join(cells).isprintable():  # it would reach a terminal, which may obey it
            raise InputError(f"{name_of(path)}, line {number}, has a control character: {shown(line)}; {remedy}")
        rows.append(Row(sys.intern(cells[0]), *cells[1:]))  # there are few slices
    if not rows:
        raise InputError(f"{name_of(path)} has no questions; {remedy}")
    return rows


def read_answers(path: str, rows: Sequence[Row]) -> Answers:
    """The answers to a suite's questions, by question; InputError if there are none, too many, or unreadable ones."""
    lines = lines_of(path)
    answers = list(counted(_answers(path, lines), len(lines), "answers", "answers"))
    num_named = sum(question is not None for question, _ in answers)
    if 0 < num_named < len(answers):
        raise InputError(
            f"{name_of(path)} names the questions of {num_named:,} of {len(answers):,} answers; name all or none"
        )
    if not answers:
        raise InputError(f"{name_of(path)} has no answers; {FORMS}")
    if len(answers) > len(rows) and not num_named:
        raise InputError(
            f"{name_of(path)} has {len(answers):,} answers to {len(rows):,} questions, so they cannot be matched; give "
            "one per question, and none for the first line of the table, which names its columns"
        )
    answers_by_question: dict[str, tuple[str, ...]] = {}
    pairs = answers if num_named else ((row.question, answer) for row, (_, answer) in zip(rows, answers, strict=False))
    for question, answer in pairs:
        earlier = answers_by_question.setdefault(str(question), ())
        if answer is not None:
            answers_by_question[str(question)] = (*earlier, answer)
    if answers_by_question.keys().isdisjoint(row.question for row in rows):
        raise InputError(
            f"none of the {len(answers):,} answers of {name_of(path)} is to a question of the suite; the first is to "
            f"{shown(next(iter(answers_by_question)))}; write questions as the suite does, such as {rows[0].question}"
        )
    return answers_by_question


def _answers(path: str, lines: list[str]) -> Iterator[Answer]:
    filled_lines = [line for line in lines if line.strip()]
    first = next((line for line in filled_lines if line.strip() != "null"), '"' if filled_lines else "")
    if first.lstrip()[:1] in ("{", "[", '"'):
        yield from _of_json(path, lines)
    elif "\t" in first and any("\t" in line.strip() for line in filled_lines):
        yield from _of_table(path, lines)
    else:
        yield from ((None, line.strip()) for line in lines)


def _of_table(path: str, lines: list[str]) -> Iterator[Answer]:
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    columns = [cell.strip() for cell in rows[0][1]]
    has_names = QUESTION in columns
    names = columns if has_names else [QUESTION, ANSWER]
    answer = PREDICTION if PREDICTION in names else ANSWER
    if answer not in names:
        raise InputError(f"{name_of(path)} has no column {ANSWER}; {FORMS}")
    for number, cells in rows[has_names:]:
        if len(cells) != len(names):
            raise InputError(f"{name_of(path)}, line {number}, has {len(cells)} of {len(names)} columns; {FORMS}")
        row = dict(zip(names, cells, strict=True))
        yield row[QUESTION].strip(), row[answer].strip()


def _of_json(path: str, lines: list[str]) -> Iterator[Answer]:
    try:
        whole = _parsed("\n".join(lines))
    except ValueError:  # several values
        if not any(line.lstrip().startswith("{") for line in lines):  # a blank line is no answer to its question
            lines = "\n".join(lines).rstrip().split("\n")
            lines = [line if line.strip() else "null" for line in lines]
        values = ((f"line {at}", lambda line=line: _parsed(line)) for at, line in enumerate(lines, 1) if line.strip())
    else:
        if isinstance(whole, dict) and whole.keys().isdisjoint({ANSWER, PREDICTION}):
            whole = [{QUESTION: question, ANSWER: answer} for question, answer in whole.items()]
        values = enumerate(whole if isinstance(whole, list) else [whole], 1)
        values = ((f"value {number}", lambda value=value: value) for number, value in values)
    for where, value in values:
        try:
            yield _of_value(value())
        except ValueError as error:
            raise InputError(f"{name_of(path)}, {where}, is not an answer ({error}); {FORMS}") from None


def _parsed(text: str) -> Any:
    """Parses JSON; raises ValueError if it is invalid, or repeats a key, of which Python would drop one."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            raise ValueError("a key is repeated")
        return entries

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None


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


def lines_of(path: str) -> list[str]:
    """The lines of a text file, with the line ends of any system; a wrong answer may have any other character."""
    try:
        text = sys.stdin.read() if path == INPUT else expanded(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{name_of(path)} cannot be read ({why}); give a text file, or - for standard input") from None
    lines = text.removeprefix("\ufeff").split("\n")
    return lines if lines[-1] else lines[:-1]


def name_of(path: str) -> str:
    """The name of a file in messages."""
    return "standard input" if path == INPUT else path
