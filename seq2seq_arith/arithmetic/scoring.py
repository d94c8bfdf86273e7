"""The answers of any model or program to the questions of a suite: how many are right, by slice, and where they err.

A question may stand in several slices. It counts in each of them, and once in the whole.

>>> rows = [Row("random", "39+3", "42"), Row("equal", "7+7", "14"), Row("equal", "5+5", "10")]
>>> score(rows, ask(lambda question: "42" if question == "39+3" else 14, rows)).facts()[-1]
'worst slice: equal, 0.500 of 2: 5+5 = 10, answered 14'
"""

import collections
import contextlib
import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.intervals import interval
from seq2seq_arith.base.options import check_int, one_of
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.tables import Table, Tabular, abridged, abridged_pair, cut
from seq2seq_arith.base.terminal import printable

MISTAKES = 10
# A suite has a slice for each pair of lengths, which may be hundreds: the worst of them are printed.
LENGTHS, LENGTHS_SHOWN = "lengths-", 5
MISTAKE = ("question", "answer", "prediction")  # the columns of a mistake: what was asked, what is right, what was said

T = TypeVar("T")
# From a question to its answers: none, one, or several if it was answered several times.
Given = Mapping[str, Sequence[str]]


class Row(NamedTuple):
    """A question of a suite, as people write it, and its right answer."""

    slice: str
    question: str
    answer: str


