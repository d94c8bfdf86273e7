"""Scores: a row per slice of a suite, with how many of its questions were answered right, whoever answered them.

A trained network, a language model and a program have the same table, and so have reports, sweeps and saved files. A
question may stand in several slices. It counts in each of them, and once in the whole.

>>> rows = [Row("random", "39+3", "42"), Row("equal", "7+7", "14"), Row("equal", "5+5", "10")]
>>> scores = score(rows, ask(lambda question: "42" if question == "39+3" else 14, rows))
>>> scores.worst_in_words()
'worst slice: equal, 0.500 of 2: 5+5 = 10, answered 14'
>>> scores.total().in_words(), scores["random"]["exact_match"]
('1 of 3 (< 87%)', 1.0)
>>> Scores.from_json(scores.to_json()) == scores
True
"""

import collections
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
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.tables import Table, Tabular, abridged, abridged_pair, cut, table
from seq2seq_arith.base.terminal import printable

MISTAKES = 10

# From a question to its answers: none, one, or several if it was answered several times.
Given = Mapping[str, Sequence[str]]
# A suite has a slice for each pair of lengths, which may be hundreds: the worst of them are printed.
LENGTHS, LENGTHS_SHOWN = "lengths-", 5
# The counts of a row that add up to those of several rows.
COUNTS = ("questions", "right", "characters", "characters_right", "wrong_lengths")
SEEN = ("seen", "seen_right")  # those that are known if the training set is


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A question, its right answer, and what was answered; None if nothing was."""

    question: str
    answer: str
    prediction: str | None

    def __post_init__(self) -> None:
        if not all(isinstance(text, str) for text in (self.question, self.answer, self.prediction or "")):
            raise InputError(f"a mistake is {shown(vars(self))}, and not three texts")

    def sentence(self) -> str:
        """The mistake in words; long numbers are abridged.

        >>> Mistake("85380-85380", "0", "00").sentence(), Mistake("--p-", "q---", None).sentence()
        ('85380-85380 = 0, answered 00', '--p-q---, not answered')
        """
        answer, prediction = abridged_pair(self.answer, self.prediction or "")
        equals = " = " if self.question[-1:].isalnum() else ""  # not after dashes
        said = "not answered" if self.prediction is None else f"answered {prediction or 'nothing'}"
        return f"{abridged(self.question)}{equals}{answer}, {said}"


@dataclasses.dataclass(frozen=True)
class Share:
    """How many of some questions were answered right."""

    questions: int
    right: int

    def __post_init__(self) -> None:
        if not (type(self.questions) is type(self.right) is int and 0 <= self.right <= self.questions):
            raise InputError(f"{shown(self.right)} right answers to {shown(self.questions)} questions are no score")

    @property
    def wrong(self) -> int:
        """How many were answered wrong, or not at all."""
        return self.questions - self.right

    @property
    def exact_match(self) -> float | None:
        """The share that is right; None if there are no questions."""
        return self.right / self.questions if self.questions else None

    def in_words(self) -> str:
        """How many are wrong, and the bound on their rate."""
        return intervals.in_words(self.wrong, self.questions)

    def __str__(self) -> str:
        """Three decimals, cut off and not rounded, so that 1.000 means all.

        >>> print(Share(10_000, 9_999), Share(3, 3), Share(0, 0))
        0.999 1.000 -
        """
        return "-" if self.exact_match is None else cut(self.exact_match, 3)


@dataclasses.dataclass(frozen=True)
class SliceScore(Share):
    """A row of ``Scores``: the answers to the questions of one slice. What is not known is None."""

    _: dataclasses.KW_ONLY
    set: str | None = None  #: of slices, ``standard`` or ``held_out``
    version: int | None = None  #: of the suite
    size: int | None = None  #: of the task, such as the most digits of an operand
    slice: str  #: its name
    why: str = ""  #: the slice is hard, in one sentence
    seen: int | None = None  #: how many of the questions are in the training set
    seen_right: int | None = None  #: how many of these were answered right
    characters: int = 0  #: of all right answers
    characters_right: int = 0  #: that were answered at the same place, counted from the end as digits are
    wrong_lengths: int = 0  #: answers that are too long or too short
    mistake: Mistake | None = None  #: the first one

    def __post_init__(self) -> None:
        # Without loops: a file of results has hundreds of thousands of rows.
        super().__post_init__()
        if not (type(self.slice) is type(self.why) is str and type(self.set) in (str, NoneType)):
            raise InputError(f"the slice is {shown((self.set, self.slice, self.why))}; give texts")
        if not (type(self.size) in (int, NoneType) and type(self.version) in (int, NoneType)):
            raise InputError(f"the slice {self.slice} is of {shown((self.size, self.version))}; give whole numbers")
        counts = self.characters, self.characters_right, self.wrong_lengths
        if not (type(counts[0]) is type(counts[1]) is type(counts[2]) is int and min(counts) >= 0):
            raise InputError(f"the slice {self.slice} has {shown(counts)} characters; give counts")
        seen, right, fits = self.seen, self.seen_right, self.seen is self.seen_right is None
        if type(seen) is int and type(right) is int:
            fits = 0 <= right <= seen and 0 <= self.right - right <= self.questions - seen
        if not fits:
            known = f"{shown(right)} of {shown(seen)} seen questions"
            raise InputError(
                f"of the slice {self.slice}, {known} are right, and {self.right} of {self.questions} in all"
            )

    @property
    def seen_in_training(self) -> Share | None:
        """The questions that are in the training set; None if it is not known which ones are."""
        return None if self.seen is None or self.seen_right is None else Share(self.seen, self.seen_right)

    @property
    def not_seen(self) -> Share | None:
        """The questions that are not in the training set; None if it is not known which ones are."""
        if self.seen is None or self.seen_right is None:
            return None
        return Share(self.questions - self.seen, self.right - self.seen_right)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON holds them, without those that have their default."""
        return _to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SliceScore":
        """What ``to_json`` gave; raises InputError, or TypeError for another object."""
        mistake = values.get("mistake")
        return cls(**values) if mistake is None else cls(**{**values, "mistake": Mistake(**mistake)})


