"""A search for questions with a wrong answer, by hill climbing: it varies the questions nearest to a mistake.

A question's distance from a mistake is the *margin*, the smallest difference over the characters of the right answer
between the logit of the right character and the highest other one. It is below 0 where the answer is wrong::

    random questions  ->  ranked by margin  ->  the nearest ELITE are kept  ->  their variations  ->  ranked ...

A variation changes, inserts or deletes a piece of an operand, copies one, or prolongs a carry (``Variations``). A climb
ends with a mistake, or after PATIENCE rounds without a smaller margin; the next one begins with new random questions. A
search without a mistake proves nothing about questions that it did not evaluate.
"""

import dataclasses
import functools
import random
import string
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import sampling, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import events
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.tables import abridged, table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.config import SearchOptions
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.evaluation.answering import evaluate, mistakes
from seq2seq_arith.trainer.runs import stores
from seq2seq_arith.trainer.runs.files import write_json
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

ROUND = 1024  # questions that are evaluated together
ELITE = 64  # questions of the smallest margins, whose variations are the next round
PATIENCE = 12  # rounds
TRIES = 8  # variations per new question: many were evaluated before, or are not questions of the task
PER_CLIMB = 2  # mistakes that are kept per climb, because its others are similar

Operands = tuple[str, ...]  # of a question, as people write them
Edit = Callable[[str, int], str]  # from a piece of an operand, and its length, to what replaces it


@dataclasses.dataclass
class Searched:
    """The results of a search at one length; they grow while it runs.

    ``mistakes`` counts the wrong questions, and ``wrong`` has ``question``, ``answer``, ``prediction`` and ``margin``
    of some of them; ``nearest`` is the question with the smallest margin, and that margin.
    """

    digits: int  # the size of the task, as files call it
    asked: int = 0  # questions that were evaluated
    mistakes: int = 0
    wrong: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    nearest: dict[str, Any] | None = None

    def add(self, count: int, nearest: dict[str, Any], wrong: Sequence[dict[str, Any]], most: int) -> None:
        """Adds a round: its number of questions, the one with the smallest margin, and those with a wrong answer.

        At most ``PER_CLIMB`` of the latter are kept, and at most ``most`` of all rounds.
        """
        self.asked += count
        if self.nearest is None or nearest["margin"] < self.nearest["margin"]:
            self.nearest = nearest
        self.mistakes += len(wrong)
        self.wrong += wrong[: min(PER_CLIMB, most - len(self.wrong))]

    def sentence(self, task: Task) -> str:
        """The result in a sentence, which also says how little a search without a mistake proves."""
        where = f"search at {self.digits:,} {task.notation.unit}: "
        if self.mistakes:
            return f"{where}{self.mistakes:,} of {self.asked:,} questions are answered wrong"
        if self.nearest is None:
            return f"{where}no question was evaluated"
        nearest = f"the smallest margin is {self.nearest['margin']:.4g}, of {abridged(self.nearest['question'])}"
        result = f"{where}none of {self.asked:,} questions is answered wrong; {nearest}"
        return f"{result}; this proves nothing about other questions"


@dataclasses.dataclass
class Climb:
    """The questions of a climb that are nearest to a mistake; the next round consists of their variations.

    If there are none, a climb has just begun, and the next round has random questions.
    """

    elite: list[tuple[float, Operands]] = dataclasses.field(default_factory=list)  # by margin, the smallest first
    stale: int = 0  # rounds since the smallest margin became smaller

    def add(self, ranked: Sequence[tuple[float, Operands]], is_wrong: bool) -> None:
        """Adds the questions of a round by margin; ends the climb after a mistake, or without progress."""
        is_nearer = not self.elite or ranked[0][0] < self.elite[0][0]
        self.stale = 0 if is_nearer else self.stale + 1
        is_over = is_wrong or self.stale >= PATIENCE
        self.elite = [] if is_over else sorted([*self.elite, *ranked])[:ELITE]