@dataclasses.dataclass(frozen=True, repr=False)
class SuiteScore(Tabular):
    """What was answered to a suite; it shows itself as a table of the slices, the worst first.

    ``score["equal"]`` is the row of a slice.
    """

    questions: int  #: how many different ones there are
    exact_match: float  #: the share of them that is answered right
    #: The share of the characters of their right answers that stand in what was answered, at the same place counted
    #: from the end, as digits do.
    characters_right: float
    wrong_lengths: int  #: how many of them got an answer that is too long or too short
    missing: int  #: how many have no answer; they count as wrong
    double: int  #: how many have more answers than they were asked; they are right if all their answers are
    unknown: int  #: how many answers are to other questions, and do not count
    mistakes: Table  #: the first ones
    #: A row per slice, in the order of the suite: ``slice``, ``questions``, ``exact_match``, the ends of its 95%
    #: interval ``at_least`` and ``at_most``, and the ``question``, ``answer`` and ``prediction`` of the first mistake.
    slices: Table

    @property
    def worst_slice(self) -> dict[str, Any]:
        """The row with the lowest exact match; of equals, the one with more questions, then the first."""
        return min(self.slices, key=lambda row: (row["exact_match"], -row["questions"]))

    def __getitem__(self, name: str) -> dict[str, Any]:
        found = next((row for row in self.slices if row["slice"] == name), None)
        if found is None:
            raise InputError(f"there is no slice {name!r}; {one_of(name, self.slices.column('slice'))}")
        return found

    def facts(self) -> list[str]:
        """The score of the whole, and what was left out, each in one line; the worst slice last."""
        found = [
            f"exact match: {cut(self.exact_match, 4)} of {self.questions:,} different questions",
            f"characters right: {cut(self.characters_right, 4)}, counted from the end of each answer",
            f"wrong length: {self.wrong_lengths:,} of {self.questions - self.missing:,} that are answered",
        ]
        found += [f"no answer: {self.missing:,}, which count as wrong"] * bool(self.missing)
        found += [f"questions with several answers: {self.double:,}, right if all are"] * bool(self.double)
        found += [f"answers to other questions: {self.unknown:,}, which do not count"] * bool(self.unknown)
        worst = self.worst_slice
        if worst["exact_match"] == 1:
            return [*found, f"worst slice: each of the {len(self.slices)} slices has 1.000"]
        share = f"{cut(worst['exact_match'], 3)} of {worst['questions']:,}"
        return [*found, f"worst slice: {worst['slice']}, {share}: {_sentence(worst)}"]

    def text(self) -> str:
        """Everything as plain text; of the pairs of lengths, the worst ones."""
        shown, hidden = self._rows(), ""
        if len(shown) < len(self.slices):
            hidden = f"\n({len(self.slices) - len(shown)} more slices {LENGTHS}M-N are not worse; --output holds all)"
        mistakes = f"\n\nfirst mistakes\n{self.mistakes}" * bool(self.mistakes)
        return "\n".join([f"{Table(shown).text()}{hidden}{mistakes}\n", *self.facts()])

    def markdown(self) -> str:
        """Everything in Markdown."""
        facts = "\n".join(f"- {fact}" for fact in self.facts())
        mistakes = ["First mistakes:", self.mistakes.markdown()] * bool(self.mistakes)
        return "\n\n".join([facts, self.slices.markdown(), *mistakes]) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON holds it, the worst slice last."""
        lists = {name: list(getattr(self, name)) for name in ("slices", "mistakes")}
        return vars(self) | lists | {"worst_slice": self.worst_slice}

    def _rows(self) -> list[dict[str, Any]]:
        return shown_slices(self.slices, lambda row: (row["slice"], row["exact_match"]))

    def _shown(self) -> Table:
        worst_first = sorted(self._rows(), key=lambda row: row["exact_match"])
        return Table(worst_first, title="\n".join(self.facts()))


def shown_slices(slices: Iterable[T], name_and_share: Callable[[T], tuple[str, float]]) -> list[T]:
    """The slices that are shown, in the order of the suite: of the pairs of lengths, the worst ones."""
    found = list(slices)
    lengths = [number for number, each in enumerate(found) if name_and_share(each)[0].startswith(LENGTHS)]
    hidden = sorted(lengths, key=lambda number: name_and_share(found[number])[1])[LENGTHS_SHOWN:]
    return [each for number, each in enumerate(found) if number not in hidden]


def score(rows: Sequence[Row], given: Given) -> SuiteScore:
    """Scores the answers to the questions of a suite, of which there is at least one."""
    asked = collections.Counter(row.question for row in rows)
    right_answers = {row.question: row.answer for row in rows}
    mistakes: dict[str, dict[str, Any]] = {}
    equal = 0
    for question, answer in right_answers.items():
        answers = given.get(question) or [None]
        wrong = [each for each in answers if each != answer]
        if wrong:
            shown_as = None if wrong[0] is None else printable(wrong[0])
            mistakes[question] = dict(zip(MISTAKE, (question, answer, shown_as), strict=True))
        equal += equal_characters((wrong or answers)[0] or "", answer)
    of_slices: dict[str, list[str]] = {}
    for row in rows:
        of_slices.setdefault(row.slice, []).append(row.question)
    slices = []
    for name, questions in of_slices.items():
        wrong = [question for question in questions if question in mistakes]
        right, count = len(questions) - len(wrong), len(questions)
        least, most = interval(right, count)
        shares = {"exact_match": right / count, "at_least": least, "at_most": most}
        first = mistakes.get(wrong[0] if wrong else "", dict.fromkeys(MISTAKE))
        slices.append({"slice": name, "questions": count, **shares, **first})
    said = [mistake for mistake in mistakes.values() if mistake["prediction"] is not None]
    return SuiteScore(
        questions=len(asked),
        exact_match=(len(asked) - len(mistakes)) / len(asked),
        characters_right=equal / max(1, sum(map(len, right_answers.values()))),
        wrong_lengths=sum(len(mistake["prediction"]) != len(mistake["answer"]) for mistake in said),
        missing=len(mistakes) - len(said),
        double=sum(len(given.get(question, ())) > count for question, count in asked.items()),
        unknown=sum(len(answers) for question, answers in given.items() if question not in asked),
        mistakes=Table(list(mistakes.values())[:MISTAKES], MISTAKE),
        slices=Table(slices),
    )


def equal_characters(said: str, answer: str) -> int:
    """How many characters of an answer stand in what was said at the same place, counted from the end as digits are.

    >>> equal_characters("990", "1000"), equal_characters("1043", "43")
    (1, 2)
    """
    return sum(map(operator.eq, reversed(said), reversed(answer)))


def ask(function: Callable[[Any], Any], rows: Iterable[Row], batch_size: int | None = None) -> Given:
    """The answers of a function, which is asked each different question once.

    ``function`` takes a question and returns its answer; with ``batch_size``, it takes a list of at most so many
    questions and returns as many answers. An answer is a string, or a whole number, or None if there is none.

    Raises InputError if it is not a function, or returns anything else.
    """
    if not callable(function):
        raise InputError(f"{shown(function)} is not a function; give one from a question to its answer")
    if batch_size is not None:
        check_int("batch_size", batch_size, 1, None)
    questions = list(dict.fromkeys(row.question for row in rows))
    given: dict[str, list[str]] = {}
    with progress("suite", len(questions), "questions") as report_progress:
        for start in range(0, len(questions), batch_size or 1):
            batch = questions[start : start + (batch_size or 1)]
            returned = _list(function(batch), len(batch)) if batch_size else [function(batch[0])]
            for question, answer in zip(batch, returned, strict=True):
                given[question] = [] if answer is None else [_text(question, answer)]
            report_progress(start + len(batch))
    return given


def _list(returned: Any, count: int) -> list[Any]:
    """What a function has returned for a list of questions."""
    try:
        found = None if isinstance(returned, str | bytes | Mapping) else iter(returned)
    except TypeError:
        found = None
    answers = [] if found is None else list(found)
    if len(answers) != count:
        what = shown(returned) if found is None else f"{len(answers):,} answers"
        raise InputError(
            f"the function returned {what} for a list of {count:,} questions; return a list of as many answers, or "
            "leave batch_size out if it takes one question"
        )
    return answers


def _text(question: str, answer: Any) -> str:
    """An answer of a function as text: NumPy's strings and numbers are ones, too."""
    if isinstance(answer, bytes):
        return answer.decode("utf-8", "replace").strip()
    if hasattr(answer, "__index__") and not isinstance(answer, bool) and not getattr(answer, "ndim", 0):
        with contextlib.suppress(TypeError):  # as of an array of one float
            answer = str(operator.index(answer))
    if not isinstance(answer, str):
        raise InputError(
            f"the function returned {shown(answer)} for {shown(question)}; return the answer as a string, or give "
            "batch_size if it takes a list of questions"
        )
    return answer.strip()


def _sentence(mistake: Mapping[str, Any]) -> str:
    """A mistake in words; long numbers are abridged."""
    question, prediction = abridged(mistake["question"]), mistake["prediction"]
    answer, brief = abridged_pair(mistake["answer"], prediction or "")
    equals = " = " if question[-1:].isalnum() else ""  # not after dashes
    said = "not answered" if prediction is None else f"answered {brief or 'nothing'}"
    return f"{question}{equals}{answer}, {said}"
