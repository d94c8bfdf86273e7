"""The tasks: what is asked, how it is written, and the parameters that make one dataset out of a task.

To add a task, add an entry to ``OPERATIONS``.
"""

import dataclasses
import difflib
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from seq2seq_arith.pipelines.errors import InputError

VERSION = "1.0.0"
MIN_EXAMPLES = 10
MAX_SEED = 2**64 - 1
PAD = " "

Solve = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """What makes one task differ from another; D stands for the number of digits (or dashes).

    Attributes:
      symbol: The character between the operands.
      notation: ``decimal`` writes an operand in base ten, ``dashes`` as that many dashes.
      answer_prefix: What an answer begins with.
      alphabet: Every character that a padded question or answer may hold, each once.
      solve: (left, right), two int64 arrays of one shape, to the int64 answers.
      max_digits: The largest D for which every answer fits into int64.
      question_width, answer_width: D to the padded width in characters.
      digits, num_examples, reverse, ordered: The defaults of the task.
    """

    symbol: str
    notation: Literal["decimal", "dashes"]
    answer_prefix: str = ""
    alphabet: str
    solve: Solve
    max_digits: int
    question_width: Callable[[int], int]
    answer_width: Callable[[int], int]
    digits: int
    num_examples: int
    reverse: bool = False
    ordered: bool = False


OPERATIONS: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "addition": Operation(
            symbol="+",
            notation="decimal",
            alphabet="0123456789+ ",
            solve=np.add,
            max_digits=18,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: digits + 1,
            digits=3,
            num_examples=50_000,
            reverse=True,
        ),
        "subtraction": Operation(
            symbol="-",
            notation="decimal",
            alphabet="0123456789+- ",
            solve=np.subtract,
            max_digits=18,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: digits + 1,
            digits=5,
            num_examples=50_000,
        ),
        "multiplication": Operation(
            symbol="*",
            notation="decimal",
            alphabet="0123456789* ",
            solve=np.multiply,
            max_digits=9,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: 2 * digits,
            digits=3,
            num_examples=50_000,
        ),
        # Hofstadter, "Gödel, Escher, Bach", chapter II: --p---q----- says that 2 plus 3 equals 5.
        "pq": Operation(
            symbol="p",
            notation="dashes",
            answer_prefix="q",
            alphabet="-pq ",
            solve=np.add,
            max_digits=100_000,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: 2 * digits + 1,
            digits=1000,
            num_examples=50_000,
        ),
    }
)
DEFAULT_TASK = "addition"


@dataclasses.dataclass(frozen=True)
class Task:
    """The parameters of one dataset; the dataset is a pure function of them.

    A field that is None takes the default of the operation, so ``Task("addition")`` is the notebook's set.

    Attributes:
      name: A key of ``OPERATIONS``.
      digits: The most digits (for pq: dashes) of an operand, D.
      num_examples: How many examples the dataset has, train and validation together, N.
      seed: 0 to 2^64 - 1.
      reverse: Whether the padded question is stored from its last character to its first.
      ordered: Whether a+b and b+a are two keys; by default they are one.

    Raises:
      InputError: A value is of the wrong kind or out of its range.
    """

    name: str = DEFAULT_TASK
    digits: int = None  # type: ignore[assignment]
    num_examples: int = None  # type: ignore[assignment]
    seed: int = 0
    reverse: bool = None  # type: ignore[assignment]
    ordered: bool = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in OPERATIONS:
            raise InputError(_unknown_task(self.name))
        for field in ("digits", "num_examples", "reverse", "ordered"):
            if getattr(self, field) is None:
                object.__setattr__(self, field, getattr(self.operation, field))
        for field, low, high in (
            ("digits", 1, self.operation.max_digits),
            ("num_examples", MIN_EXAMPLES, None),
            ("seed", 0, MAX_SEED),
        ):
            object.__setattr__(self, field, _checked_int(field, getattr(self, field), low, high))
        for field in ("reverse", "ordered"):
            if not isinstance(getattr(self, field), bool):
                raise InputError(f"{field} is {getattr(self, field)!r}; give True or False")

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.name]

    @property
    def question_width(self) -> int:
        """Characters of a stored question."""
        return self.operation.question_width(self.digits)

    @property
    def answer_width(self) -> int:
        """Characters of a stored answer."""
        return self.operation.answer_width(self.digits)

    @property
    def alphabet(self) -> str:
        """Every character that a stored string may hold, in code point order."""
        return "".join(sorted(self.operation.alphabet))

    @property
    def num_validation(self) -> int:
        return self.num_examples // 10

    @property
    def num_train(self) -> int:
        return self.num_examples - self.num_validation

    @property
    def config_name(self) -> str:
        """The dataset's config: the task, and what differs from its defaults (``addition-d5-s1-plain``)."""
        default = self.operation
        differences = (
            (self.digits != default.digits, f"d{self.digits}"),
            (self.num_examples != default.num_examples, f"n{self.num_examples}"),
            (self.seed != 0, f"s{self.seed}"),
            (self.ordered != default.ordered, "ordered" if self.ordered else "unordered"),
            (self.reverse != default.reverse, "reversed" if self.reverse else "plain"),
        )
        return "-".join([self.name, *(text for differs, text in differences if differs)])

    def parameters(self) -> dict[str, Any]:
        """The six parameters as JSON holds them; ``Task.from_parameters`` is the inverse."""
        return {"task": self.name} | {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "name"
        }

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> "Task":
        """The task whose ``parameters()`` these are.

        Raises:
          InputError: A parameter is missing, unknown or out of range.
        """
        names = {"task", *(field.name for field in dataclasses.fields(cls))} - {"name"}
        if not isinstance(parameters, dict) or set(parameters) != names or None in parameters.values():
            raise InputError(f"the parameters are {parameters!r}; they must be exactly {sorted(names)}")
        values = dict(parameters)
        return cls(name=values.pop("task"), **values)


def _checked_int(field: str, value: Any, low: int, high: int | None) -> int:
    allowed = f"at least {low}" if high is None else f"from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise InputError(f"{field} is {value!r}; give a whole number {allowed}")
    if high is not None and value > high:
        raise InputError(f"{field} is {value!r}; give a whole number {allowed}")
    return int(value)


def _unknown_task(name: Any) -> str:
    near = difflib.get_close_matches(str(name), OPERATIONS, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no task {name!r}, only {', '.join(OPERATIONS)}{hint}"
