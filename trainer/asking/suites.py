"""A model's results on its task's suite of hard questions: each slice, and the worst one.

>>> def result(name, *counts):
...     return SliceResult(name, "", Share(*counts), None, None, None)
>>> worst([result("random", 1000, 1000), result("equal", 1000, 280), result("zero", 10, 3)]).name
'equal'
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import numbers, suites
from seq2seq_arith.arithmetic.scoring import LENGTHS, LENGTHS_SHOWN, equal_characters
from seq2seq_arith.arithmetic.suites import DEFAULT, STANDARD, UNFORESEEN, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import in_words
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.tables import cut, table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.asking.answering import Mistake, ask, mistakes
from seq2seq_arith.trainer.data import probes
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.learner import Learner

# So many characters of questions are asked at once, so that long questions fit into memory.
CHARACTERS = 1 << 24


@dataclasses.dataclass(frozen=True)
class Share:
    """How many of some questions were answered right."""

    count: int
    right: int

    @classmethod
    def of(cls, exact: np.ndarray) -> "Share":
        """The share of a bool [questions]."""
        return cls(len(exact), int(np.count_nonzero(exact)))

    @property
    def exact_match(self) -> float | None:
        """The share that is right; None if there are no questions."""
        return self.right / self.count if self.count else None

    def in_words(self) -> str:
        """How many are wrong, and the bound on their rate."""
        return in_words(self.count - self.right, self.count)

    def __str__(self) -> str:
        """Three decimals, cut off and not rounded, so that 1.000 means all.

        >>> print(Share(10_000, 9_999), Share(3, 3), Share(0, 0))
        0.999 1.000 -
        """
        return "-" if self.exact_match is None else cut(self.exact_match, 3)

    def to_json(self) -> dict[str, Any]:
        return {"questions": self.count, "exact_match": self.exact_match}


@dataclasses.dataclass(frozen=True)
class SliceResult:
    """A model's result on one slice: over all questions, and over those seen in training and the others, if known.

    ``name`` and ``why`` are those of the suite's ``Slice``; ``wrong`` is the first question that was answered wrong.
    """

    name: str
    why: str
    all: Share
    seen: Share | None
    unseen: Share | None
    wrong: Mistake | None

    def to_json(self) -> dict[str, Any]:
        """The result as JSON holds it; what is not known is null."""
        return {
            "name": self.name,
            "why": self.why,
            **self.all.to_json(),
            "seen_in_training": self.seen and self.seen.to_json(),
            "not_seen": self.unseen and self.unseen.to_json(),
            "wrong_example": self.wrong and dataclasses.asdict(self.wrong),
        }


@dataclasses.dataclass(frozen=True)
class SuiteResult:
    """A model's results on a suite: a slice result per slice that has questions; none for a task without a suite."""

    task: Task
    digits: int
    chosen: SuiteOptions
    slices: tuple[SliceResult, ...]
    characters_right: float = 1.0  # the share of the characters of all answers, at their places counted from the end
    wrong_lengths: int = 0  # answers that are too long or too short

    @property
    def worst(self) -> SliceResult | None:
        """The worst slice; None if there are no slices."""
        return worst(self.slices)

    @property
    def total(self) -> Share:
        """All slices together; a question that stands in several of them counts in each."""
        return _sum(each.all for each in self.slices)

    def wrong_in_words(self) -> str:
        """The wrong answers of all slices, apart for questions seen in training and others if known, in one line."""
        seen, unseen = (_sum(getattr(each, part) for each in self.slices) for part in ("seen", "unseen"))
        known = bool(self.slices) and self.slices[0].seen is not None
        apart = f"{unseen.in_words()} not seen in training, {seen.in_words()} seen" if known else self.total.in_words()
        perfect = sum(each.all.right == each.all.count for each in self.slices)
        return f"wrong: {apart}; {perfect} of {len(self.slices)} slices without a mistake"

    def failures_in_words(self) -> str:
        """How far the wrong answers are from the right ones, in one line; nothing if there are none."""
        wrong = self.total.count - self.total.right
        lengths = f"wrong length: {self.wrong_lengths:,} of {wrong:,} wrong answers"
        return f"{lengths}; characters right in all: {cut(self.characters_right, 4)}" if wrong else ""

    @property
    def version(self) -> int:
        """That of its slices: the newest that was asked for, if this suite has changed in it."""
        return suites.version(self.task.operation.slices(self.chosen.set, self.digits, self.chosen.version))

    @property
    def kind(self) -> str:
        """What stands before the word slice: nothing for the set that is meant without a name."""
        return "" if self.chosen.set == STANDARD else f"{self.chosen.set} "

    def worst_in_words(self) -> str:
        """The worst slice with its score and a mistake, in one line; or that there is none."""
        least, head = self.worst, f"worst {self.kind}slice"
        if least is None:
            return no_suite(self.task, self.chosen.set)
        if least.wrong is None:
            return f"{head}: each of the {len(self.slices)} slices has 1.000 ({self.total.count:,} questions)"
        return f"{head}: {least.name}, {least.all} of {least.all.count:,}: {least.wrong.sentence(self.task)}"

    def to_json(self) -> dict[str, Any]:
        """The results as JSON holds them, the worst slice last."""
        return {
            "version": self.version,
            "set": self.chosen.set,
            "task": self.task.name,
            "digits": self.digits,
            "per_slice": self.chosen.per_slice,
            "seed": self.chosen.seed,
            "questions": self.total.count,
            "characters_right": self.characters_right,
            "wrong_lengths": self.wrong_lengths,
            "slices": [each.to_json() for each in self.slices],
            "worst": self.worst and self.worst.to_json(),
        }