def search(run: OpenRun, options: SearchOptions, lengths: Sequence[int] = ()) -> list[Searched]:
    """Searches for questions that the best model of a run answers wrong, and saves ``search.json`` in its folder.

    There is one search at the run's own D, and one at each of ``lengths``. If Ctrl-C ends the search, the results so
    far are saved and printed.

    Raises InputError if the run has no checkpoint, or its model cannot read one of the lengths; WriteError if the file
    cannot be written.
    """
    task, best_epoch = run.run.task, run.best_epoch  # before its weights are read: training may continue meanwhile
    tasks = run.run.tasks_of_sizes(lengths)
    searches: list[Searched] = []
    try:
        for size, wider in tasks.items():
            searches.append(Searched(size))
            climb(run.learner(wider), searches[-1], options)
    finally:
        if any(searched.asked for searched in searches):
            content = {"best_epoch": best_epoch, "options": dataclasses.asdict(options)}
            content |= {"searches": [dataclasses.asdict(searched) for searched in searches]}
            show(task, searches)
            if not run.run.is_pretrained:
                write_json(run.run.search, content)
            events.emit("result", path=stores.shown(run.run.search), **content)
    return searches


def show(task: Task, searches: Sequence[Searched]) -> None:
    """Prints the questions with a wrong answer, their predictions, and a sentence for each length."""
    columns = ("question", "answer", "prediction")
    for searched in searches:
        if searched.wrong:
            rows = [
                [*(abridged(mistake[name]) for name in columns), f"{mistake['margin']:.4g}"]
                for mistake in searched.wrong
            ]
            say(f"\n{table([*columns, 'margin'], rows)}\n")
        say(searched.sentence(task))


def climb(learner: Learner, searched: Searched, options: SearchOptions) -> None:
    """Searches operands up to ``searched.digits``, one climb after another, and adds the results to ``searched``."""
    task, size = learner.input_format.task, searched.digits
    variations = Variations(task, size, random.Random(f"{options.seed} {size}"))
    current, evaluated = Climb(), set[Operands]()
    end = time.monotonic() + (options.seconds or np.inf)
    with progress(f"{task.name}, search ({task.notation.size_word} {size})", options.questions, "questions") as report:
        while searched.asked < options.questions and len(searched.wrong) < options.max_found and time.monotonic() < end:
            most = min(ROUND, options.questions - searched.asked)
            new = variations.fresh([operands for _, operands in current.elite], evaluated, most)
            if not new:
                break  # all questions of the task were evaluated, or nearly all
            evaluated.update(new)
            examples = question_sets.from_stored(task, [text.stored(task, *operands) for operands in new])
            margins = learner.margins(examples)
            wrong = mistakes_of(learner, examples, margins)
            ranked = sorted(zip(margins.tolist(), new, strict=True))
            margin, operands = ranked[0]
            nearest = {"question": task.operation.symbol.join(operands), "margin": margin}
            searched.add(len(new), nearest, wrong, options.max_found)
            current.add(ranked, bool(wrong))
            report(searched.asked, f"smallest margin {(searched.nearest or nearest)['margin']:.3g}")


def mistakes_of(learner: Learner, examples: Examples, margins: np.ndarray) -> list[dict[str, Any]]:
    """The questions with a margin that is not positive and a wrong decoded answer, the smallest margin first."""
    rows = np.flatnonzero(~(margins > 0))
    rows = rows[np.argsort(margins[rows], kind="stable")]
    if not len(rows):
        return []
    result = evaluate(learner, examples[rows])
    wrong = mistakes(learner.input_format.task, result, result.wrong)
    return [
        dataclasses.asdict(mistake) | {"margin": float(margins[row])}
        for mistake, row in zip(wrong, rows[result.wrong], strict=True)
    ]


