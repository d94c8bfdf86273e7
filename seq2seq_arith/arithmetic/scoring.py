"""Scores: one row per slice of a suite, with the number of questions that a model answered correctly (exact match).

The same class is used for trained networks, language models and programs, in reports, sweeps and saved files. A
question in several slices counts in each of them, and once overall.

>>> rows = [Row("random", "39+3", "42"), Row("equal", "7+7", "14"), Row("equal", "5+5", "10")]
>>> scores = score(rows, ask(lambda question: "42" if question == "39+3" else 14, rows))
>>> scores.worst_in_words()
'worst slice: equal, 0.500 of 2: 5+5 = 10, answered 14'
>>> scores.total().in_words(), scores["random"]["exact_match"]
('1 of 3 (< 87%)', 1.0)
>>> Scores.from_json(scores.to_json()) == scores
True
"""

import array
import contextlib
import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, NamedTuple

import numpy as np

from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.base import events, intervals
from seq2seq_arith.base.checks import check_int, one_of
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.progress import counted, progress
from seq2seq_arith.base.tables import Table, Tabular, abridged, abridged_pair, cut, escaped, table
from seq2seq_arith.base.terminal import printable

MISTAKES = 10
MORE_PREDICTIONS = 2**16  # so many wrong answers are kept at most, besides those that are shown

# From a question to its answers: none, one, or several if it was answered several times.
Answers = Mapping[str, Sequence[str]]
# A suite has a slice for each pair of lengths, which may be hundreds: only the worst of them are printed.
LENGTHS, LENGTHS_SHOWN = "lengths-", 5
# The counts that are summed over the rows.
COUNTS = ("questions", "right", "characters", "characters_right", "wrong_lengths")
SEEN = ("seen", "seen_right")  # known only if the training set is


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A question, its right answer, and the prediction, which is None if there was no answer."""

    question: str
    answer: str
    prediction: str | None

    def __post_init__(self) -> None:
        prediction = "" if self.prediction is None else self.prediction
        if not all(isinstance(text, str) for text in (self.question, self.answer, prediction)):
            raise InputError(f"a mistake is {shown(vars(self))}; give three strings")

    def sentence(self) -> str:
        """The mistake in words; long numbers are abridged.

        >>> Mistake("85380-85380", "0", "00").sentence(), Mistake("--p-", "q---", None).sentence()
        ('85380-85380 = 0, answered 00', '--p-q---, not answered')
        """
        answer, prediction = abridged_pair(self.answer, self.prediction or "")
        equals = " = " if self.question[-1:].isalnum() else ""  # not after dashes
        predicted = "not answered" if self.prediction is None else f"answered {prediction or 'nothing'}"
        return f"{abridged(self.question)}{equals}{answer}, {predicted}"


@dataclasses.dataclass(frozen=True)
class Share:
    """A number of questions, and the number of right answers to them."""

    questions: int
    right: int

    def __post_init__(self) -> None:
        if not (type(self.questions) is type(self.right) is int and 0 <= self.right <= self.questions):
            raise InputError(
                f"{shown(self.right)} right answers to {shown(self.questions)} questions are not a score; give "
                "whole numbers, and at most as many right answers as questions"
            )

    @property
    def wrong(self) -> int:
        """The number of questions with a wrong answer, or none."""
        return self.questions - self.right

    @property
    def exact_match(self) -> float | None:
        """The share of right answers; None if there are no questions."""
        return self.right / self.questions if self.questions else None

    def in_words(self) -> str:
        """The number of wrong answers, and the upper bound on the error rate (one-sided 95%)."""
        return intervals.in_words(self.wrong, self.questions)

    def __str__(self) -> str:
        """The exact match with three decimals, truncated, not rounded, so that 1.000 means no mistake.

        >>> print(Share(10_000, 9_999), Share(3, 3), Share(0, 0))
        0.999 1.000 -
        """
        return "-" if self.exact_match is None else cut(self.exact_match, 3)


@dataclasses.dataclass(frozen=True)
class SliceScore(Share):
    """A row of ``Scores``: the score on the questions of one slice. A field is None if its value is unknown."""

    _: dataclasses.KW_ONLY
    set: str | None = None  #: the set of slices, ``standard`` or ``held_out``
    version: int | None = None  #: of the suite
    size: int | None = None  #: of the task, such as the maximum number of digits of an operand
    slice: str  #: its name
    why: str = ""  #: why the slice is hard, in one sentence
    seen: int | None = None  #: number of questions that are in the training set
    seen_right: int | None = None  #: number of right answers to those
    characters: int = 0  #: number of characters of all right answers
    characters_right: int = 0  #: those that were predicted at the same position, counted from the end as for digits
    wrong_lengths: int = 0  #: number of answers that are too long or too short
    mistake: Mistake | None = None  #: the first one

    def __post_init__(self) -> None:
        # Without loops: a file of results has hundreds of thousands of rows.
        super().__post_init__()
        if not (type(self.slice) is type(self.why) is str and type(self.set) in (str, NoneType)):
            raise InputError(f"the slice is {shown((self.set, self.slice, self.why))}; give strings")
        if not (type(self.size) in (int, NoneType) and type(self.version) in (int, NoneType)):
            raise InputError(f"the slice {self.slice} is of {shown((self.size, self.version))}; give whole numbers")
        counts = self.characters, self.characters_right, self.wrong_lengths
        if not (type(counts[0]) is type(counts[1]) is type(counts[2]) is int and min(counts) >= 0):
            raise InputError(f"the slice {self.slice} has {shown(counts)} characters; give counts")
        seen, right, fits = self.seen, self.seen_right, self.seen is self.seen_right is None
        if type(seen) is int and type(right) is int:
            fits = 0 <= right <= seen and 0 <= self.right - right <= self.questions - seen
        if not fits:
            of_seen = f"{shown(right)} of {shown(seen)} seen questions"
            raise InputError(
                f"of the slice {self.slice}, {of_seen} are right, and {self.right} of {self.questions} overall; give "
                "counts that agree"
            )

    @property
    def seen_in_training(self) -> Share | None:
        """The score on the questions that are in the training set; None if the training set is unknown."""
        return None if self.seen is None or self.seen_right is None else Share(self.seen, self.seen_right)

    @property
    def not_seen(self) -> Share | None:
        """The score on the questions that are not in the training set; None if the training set is unknown."""
        if self.seen is None or self.seen_right is None:
            return None
        return Share(self.questions - self.seen, self.right - self.seen_right)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, without those that have their default."""
        return _to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SliceScore":
        """The inverse of ``to_json``; raises InputError, or TypeError for another object."""
        mistake = values.get("mistake")
        return cls(**values) if mistake is None else cls(**{**values, "mistake": Mistake(**mistake)})