def _sum(shares: Iterable[Share | None]) -> Share:
    found = [each for each in shares if each is not None]
    return Share(sum(each.count for each in found), sum(each.right for each in found))


def no_suite(task: Task, set: str = STANDARD) -> str:
    """Says of a task without a suite, or without a set of it, that no such questions were asked."""
    if set == STANDARD:
        return f"{task.name} has no suite, so no hard questions were asked"
    return f"{task.name} has no {set} slices, so none were asked"


def of_set(results: Sequence[SuiteResult], set: str) -> list[SuiteResult]:
    """Those of one set, in order."""
    return [each for each in results if each.chosen.set == set]


def worst(slices: Sequence[SliceResult]) -> SliceResult | None:
    """The slice with the least exact match, of equals the one with more questions, then the first; None of none."""
    return min(slices, key=lambda each: (each.all.right / each.all.count, -each.all.count), default=None)


def ask_run(
    run: Run,
    chosen: SuiteOptions = DEFAULT,
    *,
    lengths: Sequence[int] = (),
    sets: Sequence[str] = (STANDARD,),
    trained: probes.Known | None = None,
    replicas: int | None = None,
    learner: Learner | None = None,
) -> list[SuiteResult]:
    """Asks the best model of a run its task's suite, at the D that it was trained on and at further ones.

    ``sets`` are asked one after another at each D. ``trained`` is the training set, None if it is not known;
    ``learner`` the best model on the run's own task, if the caller has it already.
    """
    longer = {size: run.task_of_length(size) for size in lengths if size != run.task.digits}
    own = learner or session.restore(run, replicas=replicas)
    each_set = [dataclasses.replace(chosen, set=each) for each in sets]
    results = [ask_suite(own, each, trained=trained) for each in each_set]
    for size, task in longer.items():
        roomy = own if task == run.task else session.restore(run, task, replicas)
        results += [ask_suite(roomy, each, digits=size, trained=trained) for each in each_set]
    for result in results:
        about = {"task": result.task.name, "digits": result.digits, "set": result.chosen.set}
        for each in result.slices:
            events.emit("slice", **about, name=each.name, **each.all.to_json())
    return results


def ask_epochs(
    run: Run, chosen: SuiteOptions = DEFAULT, lengths: Sequence[int] = (), replicas: int | None = None
) -> list[dict[str, Any]]:
    """The suite, asked of the weights of every kept epoch, at the run's own D and at further ones.

    Returns a dict per epoch and D: ``epoch``, ``digits``, ``questions``, the ``exact_match`` of all of them, and that
    of the worst slice, ``worst``, with its name, ``worst_slice``.
    """
    if not run.task.operation.slices(STANDARD, run.task.digits):
        raise InputError(f"{no_suite(run.task)}; leave --every-epoch out")
    if not run.kept_epochs:
        raise InputError(f"{run.place} has the weights of its best epoch alone; train with --keep-epochs")
    rows = []
    for size in dict.fromkeys([run.task.digits, *lengths]):
        task = run.task if size == run.task.digits else run.task_of_length(size)
        learner = session.restore(run, task, replicas)
        for epoch in run.kept_epochs:
            path = run.of_epoch(epoch)
            checkpoints.assign(learner.model.variables, checkpoints.load(path)[0], path)
            found = ask_suite(learner, chosen, digits=size)
            assert found.worst
            about = {"epoch": epoch, "digits": size, **found.total.to_json()}
            rows.append(about | {"worst": found.worst.all.exact_match, "worst_slice": found.worst.name})
    return sorted(rows, key=lambda row: row["epoch"])


def ask_suite(
    learner: Learner,
    chosen: SuiteOptions = DEFAULT,
    *,
    digits: int | None = None,
    trained: probes.Known | None = None,
) -> SuiteResult:
    """Asks a model, on strings with room for the questions, its task's suite at this D; None for the task's own."""
    task = learner.view.task
    size = digits or task.digits
    drawn, operands, place = questions(task, chosen, size)
    empty = SuiteResult(task, size, chosen, ())
    if not drawn:
        return empty
    title = f"{task.name}, {empty.kind}suite ({task.notation.size_word} {size})"
    exact, wrong, spelled = _answered(learner, operands, place, title)
    seen = None if trained is None else trained.has(operands)
    slices = []
    for index, each in enumerate(drawn):
        rows = place == index
        split = (None, None) if seen is None else (Share.of(exact[rows & seen]), Share.of(exact[rows & ~seen]))
        slices.append(SliceResult(each.name, each.why, Share.of(exact[rows]), *split, wrong.get(index)))
    return SuiteResult(task, size, chosen, tuple(slices), *spelled)


