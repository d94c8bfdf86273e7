"""Curriculum learning: short strings first, and longer ones when the exact match of the short ones is high.

Bengio, Louradour, Collobert, Weston, "Curriculum Learning", ICML 2009; for the lengths of strings, Zaremba, Sutskever,
"Learning to Execute", 2014. The strings of a stage have all lengths up to that of the stage, so that the short ones are
not forgotten, and are padded to its width. A stage ends when the exact match of the last ``WINDOW`` steps is high::

    --curriculum 10:1.25, pq of at most 20 dashes

    stage     operands        characters    ends when
    0         1 ... 10        21            9 of 10 answers of steps 25, 50, 75, ... are right
    1         1 ... 13        27            the same
    2         1 ... 17        35
    3         1 ... 20        41            the training ends

The stage depends on what was learned, so it is a part of the checkpoints.
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
    """The lengths of the operands in the stages of a curriculum.

    >>> Curriculum.parse("10:1.25").lengths(20)
    (10, 13, 17, 20)

    Raises InputError if a value is out of its range.
    """

    start: int  # the maximum number of digits (dashes, letters) of an operand in the first stage
    growth: float  # the factor of that number from stage to stage; the product is rounded up

    def __post_init__(self) -> None:
        if self.start < 1 or not 1 < self.growth <= 100:
            raise InputError(
                f"curriculum is {self.start}:{self.growth:g}; give a START of at least 1 and a GROWTH over 1, up to "
                "100, such as 10:1.25"
            )

    @classmethod
    def parse(cls, text: str) -> "Curriculum":
        """The curriculum of a text START:GROWTH; raises InputError if the text has another form."""
        match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,9})?)", text) if isinstance(text, str) else None
        if not match:
            raise InputError(f"curriculum is {text!r}; give START:GROWTH, such as 10:1.25")
        return cls(int(match[1]), float(match[2]))

    def lengths(self, longest: int) -> tuple[int, ...]:
        """The length of each stage; that of the last one is ``longest``."""
        lengths = [min(self.start, longest)]
        while lengths[-1] < longest:
            lengths.append(min(longest, math.ceil(lengths[-1] * Fraction(str(self.growth)))))
        return tuple(lengths)

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
