"""Reads the questions of a suite, as ``arith-data suite`` writes them, and the answers that others gave to them.

A file of answers has one per line, in the order of the questions, or names the question of each. Its first line that
is not null tells which of three forms it has; ``ANSWER`` is a string or a whole number in JSON, and null if there is
no answer:

======================  ================================================================================
lines                   ``42``
a table, tabs between   ``39+3``, ``42``; or with the names of columns in its first line
JSON, one per line      ``"42"`` or ``{"answer": "42"}`` or ``{"question": "39+3", "answer": "42"}``
JSON, one for all       ``["42", ...]`` or ``{"39+3": "42", ...}``
======================  ================================================================================

Where there is a column or a key ``prediction``, ``answer`` is the right one, and is not read.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from seq2seq_arith.arithmetic.scoring import Answers, Row
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.files import expanded

INPUT = "-"  # standard input
QUESTION, ANSWER, PREDICTION = "question", "answer", "prediction"
FORMS = 'give one answer per line, or {"question": ..., "answer": ...}'

# The question, which is None if the order tells it, and the answer, which is None if there is none.
Answer = tuple[str | None, str | None]


def read_questions(place: str) -> list[Row]:
    """The questions of a suite; raises InputError if the file has none, or is another one."""
    lines, made = lines_of(place), "give a table that arith-data suite has written"
    if not lines or lines[0].split("\t") != list(Row._fields):
        raise InputError(f"{name_of(place)} does not begin with the line {' '.join(Row._fields)}; {made}")
    rows: list[Row] = []
    right: dict[str, str] = {}
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(Row._fields) or right.setdefault(cells[1], cells[2]) != cells[2]:
            wrong = "does not have a slice, a question and an answer" if len(cells) != 3 else "has another answer"
            raise InputError(f"{name_of(place)}, line {number}, {wrong}{' than before' * (len(cells) == 3)}; {made}")
        rows.append(Row(*cells))
    if not rows:
        raise InputError(f"{name_of(place)} has no questions; {made}")
    return rows


def read_answers(place: str, rows: Sequence[Row]) -> Answers:
    """The answers to a suite's questions, by question; InputError if none, too many, or unreadable ones are there."""
    found = list(_answers(place, lines_of(place)))
    named = sum(question is not None for question, _ in found)
    if 0 < named < len(found):
        raise InputError(
            f"{name_of(place)} names the questions of {named:,} of {len(found):,} answers; name all or none"
        )
    if not found:
        raise InputError(f"{name_of(place)} has no answers; {FORMS}")
    if len(found) > len(rows) and not named:
        raise InputError(
            f"{name_of(place)} has {len(found):,} answers to {len(rows):,} questions, so which answers which is not "
            "known; give one per question, and none for the first line of the table, which names its columns"
        )
    given: dict[str, list[str]] = {}
    pairs = found if named else [(row.question, answer) for row, (_, answer) in zip(rows, found, strict=False)]
    for question, answer in pairs:
        given.setdefault(str(question), []).extend([] if answer is None else [answer])
    if given.keys().isdisjoint(row.question for row in rows):
        raise InputError(
            f"none of the {len(found):,} answers of {name_of(place)} is to a question that was asked, the first is to "
            f"{shown(pairs[0][0])}; write questions as the suite has them, such as {rows[0].question}"
        )
    return given


def _answers(place: str, lines: list[str]) -> Iterator[Answer]:
    said = [line for line in lines if line.strip()]
    first = next((line for line in said if line.strip() != "null"), '"' if said else "")
    if first.lstrip()[:1] in ("{", "[", '"'):
        yield from _of_json(place, lines)
    elif "\t" in first and any("\t" in line.strip() for line in said):
        yield from _of_table(place, lines)
    else:
        yield from ((None, line.strip()) for line in lines)


def _of_table(place: str, lines: list[str]) -> Iterator[Answer]:
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    columns = [cell.strip() for cell in rows[0][1]]
    has_names = QUESTION in columns
    names = columns if has_names else [QUESTION, ANSWER]
    answer = PREDICTION if PREDICTION in names else ANSWER
    if answer not in names:
        raise InputError(f"{name_of(place)} has no column {ANSWER}; {FORMS}")
    for number, cells in rows[has_names:]:
        if len(cells) != len(names):
            raise InputError(f"{name_of(place)}, line {number}, has {len(cells)} of {len(names)} columns; {FORMS}")
        row = dict(zip(names, cells, strict=True))
        yield row[QUESTION].strip(), row[answer].strip()


def _of_json(place: str, lines: list[str]) -> Iterator[Answer]:
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
            raise InputError(f"{name_of(place)}, {where}, is not an answer ({error}); {FORMS}") from None


def _parsed(text: str) -> Any:
    """Parses JSON; raises ValueError if it is none, or names a key twice, of which Python would drop one."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands twice")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("too deep") from None


def _of_value(value: Any) -> Answer:
    """The answer that stands in a value of JSON; raises ValueError if it is none."""
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


def lines_of(place: str) -> list[str]:
    """The lines of a text file, which end as on any system; a wrong answer may have any other character."""
    try:
        text = sys.stdin.read() if place == INPUT else expanded(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"{name_of(place)} cannot be read ({why}); give a text file, or - for standard input"
        ) from None
    lines = text.removeprefix("\ufeff").split("\n")
    return lines if lines[-1] else lines[:-1]


def name_of(place: str) -> str:
    """What messages call a file."""
    return "standard input" if place == INPUT else place