def questions(task: Task, chosen: SuiteOptions, size: int) -> tuple[list[suites.Slice], probes.Operands, np.ndarray]:
    """The slices of a suite at this D that have questions, the operands of all, and the slice of each, [questions]."""
    drawn = [
        (each, pairs)
        for each in task.operation.slices(chosen.set, size, chosen.version)
        if (pairs := suites.pairs(task.name, size, each, chosen.seed, chosen.per_slice))
    ]
    words, every = task.notation.words(task.digits), [pair for _, pairs in drawn for pair in pairs]
    operands = tuple(numbers.from_ints(side, words) for side in zip(*every, strict=True))
    return [each for each, _ in drawn], operands, np.repeat(np.arange(len(drawn)), [len(pairs) for _, pairs in drawn])


def _answered(
    learner: Learner, operands: probes.Operands, place: np.ndarray, title: str
) -> tuple[np.ndarray, dict[int, Mistake], tuple[float, int]]:
    """Which answers are right, bool [questions], and the first mistake in each slice that has one.

    Also the share of right characters, and how many answers have a wrong length.

    The questions are asked all together, some million characters at a time, because a call has a cost of its own.
    """
    task, total = learner.view.task, len(place)
    rows_per_call = learner.rows_per_call(total)
    size = rows_per_call * max(1, CHARACTERS // task.question_width // rows_per_call)
    parts: list[np.ndarray] = []
    wrong: dict[int, Mistake] = {}
    characters = missed = lengths = 0
    with progress(title, total, "questions") as report_progress:
        for start in range(0, total, size):
            rows = slice(start, start + size)
            examples = probes.examples(task, tuple(side[:, rows] for side in operands))
            result = ask(learner, examples, lambda done, start=start: report_progress(start + done))
            parts.append(result.exact)
            misses = np.flatnonzero(~result.exact)
            indices, first = np.unique(place[rows][misses], return_index=True)
            found = mistakes(task, result, misses[first])
            wrong = dict(zip(indices.tolist(), found, strict=True)) | wrong
            characters += np.count_nonzero(examples.answers != ord(" "))
            said, right = (map(str.strip, to_strings(codes[misses])) for codes in (result.predicted, examples.answers))
            for pair in zip(said, right, strict=True):
                missed += len(pair[1]) - equal_characters(*pair)
                lengths += len(pair[0]) != len(pair[1])
    return np.concatenate(parts), wrong, (1 - missed / characters, lengths)


def show_suites(suites: Sequence[SuiteResult]) -> None:
    """Prints a table of the slices of each suite; of the pairs of lengths, the worst ones."""
    for result in suites:
        if result.slices:
            drawn = f"up to {result.chosen.per_slice:,} per slice, seed {result.chosen.seed}, version {result.version}"
            head = f"\n{result.kind}suite of {result.task.name} at {size(result)}"
            say(f"{head}: {result.total.count:,} questions, {drawn}")
            say(slice_table(result))
            if hidden := len(result.slices) - len(shown(result.slices)):
                say(f"({hidden} more slices lengths-M-N are not worse than these; the saved file holds all)")
            say("\n".join(filter(None, [result.wrong_in_words(), result.failures_in_words()])))


def show_worst(suites: Sequence[SuiteResult]) -> None:
    """Prints the worst slice of each suite, first of the unforeseen sets: what figures mean stands last."""
    unforeseen, standard = of_set(suites, UNFORESEEN), of_set(suites, STANDARD)
    for result in [*(each for each in unforeseen if each.slices), *standard]:
        say(f"at {size(result)}, {result.worst_in_words()}" if len(standard) > 1 else result.worst_in_words())


def size(result: SuiteResult) -> str:
    """The D of a suite in words."""
    return f"{result.digits:,} {result.task.notation.unit}"


def shown(slices: Sequence[SliceResult]) -> list[SliceResult]:
    """The slices that are printed, in the order of the suite."""
    lengths = [each for each in slices if each.name.startswith(LENGTHS)]
    hidden = sorted(lengths, key=lambda each: each.all.right / each.all.count)[LENGTHS_SHOWN:]
    return [each for each in slices if each not in hidden]


def slice_table(result: SuiteResult) -> str:
    """One row per slice; the columns of seen and unseen questions are left out where they are not known."""
    rows = []
    for each in shown(result.slices):
        seen = [f"{each.seen.count - each.seen.right:,} of {each.seen.count:,}"] if each.seen else []
        apart = [(each.unseen or each.all).in_words(), *seen]
        rows.append([each.name, str(each.all), *apart, each.wrong.sentence(result.task) if each.wrong else ""])
    known = ["not seen, wrong", "seen, wrong"] if result.slices[0].seen is not None else ["wrong"]
    return table(["slice", "right", *known, "first wrong answer"], rows)
