"""Curricula: short strings first, and longer ones when the short ones are right.

Bengio, Louradour, Collobert, Weston, "Curriculum Learning", ICML 2009; for the lengths of strings, Zaremba, Sutskever,
"Learning to Execute", 2014. The strings of a stage have every length up to that of the stage, so that the short ones
stay known, and are padded to its width. A stage ends when the answers of the last ``WINDOW`` steps were right::

    --curriculum 10:1.25, pq of at most 20 dashes

    stage     operands        characters    ends when
    0         1 ... 10        21            9 of 10 answers of steps 25, 50, 75, ... are right
    1         1 ... 13        27            the same
    2         1 ... 17        35
    3         1 ... 20        41            the training ends

A stage depends on what was learned, so where a run stands in its curriculum is a part of its checkpoints.
"""

import dataclasses
import math
import re
from fractions import Fraction

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError

WINDOW = 25  # steps; stages end only at multiples of it, so that they do not depend on the steps per call
RIGHT = 0.9  # the mean exact match of the batches of a window that ends a stage


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """How long the operands are at first, and how much longer they become.

    >>> Curriculum.parse("10:1.25").lengths(20)
    (10, 13, 17, 20)

    Raises InputError if a value is out of its range.
    """

    start: int  # the most digits (or dashes, or letters) of an operand in the first stage
    growth: float  # by how much that is multiplied from stage to stage; what comes out is rounded up

    def __post_init__(self) -> None:
        if self.start < 1 or not 1 < self.growth <= 100:
            raise InputError(
                f"curriculum is {self.start}:{self.growth:g}; give a START of at least 1 and a GROWTH over 1, up to "
                "100, such as 10:1.25"
            )

    @classmethod
    def parse(cls, text: str) -> "Curriculum":
        """The curriculum that is written as START:GROWTH; raises InputError if it is not written so."""
        match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,9})?)", text) if isinstance(text, str) else None
        if not match:
            raise InputError(f"curriculum is {text!r}; give START:GROWTH, such as 10:1.25")
        return cls(int(match[1]), float(match[2]))

    def lengths(self, longest: int) -> tuple[int, ...]:
        """The length of each stage; that of the last one is ``longest``."""
        found = [min(self.start, longest)]
        while found[-1] < longest:
            found.append(min(longest, math.ceil(found[-1] * Fraction(str(self.growth)))))
        return tuple(found)

    def check(self, task: Task) -> None:
        """Raises InputError unless the task has strings of these lengths."""
        notation = task.notation
        if not notation.has_lengths:
            raise InputError(f"a curriculum begins with short strings, and {task.name} has one length; leave it out")
        least = task.operation.min_size
        if not least <= self.start < task.size:
            raise InputError(
                f"the curriculum begins with {self.start:,} {notation.unit}, and {task.config_name} has "
                f"{task.size:,}; give a START from {least} to {task.size - 1:,}, or leave it out"
            )