@dataclasses.dataclass(frozen=True, repr=False)
class Scores(Tabular):
    """The scores on one suite or several, by slice; displayed as a table of the slices, the worst one first.

    ``scores["equal"]`` is the row of a slice, a dict as in ``slices``. A question that several slices contain counts in
    each of them.
    """

    rows: tuple[SliceScore, ...]  #: a row per slice that has questions, suite by suite
    _: dataclasses.KW_ONLY
    per_slice: int | None = None  #: the maximum number of questions per slice; None if it is unknown
    seed: int | None = None  #: the seed of the questions; None if it is unknown
    whole: SliceScore | None = None  #: all different questions together; None if these were not counted
    mistakes: tuple[Mistake, ...] = ()  #: the first mistakes over all slices
    missing: int = 0  #: number of different questions without an answer; they count as wrong
    double: int = 0  #: number of questions with more answers than rows; right if all their answers are right
    unknown: int = 0  #: number of answers to other questions, which do not count

    def __post_init__(self) -> None:
        counts = self.missing, self.double, self.unknown
        if not all(type(count) is int for count in counts) or not (
            type(self.per_slice) in (int, NoneType) and type(self.seed) in (int, NoneType)
        ):
            raise InputError(f"scores have {shown((self.per_slice, self.seed, *counts))}; give whole numbers")
        if len({(row.set, row.size, row.slice) for row in self.rows}) < len(self.rows):
            raise InputError("two rows of scores are of the same slice; give each slice of a suite once")
        if empty := next((row.slice for row in self.rows if not row.questions), None):
            raise InputError(f"the slice {empty} has no questions; leave it out of the scores")

    @property
    def exact_match(self) -> float | None:
        """The share of right answers in the ``total``; None if there are no questions."""
        return self.total().exact_match

    @property
    def slices(self) -> Table:
        """A row per slice: ``slice``, ``questions``, ``exact_match``, its 95% interval ``at_least`` and ``at_most``,
        ``wrong`` (the first wrong answer) and ``why`` it is hard."""
        columns = ["slice", "questions", "exact_match", "at_least", "at_most", "wrong", "why"]
        return Table(map(_figures, self.rows), columns, "\n".join(filter(None, [self.worst_in_words(), self._wrong()])))

    @property
    def worst_slice(self) -> dict[str, Any] | None:
        """The row of the ``worst`` slice, whose exact match is the worst-slice accuracy; None if there is no slice."""
        worst = self.worst()
        return None if worst is None else _figures(worst)

    def __getitem__(self, name: str) -> dict[str, Any]:
        row = next((row for row in self.rows if row.slice == name), None)
        if row is None:
            raise InputError(f"there is no slice {name!r}; {one_of(name, [row.slice for row in self.rows])}")
        return _figures(row)

    def select(self, set: str | None = None, size: int | None = None) -> "Scores":
        """The scores on one set of slices, on one size, or on both."""
        rows = (row for row in self.rows if set in (None, row.set) and size in (None, row.size))
        return Scores(tuple(rows), per_slice=self.per_slice, seed=self.seed)

    def suites(self) -> dict[tuple[str | None, int | None], "Scores"]:
        """From the set and the size of each suite to its scores, in order."""
        suites: dict[tuple[str | None, int | None], list[SliceScore]] = {}
        for row in self.rows:
            suites.setdefault((row.set, row.size), []).append(row)
        return {suite: Scores(tuple(rows), per_slice=self.per_slice, seed=self.seed) for suite, rows in suites.items()}

    @property
    def sizes(self) -> list[int | None]:
        """The sizes of the suites, in order."""
        return list(dict.fromkeys(row.size for row in self.rows))

    def worst(self) -> SliceScore | None:
        """The slice with the lowest exact match; ties go to more questions, then to the first; None without slices."""
        return min(self.rows, key=_rank, default=None)

    def worst_first(self) -> list[SliceScore]:
        """The rows sorted as ``worst`` compares them: each one is the ``worst`` of those from it on."""
        return sorted(self.rows, key=_rank)

    def total(self) -> SliceScore:
        """All slices together: ``whole`` if it is known, otherwise the sum of the rows."""
        if self.whole:
            return self.whole
        names = (*COUNTS, *SEEN) if self.knows_seen else COUNTS
        counts: dict[str, Any] = {name: sum(getattr(row, name) for row in self.rows) for name in names}
        return SliceScore(**counts, slice="")

    @property
    def knows_seen(self) -> bool:
        """Whether every row states which questions are in the training set."""
        return bool(self.rows) and all(row.seen is not None for row in self.rows)

    def worst_in_words(self) -> str:
        """The worst slice with its score and a mistake, in one line; empty if there are no questions."""
        worst = self.worst()
        if worst is None:
            return ""
        sets, total = {row.set for row in self.rows}, self.total()
        head = f"worst {'' if len(sets) > 1 else kind(worst.set)}slice"
        if not worst.wrong:
            return f"{head}: each of the {len(self.rows)} slices has 1.000 ({total.questions:,} questions)"
        mistake = f": {worst.mistake.sentence()}" if worst.mistake else ""
        return f"{head}: {worst.slice}, {worst} of {worst.questions:,}{mistake}"

    def in_brief(self) -> str:
        """The worst slice in two words, as ``in_brief``; a dash if there are no questions."""
        worst = self.worst()
        return "-" if worst is None else in_brief(worst.slice, worst.right / worst.questions)

    def facts(self) -> list[str]:
        """The score over all slices, and what does not count, each in one line."""
        total, lines = self.total(), [self._wrong()]
        if self.whole:
            lines.insert(0, f"exact match: {cut(total.exact_match or 0, 4)} of {total.questions:,} different questions")
        if total.wrong:
            characters = f"characters right overall: {cut(total.characters_right / max(1, total.characters), 4)}"
            lines.append(f"wrong length: {total.wrong_lengths:,} of {total.wrong:,} wrong answers; {characters}")
        lines += [f"no answer: {self.missing:,}, which count as wrong"] * bool(self.missing)
        lines += [f"questions with several answers: {self.double:,}, right if all are"] * bool(self.double)
        lines += [f"answers to other questions: {self.unknown:,}, which do not count"] * bool(self.unknown)
        return lines if self.rows else []

    def table(self) -> str:
        """A line per slice, in the order of the suite; of the slices by pairs of lengths, only the worst ones.

        If the training set is known, questions that are in it and the others have separate columns.
        """
        knows_seen, lines, shown = self.knows_seen, [], self.shown()
        for row in shown:
            mistake = row.mistake.sentence() if row.mistake else ""
            if knows_seen and row.seen_in_training and row.not_seen:
                cells = [row.not_seen.in_words(), f"{row.seen_in_training.wrong:,} of {row.seen:,}"]
            else:
                cells = [row.in_words()]
            lines.append([row.slice, str(row), *cells, mistake])
        parts = ["not seen, wrong", "seen, wrong"] if knows_seen else ["wrong"]
        text = table(["slice", "right", *parts, "first wrong answer"], lines)
        if hidden := len(self.rows) - len(shown):
            text += f"\n({hidden} more slices {LENGTHS}M-N are not worse than these; a saved file contains all)"
        return text

    def text(self) -> str:
        """The scores as plain text, the worst slice last; of the slices by pairs of lengths, only the worst ones."""
        return "\n".join([self.table(), *self._mistakes_as(Table.text), "", *self.facts(), self.worst_in_words()])

    def markdown(self) -> str:
        """The scores in Markdown."""
        facts = "\n".join(f"- {escaped(fact)}" for fact in [*self.facts(), self.worst_in_words()])
        return "\n\n".join([facts, Table(self.slices, SHOWN).markdown(), *self._mistakes_as(Table.markdown)]) + "\n"

    def shown(self) -> list[SliceScore]:
        """The displayed rows, in the order of the suite: of the slices by pairs of lengths, only the worst ones."""
        lengths = [row for row in self.rows if row.slice.startswith(LENGTHS)]
        hidden = set(sorted(lengths, key=lambda row: row.right / row.questions)[LENGTHS_SHOWN:])
        return [row for row in self.rows if row not in hidden]

    def emit(self, **about: Any) -> None:
        """Writes an event ``slice`` per row, for other programs; ``about`` has further fields."""
        for row in self.rows:
            values = {"name" if name == "slice" else name: value for name, value in row.to_json().items()}
            events.emit("slice", **about, **values, exact_match=row.exact_match)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, without those that have their default; ``from_json`` is the inverse."""
        return _to_json(self)

    @classmethod
    def from_json(cls, values: Any) -> "Scores":
        """The inverse of ``to_json``; raises InputError for other values."""
        try:
            rows, mistakes, whole = values["rows"], values.get("mistakes", ()), values.get("whole")
            objects = {
                "rows": tuple(map(SliceScore.from_json, rows)),
                "mistakes": tuple(Mistake(**mistake) for mistake in mistakes),
                "whole": whole and SliceScore.from_json(whole),
            }
            return cls(**{**values, **objects})
        except (TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{shown(values)} are not scores ({error})") from None

    decoded = from_json  # for ``base.decoding``, which would take five times as long

    def _wrong(self) -> str:
        """The wrong answers over all slices in one line, separately for questions seen in training if known."""
        if not self.rows:
            return ""
        sums = dataclasses.replace(self, whole=None).total()
        counts = sums.in_words()
        if sums.seen_in_training and sums.not_seen:
            counts = f"{sums.not_seen.in_words()} not seen in training, {sums.seen_in_training.in_words()} seen"
        perfect = sum(not row.wrong for row in self.rows)
        return f"wrong: {counts}; {perfect} of {len(self.rows)} slices without a mistake"

    def _mistakes_as(self, form: Callable[[Table], str]) -> list[str]:
        """The first mistakes as a table, if there are any."""
        mistakes = Table(map(dataclasses.asdict, self.mistakes), ["question", "answer", "prediction"])
        return ["", "first mistakes", form(mistakes)] if mistakes else []

    def _shown(self) -> Table:
        worst_first = sorted(map(_figures, self.shown()), key=lambda row: row["exact_match"])
        return Table(worst_first, SHOWN, "\n".join([*self.facts(), self.worst_in_words()]))


SHOWN = ["slice", "questions", "exact_match", "at_least", "at_most", "wrong"]


def kind(set: str | None) -> str:
    """The prefix of the word "slice": empty for the standard set."""
    return "" if set in (None, STANDARD) else f"{set.replace('_', '-')} "


def in_brief(slice: str, exact_match: float) -> str:
    """A worst slice in two words: its name and its exact match, or that every slice has 1.000.

    >>> in_brief("equal", 0.2809), in_brief("random", 1.0)
    ('equal 0.280', 'each 1.000')
    """
    return f"{'each' if exact_match == 1 else slice} {cut(exact_match, 3)}"


def _rank(row: SliceScore) -> tuple[float, int]:
    return row.right / row.questions, -row.questions


def _figures(row: SliceScore) -> dict[str, Any]:
    """A row as a dict of a table, with the 95% interval of its exact match."""
    low, high = intervals.interval(row.right, row.questions)
    shares = {"exact_match": row.exact_match, "at_least": low, "at_most": high}
    wrong = row.mistake.sentence() if row.mistake else ""
    return {"slice": row.slice, "questions": row.questions, **shares, "wrong": wrong, "why": row.why}


def _to_json(value: Any) -> Any:
    """The fields of a dataclass that do not have their default, also of nested dataclasses."""
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    values = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
    return {field.name: _to_json(value) for field, value in values if value != field.default}


class Row(NamedTuple):
    """A question of a suite, as people write it, with its slice and its right answer."""

    slice: str
    question: str
    answer: str


class Questions:
    """The questions of a suite in columns, which take a third of the memory of as many ``Row``.

    >>> questions = Questions([Row("random", "39+3", "42"), Row("equal", "7+7", "14"), Row("random", "7+7", "14")])
    >>> questions.numbers, questions.answers, list(questions.numbers_of_rows)
    ({'39+3': 0, '7+7': 1}, ['42', '14'], [0, 1, 1])
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.numbers: dict[str, int] = {}  #: from each different question to its number, in order
        self.answers: list[str] = []  #: the right answer to each of them
        self.slices: dict[str, int] = {}  #: from the name of each slice to its number, in order
        self.numbers_of_rows = array.array("q")  #: the number of the question of each row
        self.slices_of_rows = array.array("q")  #: the number of the slice of each row
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> bool:
        """Adds a row; returns False if its question is there already and has a different answer."""
        number = self.numbers.setdefault(row.question, len(self.answers))
        if number == len(self.answers):
            self.answers.append(row.answer)
        self.numbers_of_rows.append(number)
        self.slices_of_rows.append(self.slices.setdefault(row.slice, len(self.slices)))
        return self.answers[number] == row.answer

    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the questions and of the slices of all rows, int64 [rows]; they must go before ``add``."""
        return np.frombuffer(self.numbers_of_rows, np.int64), np.frombuffer(self.slices_of_rows, np.int64)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.numbers_of_rows)


def score(rows: Iterable[Row], answers: Answers, why: Mapping[str, str] | None = None, **suite: Any) -> Scores:
    """Scores answers to the questions of a suite, at least one, by exact match.

    Args:
      rows: The questions with their slices and right answers.
      answers: From a question to its answers.
      why: From the name of a slice to the reason why it is hard.
      **suite: The fields ``set``, ``version`` and ``size`` of ``SliceScore``, if they are known.
    """
    questions = Questions(rows)
    tally = Tally(questions)
    for question, predictions in counted(answers.items(), len(answers), "score", "questions"):
        for prediction in predictions:
            tally.add(questions.numbers.get(question), prediction)
    return tally.scores(why, **suite)


class Tally:
    """Counts answers as they come, in any order. An answer is kept only while it may be one of the first mistakes.

    >>> questions = Questions([Row("random", "39+3", "42"), Row("equal", "7+7", "14")])
    >>> tally = Tally(questions)
    >>> tally.add(questions.numbers["39+3"], "42")
    >>> tally.scores().worst_in_words()
    'worst slice: equal, 0.000 of 1: 7+7 = 14, not answered'
    """

    def __init__(self, questions: Questions) -> None:
        count = len(questions.answers)
        self._questions = questions
        self._answered, self._equal = array.array("q", bytes(8 * count)), array.array("q", bytes(8 * count))
        self._wrong, self._wrong_length = bytearray(count), bytearray(count)
        self._predictions: dict[int, str] = {}  # the first wrong one for a question
        self._unknown = 0

    def add(self, number: int | None, prediction: str | None) -> None:
        """Counts the answer to the question of that number; None is a question outside of the suite, or no answer."""
        if number is None or prediction is None:
            self._unknown += prediction is not None
            return
        self._answered[number] += 1
        answer = self._questions.answers[number]
        if prediction != answer and not self._wrong[number]:
            self._wrong[number] = True
            self._wrong_length[number] = len(prediction) != len(answer)
            self._equal[number] = equal_characters(prediction, answer)
            self._predictions[number] = prediction
            if len(self._predictions) >= MISTAKES + len(self._questions.slices) + MORE_PREDICTIONS:
                self._keep_first()

    def _keep_first(self) -> None:
        """Forgets the answers that are not among the first mistakes: they will not be later, as a mistake remains."""
        first, of_slices = self._first_wrong(np.frombuffer(self._wrong, bool))
        self._predictions = {number: self._predictions[number] for number in {*first, *of_slices.values()}}

    def scores(self, why: Mapping[str, str] | None = None, **suite: Any) -> Scores:
        """The scores on all answers so far; the arguments are those of ``score``."""
        questions, count, reasons = self._questions, len(self._questions.answers), why or {}
        answered = np.frombuffer(self._answered, np.int64)
        missing = answered == 0
        wrong = missing | np.frombuffer(self._wrong, bool)
        characters = np.fromiter(map(len, questions.answers), np.int64, count)
        columns = {
            "right": ~wrong,
            "characters": characters,
            "characters_right": np.where(wrong, np.frombuffer(self._equal, np.int64), characters),
            "wrong_lengths": np.frombuffer(self._wrong_length, bool),
        }
        (of_all,) = count_slices(np.zeros(count, np.int64), 1, **columns)
        numbers, slices = questions.columns()
        columns = {name: column[numbers] for name, column in columns.items()}
        of_slices = count_slices(slices, len(questions.slices), **columns)
        first, first_of_slices = self._first_wrong(wrong)
        mistakes = self._mistakes({*first, *first_of_slices.values()})
        return Scores(
            tuple(
                SliceScore(
                    **of_slice,
                    **suite,
                    slice=name,
                    why=reasons.get(name, ""),
                    mistake=mistakes.get(first_of_slices.get(index)),
                )
                for (name, index), of_slice in zip(questions.slices.items(), of_slices, strict=True)
            ),
            whole=SliceScore(**of_all, **suite, slice="", mistake=mistakes[first[0]] if first else None),
            mistakes=tuple(mistakes[number] for number in first),
            missing=int(missing.sum()),
            double=int((answered > np.bincount(numbers, minlength=count)).sum()),
            unknown=self._unknown,
        )

    def _first_wrong(self, wrong: np.ndarray) -> tuple[list[int], dict[int, int]]:
        """The numbers of the first wrong questions, and from the number of each slice that has one to its first."""
        numbers, slices = self._questions.columns()
        rows = np.flatnonzero(wrong[numbers])[::-1]
        first_rows = np.full(len(self._questions.slices), -1)
        first_rows[slices[rows]] = rows  # of several rows, the last one assigned remains: the first one of the slice
        imperfect = np.flatnonzero(first_rows >= 0)
        of_slices = dict(zip(imperfect.tolist(), numbers[first_rows[imperfect]].tolist(), strict=True))
        return np.flatnonzero(wrong)[:MISTAKES].tolist(), of_slices

    def _mistakes(self, wrong: set[int]) -> dict[int | None, Mistake]:
        """From the number of each of these questions to the mistake."""
        mistakes: dict[int | None, Mistake] = {}
        for question, number in self._questions.numbers.items():
            if number in wrong:
                prediction = self._predictions.get(number)
                shown = None if prediction is None else printable(prediction)
                mistakes[number] = Mistake(question, self._questions.answers[number], shown)
        return mistakes


def count_slices(slice_numbers: np.ndarray, slices: int, **columns: np.ndarray) -> list[dict[str, int]]:
    """The number of questions of each slice, and the sum of each column over them.

    ``slice_numbers`` is the slice of each question, 0 to ``slices`` - 1, int64 of shape (questions,); each column is
    bool or int64 of the same shape.

    >>> count_slices(np.array([0, 1, 1]), 2, right=np.array([True, False, True]))
    [{'questions': 1, 'right': 1}, {'questions': 2, 'right': 1}]
    """
    sums = {"questions": np.bincount(slice_numbers, minlength=slices)}
    sums |= {name: np.bincount(slice_numbers, column, slices).astype(np.int64) for name, column in columns.items()}
    return [dict(zip(sums, row, strict=True)) for row in np.stack(list(sums.values()), axis=1).tolist()]


def equal_characters(prediction: str, answer: str) -> int:
    """The number of characters of an answer that a prediction has at the same position, counted from the end.

    >>> equal_characters("990", "1000"), equal_characters("1043", "43")
    (1, 2)
    """
    return sum(map(operator.eq, reversed(prediction), reversed(answer)))


def ask(function: Callable[[Any], Any], rows: Iterable[Row], batch_size: int | None = None) -> Answers:
    """The answers of a function, which is called once for each different question.

    ``function`` takes a question and returns its answer; with ``batch_size``, it takes a list of at most that many
    questions and returns as many answers. An answer is a string, or a whole number, or None if there is none.

    Raises InputError if it is not a function, or returns anything else.
    """
    if not callable(function):
        raise InputError(f"{shown(function)} is not a function; give one from a question to its answer")
    if batch_size is not None:
        check_int("batch_size", batch_size, 1, None)
    questions = list(dict.fromkeys(row.question for row in rows))
    answers: dict[str, list[str]] = {}
    with progress("suite", len(questions), "questions") as report_progress:
        for start in range(0, len(questions), batch_size or 1):
            batch = questions[start : start + (batch_size or 1)]
            returned = _list(function(batch), len(batch)) if batch_size else [function(batch[0])]
            for question, answer in zip(batch, returned, strict=True):
                answers[question] = [] if answer is None else [_text(question, answer)]
            report_progress(start + len(batch))
    return answers


def _list(returned: Any, count: int) -> list[Any]:
    """The answers that a function returned for a list of ``count`` questions."""
    try:
        items = None if isinstance(returned, str | bytes | Mapping) else iter(returned)
    except TypeError:
        items = None
    answers = [] if items is None else list(items)
    if len(answers) != count:
        number = shown(returned) if items is None else f"{len(answers):,} answers"
        raise InputError(
            f"the function returned {number} for a list of {count:,} questions; return a list of as many answers, or "
            "leave batch_size out if it takes one question"
        )
    return answers


def _text(question: str, answer: Any) -> str:
    """An answer of a function as text; NumPy's strings and numbers are accepted, too."""
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
