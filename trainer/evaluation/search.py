"""Looks for wrong questions by climbing: it goes on from those that are nearest to a mistake.

How near is the *margin*, the smallest difference over the characters of the right answer between the logit of the
right character and the highest other one. It is below 0 where the answer is wrong::

    random questions  ->  asked, by margin  ->  the nearest ELITE are kept  ->  their variations  ->  asked ...

A variation changes, inserts or deletes a piece of an operand, copies one, or makes a carry pass on (``Variations``).
A climb ends with a mistake, or when PATIENCE rounds brought none nearer; the next begins with other random questions. A
search that finds nothing says nothing of what it did not ask.
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
from seq2seq_arith.trainer.evaluation.answering import ask, mistakes
from seq2seq_arith.trainer.runs import stores
from seq2seq_arith.trainer.runs.files import write_json
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

ROUND = 1024  # questions that are asked together
ELITE = 64  # of which the next questions are variations
PATIENCE = 12  # rounds
TRIES = 8  # variations per question that is wanted: many are known already, or no question of the task
PER_CLIMB = 2  # mistakes of a climb that are kept, for its others are much like them

Operands = tuple[str, ...]  # of a question, as people write them
Edit = Callable[[str, int], str]  # from a piece of an operand, and its length, to what stands there instead


@dataclasses.dataclass
class Searched:
    """What a search at one length has found so far; it grows while it runs.

    ``mistakes`` counts the wrong questions, and ``wrong`` has ``question``, ``answer``, ``prediction`` and ``margin``
    of some of them; ``nearest`` is the question with the smallest margin, and that margin.
    """

    digits: int  # the size of the task, as files call it
    asked: int = 0
    mistakes: int = 0
    wrong: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    nearest: dict[str, Any] | None = None

    def add(self, asked: int, nearest: dict[str, Any], wrong: Sequence[dict[str, Any]], most: int) -> None:
        """Adds a round: how many questions it had, the one with the smallest margin, and those that are wrong.

        At most ``PER_CLIMB`` of these are kept, and never more than ``most`` of all rounds.
        """
        self.asked += asked
        if self.nearest is None or nearest["margin"] < self.nearest["margin"]:
            self.nearest = nearest
        self.mistakes += len(wrong)
        self.wrong += wrong[: min(PER_CLIMB, most - len(self.wrong))]

    def sentence(self, task: Task) -> str:
        """What was found, and what was not."""
        where = f"search at {self.digits:,} {task.notation.unit}: "
        if self.mistakes:
            return f"{where}{self.mistakes:,} of {self.asked:,} questions are answered wrong"
        if self.nearest is None:
            return f"{where}nothing was asked"
        nearest = f"the smallest margin is {self.nearest['margin']:.4g}, of {abridged(self.nearest['question'])}"
        return f"{where}none of {self.asked:,} questions is answered wrong; {nearest}; others were not asked"


@dataclasses.dataclass
class Climb:
    """The questions of a climb that are nearest to a mistake, of which the next ones are variations.

    Without any, the next round asks random questions: a climb has just begun.
    """

    elite: list[tuple[float, Operands]] = dataclasses.field(default_factory=list)  # by margin, the smallest first
    stale: int = 0  # rounds since one of a smaller margin was found

    def add(self, ranked: Sequence[tuple[float, Operands]], is_wrong: bool) -> None:
        """Adds the questions of a round, by margin; the climb is over if one is wrong, or none was nearer for long."""
        is_nearer = not self.elite or ranked[0][0] < self.elite[0][0]
        self.stale = 0 if is_nearer else self.stale + 1
        is_over = is_wrong or self.stale >= PATIENCE
        self.elite = [] if is_over else sorted([*self.elite, *ranked])[:ELITE]


def search(run: OpenRun, options: SearchOptions, lengths: Sequence[int] = ()) -> list[Searched]:
    """Looks for questions that the best model of a run answers wrong, and saves ``search.json`` in its folder.

    There is a search for the run's own D, and one for each further one in ``lengths``. What was found is saved and
    printed also if Ctrl-C ends the search.

    Raises InputError if the run has no checkpoint, or its model cannot read one of the lengths; WriteError if the file
    cannot be written.
    """
    task, best_epoch = run.run.task, run.best_epoch  # before its weights are read: a training may go on meanwhile
    tasks = run.run.tasks_of_sizes(lengths)
    found: list[Searched] = []
    try:
        for size, wider in tasks.items():
            found.append(Searched(size))
            climb(run.learner(wider), found[-1], options)
    finally:
        if any(each.asked for each in found):
            content = {"best_epoch": best_epoch, "options": dataclasses.asdict(options)}
            content |= {"searches": [dataclasses.asdict(each) for each in found]}
            show(task, found)
            if not run.run.is_shipped:
                write_json(run.run.search, content)
            events.emit("result", path=stores.shown(run.run.search), **content)
    return found


def show(task: Task, found: Sequence[Searched]) -> None:
    """Prints the wrong questions with the answers that were given, and a sentence for each length."""
    columns = ("question", "answer", "prediction")
    for each in found:
        if each.wrong:
            rows = [[*(abridged(one[name]) for name in columns), f"{one['margin']:.4g}"] for one in each.wrong]
            say(f"\n{table([*columns, 'margin'], rows)}\n")
        say(each.sentence(task))


def climb(learner: Learner, found: Searched, options: SearchOptions) -> None:
    """Searches operands of at most ``found.digits``, one climb after another, and adds to ``found`` what it finds."""
    task, size = learner.input_format.task, found.digits
    variations = Variations(task, size, random.Random(f"{options.seed} {size}"))
    current, asked = Climb(), set[Operands]()
    end = time.monotonic() + (options.seconds or np.inf)
    with progress(f"{task.name}, search ({task.notation.size_word} {size})", options.questions, "questions") as report:
        while found.asked < options.questions and len(found.wrong) < options.max_found and time.monotonic() < end:
            most = min(ROUND, options.questions - found.asked)
            new = variations.fresh([operands for _, operands in current.elite], asked, most)
            if not new:
                break  # all that there is, or nearly all
            asked.update(new)
            examples = question_sets.asked(task, [text.stored(task, *operands) for operands in new])
            margins = learner.margins(examples)
            wrong = mistakes_of(learner, examples, margins)
            ranked = sorted(zip(margins.tolist(), new, strict=True))
            margin, operands = ranked[0]
            nearest = {"question": task.operation.symbol.join(operands), "margin": margin}
            found.add(len(new), nearest, wrong, options.max_found)
            current.add(ranked, bool(wrong))
            report(found.asked, f"smallest margin {(found.nearest or nearest)['margin']:.3g}")


def mistakes_of(learner: Learner, examples: Examples, margins: np.ndarray) -> list[dict[str, Any]]:
    """The questions without a margin whose answers are wrong as they are written, the most wrong first."""
    rows = np.flatnonzero(~(margins > 0))
    rows = rows[np.argsort(margins[rows], kind="stable")]
    if not len(rows):
        return []
    result = ask(learner, examples[rows])
    found = mistakes(learner.input_format.task, result, result.wrong)
    return [
        dataclasses.asdict(each) | {"margin": float(margins[row])}
        for each, row in zip(found, rows[result.wrong], strict=True)
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
        change, insert, delete, repeat = (functools.partial(self._edit, each) for each in edits)
        self._ways = [change, insert, delete, self._copy, repeat, self.random.shuffle]
        if task.notation.has_digits and self._arity > 1:
            self._ways += [self._chain, self._chain]

    def fresh(self, parents: Sequence[Operands], asked: set[Operands], count: int) -> list[Operands]:
        """At most so many different questions that were not asked yet: variations, or without parents random ones."""
        new: dict[Operands, None] = {}
        for _ in range(TRIES * count):
            if len(new) == count:
                break
            operands = self._varied(list(self.random.choice(parents)), (1, 1, 2, 3)) if parents else self.start()
            if operands is not None and operands not in asked:
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
            operands = [each.lstrip("0") or "0" for each in operands]
        are_right = all(
            self._least <= len(each) <= self._most
            and self._notation.is_operand(each)
            and self._notation.allows(self._size, each)
            for each in operands
        )
        return tuple(operands) if are_right else None

    def _some(self, count: int) -> str:
        return "".join(self.random.choices(self._letters, k=count))

    def _side(self) -> int:
        return self.random.randrange(self._arity)

    def _run(self, operand: str) -> slice:
        """A piece of an operand, most often a short one."""
        count = 1 + int(len(operand) * self.random.random() ** 3)
        first = self.random.randint(0, max(0, len(operand) - count))
        return slice(first, first + count)

    def _put(self, side: int, operands: list[str], place: slice, piece: str) -> None:
        operands[side] = operands[side][: place.start] + piece + operands[side][place.stop :]

    def _edit(self, edit: Edit, operands: list[str]) -> None:
        """Puts something in the place of a piece of an operand."""
        side = self._side()
        place = self._run(operands[side])
        self._put(side, operands, place, edit(operands[side][place], place.stop - place.start))

    def _copy(self, operands: list[str]) -> None:
        """A piece of an operand, or all of it, over as much of the same or another one."""
        source, side = operands[self._side()], self._side()
        if self.random.random() < 0.25:
            operands[side] = source
            return
        piece, place = self._run(source), self._run(operands[side])
        if self.random.random() < 0.5:
            place = piece  # at the same place
        self._put(side, operands, place, source[piece])

    def _chain(self, operands: list[str]) -> None:
        """Digits of one number as those of another want them, so that a carry or a borrow passes on."""
        left, right = self.random.sample(range(self._arity), 2)
        width = max(len(operands[left]), len(operands[right]))
        source, operands[right] = operands[left].zfill(width), operands[right].zfill(width)
        place, adds = self._run(source), self.random.random() < 0.5
        self._put(right, operands, place, "".join(str(9 - int(each)) if adds else each for each in source[place]))