@dataclasses.dataclass(frozen=True, repr=False)
class Scores(Tabular):
    """The answers to a suite, or to several, by slice; it shows itself as a table of the slices, the worst first.

    ``scores["equal"]`` is the row of a slice, a dict as in ``slices``. A question that stands in several slices counts
    in each of them.
    """

    rows: tuple[SliceScore, ...]  #: a row per slice that has questions, suite by suite
    _: dataclasses.KW_ONLY
    per_slice: int | None = None  #: the most questions per slice that were asked for; None if that is not known
    seed: int | None = None  #: which questions were drawn; None likewise
    whole: SliceScore | None = None  #: all questions, each different one once; None if these were not counted
    mistakes: tuple[Mistake, ...] = ()  #: the first ones of the whole
    missing: int = 0  #: how many different questions have no answer; they count as wrong
    double: int = 0  #: how many have more answers than they were asked; they are right if all their answers are
    unknown: int = 0  #: how many answers are to other questions, and do not count

    def __post_init__(self) -> None:
        counts = self.missing, self.double, self.unknown
        if not all(type(count) is int for count in counts) or not (
            type(self.per_slice) in (int, NoneType) and type(self.seed) in (int, NoneType)
        ):
            raise InputError(f"scores have {shown((self.per_slice, self.seed, *counts))}; give whole numbers")
        if len({(row.set, row.size, row.slice) for row in self.rows}) < len(self.rows):
            raise InputError("two rows of scores are of one slice; give each slice of a suite once")
        if empty := next((row.slice for row in self.rows if not row.questions), None):
            raise InputError(f"the slice {empty} has no questions; leave it out of the scores")

    @property
    def exact_match(self) -> float | None:
        """The share of right answers in the ``total``; None if nothing was asked."""
        return self.total().exact_match

    @property
    def slices(self) -> Table:
        """A row per slice: ``slice``, ``questions``, ``exact_match``, its 95% interval ``at_least`` and ``at_most``,
        ``wrong`` (the first wrong answer) and ``why`` it is hard."""
        columns = ["slice", "questions", "exact_match", "at_least", "at_most", "wrong", "why"]
        return Table(map(_figures, self.rows), columns, "\n".join(filter(None, [self.worst_in_words(), self._wrong()])))

    @property
    def worst_slice(self) -> dict[str, Any] | None:
        """The row of the ``worst`` slice; None if there is none."""
        worst = self.worst()
        return None if worst is None else _figures(worst)

    def __getitem__(self, name: str) -> dict[str, Any]:
        found = next((row for row in self.rows if row.slice == name), None)
        if found is None:
            raise InputError(f"there is no slice {name!r}; {one_of(name, [row.slice for row in self.rows])}")
        return _figures(found)

    def select(self, set: str | None = None, size: int | None = None) -> "Scores":
        """The rows of a set, or of a size, or of both."""
        rows = (row for row in self.rows if set in (None, row.set) and size in (None, row.size))
        return Scores(tuple(rows), per_slice=self.per_slice, seed=self.seed)

    def suites(self) -> dict[tuple[str | None, int | None], "Scores"]:
        """The scores of each suite by its set and its size, in order."""
        found: dict[tuple[str | None, int | None], list[SliceScore]] = {}
        for row in self.rows:
            found.setdefault((row.set, row.size), []).append(row)
        return {suite: Scores(tuple(rows), per_slice=self.per_slice, seed=self.seed) for suite, rows in found.items()}

    @property
    def sizes(self) -> list[int | None]:
        """The sizes at which something was asked, in order."""
        return list(dict.fromkeys(row.size for row in self.rows))

    def worst(self) -> SliceScore | None:
        """The slice with the least exact match; of equals the one with more questions, then the first; None of none."""
        return min(self.rows, key=_rank, default=None)

    def worst_first(self) -> list[SliceScore]:
        """The rows in the order in which each is the ``worst`` of those behind it, too."""
        return sorted(self.rows, key=_rank)

    def total(self) -> SliceScore:
        """All slices together: the ``whole`` if it is known, else the sum of the rows."""
        if self.whole:
            return self.whole
        names = (*COUNTS, *SEEN) if self.knows_seen else COUNTS
        counts: dict[str, Any] = {name: sum(getattr(row, name) for row in self.rows) for name in names}
        return SliceScore(**counts, slice="")

    @property
    def knows_seen(self) -> bool:
        """Whether it is known which questions are in the training set."""
        return bool(self.rows) and all(row.seen is not None for row in self.rows)

    def worst_in_words(self) -> str:
        """The worst slice with its score and a mistake, in one line; nothing if nothing was asked."""
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
        """The worst slice in two words, as ``in_brief``; a dash if nothing was asked."""
        worst = self.worst()
        return "-" if worst is None else in_brief(worst.slice, worst.right / worst.questions)

    def facts(self) -> list[str]:
        """What is to be said of all slices together, and what was left out, each in one line."""
        total, found = self.total(), [self._wrong()]
        if self.whole:
            found.insert(0, f"exact match: {cut(total.exact_match or 0, 4)} of {total.questions:,} different questions")
        if total.wrong:
            characters = f"characters right in all: {cut(total.characters_right / max(1, total.characters), 4)}"
            found.append(f"wrong length: {total.wrong_lengths:,} of {total.wrong:,} wrong answers; {characters}")
        found += [f"no answer: {self.missing:,}, which count as wrong"] * bool(self.missing)
        found += [f"questions with several answers: {self.double:,}, right if all are"] * bool(self.double)
        found += [f"answers to other questions: {self.unknown:,}, which do not count"] * bool(self.unknown)
        return found if self.rows else []

    def table(self) -> str:
        """A line per slice, in the order of the suite; of the pairs of lengths, the worst ones.

        The columns of questions that were seen in training and of the others are there if these are known.
        """
        known, lines, shown = self.knows_seen, [], self.shown()
        for row in shown:
            mistake = row.mistake.sentence() if row.mistake else ""
            if known and row.seen_in_training and row.not_seen:
                cells = [row.not_seen.in_words(), f"{row.seen_in_training.wrong:,} of {row.seen:,}"]
            else:
                cells = [row.in_words()]
            lines.append([row.slice, str(row), *cells, mistake])
        parts = ["not seen, wrong", "seen, wrong"] if known else ["wrong"]
        text = table(["slice", "right", *parts, "first wrong answer"], lines)
        if hidden := len(self.rows) - len(shown):
            text += f"\n({hidden} more slices {LENGTHS}M-N are not worse than these; a saved file holds all)"
        return text

    def text(self) -> str:
        """Everything as plain text, the worst slice last; of the pairs of lengths, the worst ones."""
        return "\n".join([self.table(), *self._mistakes_as(Table.text), "", *self.facts(), self.worst_in_words()])

    def markdown(self) -> str:
        """Everything in Markdown."""
        facts = "\n".join(f"- {fact}" for fact in [*self.facts(), self.worst_in_words()])
        return "\n\n".join([facts, Table(self.slices, SHOWN).markdown(), *self._mistakes_as(Table.markdown)]) + "\n"

    def shown(self) -> list[SliceScore]:
        """The rows that people are shown, in the order of the suite: of the pairs of lengths, the worst ones."""
        lengths = [row for row in self.rows if row.slice.startswith(LENGTHS)]
        hidden = set(sorted(lengths, key=lambda row: row.right / row.questions)[LENGTHS_SHOWN:])
        return [row for row in self.rows if row not in hidden]

    def emit(self, **about: Any) -> None:
        """Tells other programs each slice."""
        for row in self.rows:
            values = {"name" if name == "slice" else name: value for name, value in row.to_json().items()}
            events.emit("slice", **about, **values, exact_match=row.exact_match)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON holds them, without those that have their default; ``from_json`` reads them back."""
        return _to_json(self)

    @classmethod
    def from_json(cls, values: Any) -> "Scores":
        """What ``to_json`` gave; raises InputError for anything else."""
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
        """The wrong answers of all slices, apart for questions seen in training and others if known, in one line."""
        if not self.rows:
            return ""
        sums = dataclasses.replace(self, whole=None).total()
        said = sums.in_words()
        if sums.seen_in_training and sums.not_seen:
            said = f"{sums.not_seen.in_words()} not seen in training, {sums.seen_in_training.in_words()} seen"
        perfect = sum(not row.wrong for row in self.rows)
        return f"wrong: {said}; {perfect} of {len(self.rows)} slices without a mistake"

    def _mistakes_as(self, written: Any) -> list[str]:
        """The first mistakes as a table, if there are any."""
        found = Table(map(dataclasses.asdict, self.mistakes), ["question", "answer", "prediction"])
        return ["", "first mistakes", written(found)] if found else []

    def _shown(self) -> Table:
        worst_first = sorted(map(_figures, self.shown()), key=lambda row: row["exact_match"])
        return Table(worst_first, SHOWN, "\n".join([*self.facts(), self.worst_in_words()]))


SHOWN = ["slice", "questions", "exact_match", "at_least", "at_most", "wrong"]


def kind(set: str | None) -> str:
    """What stands before the word slice: nothing for the set that is meant without a name."""
    return "" if set in (None, STANDARD) else f"{set.replace('_', '-')} "


def in_brief(slice: str, exact_match: float) -> str:
    """A worst slice in two words: its name and its share of right answers, or that no slice has a mistake.

    >>> in_brief("equal", 0.2809), in_brief("random", 1.0)
    ('equal 0.280', 'each 1.000')
    """
    return f"{'each' if exact_match == 1 else slice} {cut(exact_match, 3)}"


def _rank(row: SliceScore) -> tuple[float, int]:
    return row.right / row.questions, -row.questions


def _figures(row: SliceScore) -> dict[str, Any]:
    """A row as a dict of a table, with the 95% interval of its share."""
    least, most = intervals.interval(row.right, row.questions)
    shares = {"exact_match": row.exact_match, "at_least": least, "at_most": most}
    wrong = row.mistake.sentence() if row.mistake else ""
    return {"slice": row.slice, "questions": row.questions, **shares, "wrong": wrong, "why": row.why}


def _to_json(found: Any) -> Any:
    """The fields of a dataclass that do not have their default, and those of the dataclasses within."""
    if isinstance(found, tuple):
        return [_to_json(each) for each in found]
    if not dataclasses.is_dataclass(found):
        return found
    values = ((field, getattr(found, field.name)) for field in dataclasses.fields(found))
    return {field.name: _to_json(value) for field, value in values if value != field.default}


class Row(NamedTuple):
    """A question of a suite, as people write it, and its right answer."""

    slice: str
    question: str
    answer: str


def score(rows: Sequence[Row], given: Given, why: Mapping[str, str] | None = None, **suite: Any) -> Scores:
    """Scores the answers to the questions of a suite, of which there is at least one.

    ``why`` says of slices why they are hard, and ``suite`` has the fields ``set``, ``version`` and ``size`` of
    ``SliceScore``, if they are known.
    """
    times = collections.Counter(row.question for row in rows)
    right_answers = {row.question: row.answer for row in rows}
    right = np.ones(len(times), bool)
    characters = np.fromiter(map(len, right_answers.values()), np.int64, len(times))
    equal, wrong_length = characters.copy(), np.zeros(len(times), bool)
    mistakes: dict[str, Mistake] = {}
    for number, (question, answer) in enumerate(right_answers.items()):
        answers = given.get(question) or (None,)
        said = next((each for each in answers if each != answer), answer)
        if said != answer:
            mistakes[question] = Mistake(question, answer, None if said is None else printable(said))
            right[number], equal[number] = False, equal_characters(said or "", answer)
            wrong_length[number] = said is not None and len(said) != len(answer)
    columns = {"right": right, "characters": characters, "characters_right": equal, "wrong_lengths": wrong_length}
    (of_all,) = count_slices(np.zeros(len(times), np.int64), 1, **columns)
    numbers = {question: number for number, question in enumerate(right_answers)}
    asked = np.fromiter((numbers[row.question] for row in rows), np.int64, len(rows))
    names = {name: place for place, name in enumerate(dict.fromkeys(row.slice for row in rows))}
    place = np.fromiter((names[row.slice] for row in rows), np.int64, len(rows))
    of_slices = count_slices(place, len(names), **{name: column[asked] for name, column in columns.items()})
    first = {row.slice: mistakes[row.question] for row in reversed(rows) if row.question in mistakes}
    known = why or {}
    return Scores(
        tuple(
            SliceScore(**of_slice, **suite, slice=name, why=known.get(name, ""), mistake=first.get(name))
            for name, of_slice in zip(names, of_slices, strict=True)
        ),
        whole=SliceScore(**of_all, **suite, slice="", mistake=next(iter(mistakes.values()), None)),
        mistakes=tuple(mistakes.values())[:MISTAKES],
        missing=sum(mistake.prediction is None for mistake in mistakes.values()),
        double=sum(len(given.get(question, ())) > count for question, count in times.items()),
        unknown=sum(len(answers) for question, answers in given.items() if question not in times),
    )


def count_slices(place: np.ndarray, slices: int, **columns: np.ndarray) -> list[dict[str, int]]:
    """How many questions each of so many slices has, and the sums of some figures of each question.

    ``place`` is the slice of each question, int64 [questions], and each column is bool or int64 [questions].

    >>> count_slices(np.array([0, 1, 1]), 2, right=np.array([True, False, True]))
    [{'questions': 1, 'right': 1}, {'questions': 2, 'right': 1}]
    """
    sums = {"questions": np.bincount(place, minlength=slices)}
    sums |= {name: np.bincount(place, column, slices).astype(np.int64) for name, column in columns.items()}
    return [dict(zip(sums, row, strict=True)) for row in np.stack(list(sums.values()), axis=1).tolist()]


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