class Variations:
    """Random questions of a task up to one length, and variations of questions, of digits, letters or dashes."""

    def __init__(self, task: Task, size: int, source: random.Random) -> None:
        self.random = source
        self._notation, self._arity, self._size = task.notation, task.operation.arity, size
        self._letters = [*filter(task.notation.is_operand, string.digits + string.ascii_lowercase + "-")]
        self._most = task.notation.width(size)
        self._least = self._most if task.sampler is sampling.FIXED_LETTERS else 1
        edits: list[Edit] = [
            lambda old, count: self._some(count),
            lambda old, count: self._some(count) + old,
            lambda old, count: "",
            lambda old, count: self._some(1) * count,  # such as nines or zeros
        ]
        change, insert, delete, repeat = (functools.partial(self._edit, edit) for edit in edits)
        self._ways = [change, insert, delete, self._copy, repeat, self.random.shuffle]
        if task.notation.has_digits and self._arity > 1:
            self._ways += [self._chain, self._chain]

    def fresh(self, parents: Sequence[Operands], evaluated: set[Operands], count: int) -> list[Operands]:
        """At most ``count`` distinct questions that are not in ``evaluated``: variations of parents, or random ones."""
        new: dict[Operands, None] = {}
        for _ in range(TRIES * count):
            if len(new) == count:
                break
            operands = self._varied(list(self.random.choice(parents)), (1, 1, 2, 3)) if parents else self.start()
            if operands is not None and operands not in evaluated:
                new[operands] = None
        return list(new)

    def start(self) -> Operands | None:
        """A random question, half of them with up to three variations; None if it is not one of the task."""
        operands = [self._some(self.random.randint(self._least, self._most)) for _ in range(self._arity)]
        return self._varied(operands, (0, 0, 0, 1, 2, 3))

    def _varied(self, operands: list[str], counts: Sequence[int]) -> Operands | None:
        """The question after one of these counts of variations; None if it is then not one of the task."""
        for _ in range(self.random.choice(counts)):
            self.random.choice(self._ways)(operands)
        if self._notation.has_digits:
            operands = [operand.lstrip("0") or "0" for operand in operands]
        are_valid = all(
            self._least <= len(operand) <= self._most
            and self._notation.is_operand(operand)
            and self._notation.allows(self._size, operand)
            for operand in operands
        )
        return tuple(operands) if are_valid else None

    def _some(self, count: int) -> str:
        return "".join(self.random.choices(self._letters, k=count))

    def _side(self) -> int:
        return self.random.randrange(self._arity)

    def _span(self, operand: str) -> slice:
        """A piece of an operand, most often a short one."""
        count = 1 + int(len(operand) * self.random.random() ** 3)
        first = self.random.randint(0, max(0, len(operand) - count))
        return slice(first, first + count)

    def _put(self, side: int, operands: list[str], span: slice, piece: str) -> None:
        operands[side] = operands[side][: span.start] + piece + operands[side][span.stop :]

    def _edit(self, edit: Edit, operands: list[str]) -> None:
        """Replaces a piece of an operand."""
        side = self._side()
        span = self._span(operands[side])
        self._put(side, operands, span, edit(operands[side][span], span.stop - span.start))

    def _copy(self, operands: list[str]) -> None:
        """Copies an operand, or a piece of it, over the same or another operand."""
        source, side = operands[self._side()], self._side()
        if self.random.random() < 0.25:
            operands[side] = source
            return
        piece, span = self._span(source), self._span(operands[side])
        if self.random.random() < 0.5:
            span = piece  # at the same position
        self._put(side, operands, span, source[piece])

    def _chain(self, operands: list[str]) -> None:
        """Changes digits of one number to match those of another, so that a carry or a borrow propagates."""
        left, right = self.random.sample(range(self._arity), 2)
        width = max(len(operands[left]), len(operands[right]))
        source, operands[right] = operands[left].zfill(width), operands[right].zfill(width)
        span, adds = self._span(source), self.random.random() < 0.5
        self._put(right, operands, span, "".join(str(9 - int(digit)) if adds else digit for digit in source[span]))
