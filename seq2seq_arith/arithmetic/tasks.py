"""The tasks: what is asked, how it is written, and the parameters that make one dataset out of a task.

To add a task, add an entry to ``OPERATIONS``: everything that belongs to the task stands in it. A task of one's own can
also be in a file, as ``own_tasks/registry.py`` describes.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import breakdowns, drawing, numbers, slices
from seq2seq_arith.arithmetic.drawing import Drawing
from seq2seq_arith.arithmetic.notation import DASHES, DECIMAL, RESIDUES, Notation, Solved
from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.arithmetic.suites import Slice
from seq2seq_arith.base import options
from seq2seq_arith.base.errors import InputError

VERSION = "1.0.0"
MIN_EXAMPLES = 10
MAX_SEED = 2**64 - 1

# Always part of a dataset's metadata.
PARAMETERS = ("task", "digits", "num_examples", "seed", "reverse", "ordered")
ORDINALS = {2: "half", 10: "tenth"}

# How the name of a dataset tells a parameter that is not the default, in this order: a letter before a number, a word
# for each value, or the value itself.
NAME_PARTS: Mapping[str, str | Mapping[Any, str]] = MappingProxyType(
    {
        "digits": "d",
        "num_examples": "n",
        "seed": "s",
        "ordered": {True: "ordered", False: "unordered"},
        "reverse": {True: "reversed", False: "plain"},
        "draws": {},
        "num_validation": "v",
    }
)

Solve = Callable[..., Solved]
Group = Callable[..., np.ndarray]

DECIMAL_DRAWS: Mapping[str, Drawing] = MappingProxyType({"digits": drawing.DIGITS, "value": drawing.VALUE})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """Everything in which one task differs from another; D stands for the number of digits (or dashes, or the modulus).

    Attributes:
      arity: How many operands a question has.
      symbol: The character between the operands; empty if there is one operand alone.
      notation: How operands are written, read and measured.
      draws: How operands can be drawn, by name; the first is the default.
      answer_prefix: What an answer begins with.
      alphabet: Every character that a padded question or answer may hold, each once.
      solve: (D, left, right), or as many operands as a question has, to the answers; the operands are uint64 of shape
        (words, n).
      min_digits, max_digits: The smallest and the largest D.
      question_width, answer_width: D to the padded width in characters.
      digits, reverse, ordered: The defaults of the task; ordered is always true, unless there are two operands.
      num_examples: D to the default number of examples.
      validation_share: The validation split has one in so many examples by default.
      breakdowns: Name of a table to a function of the operands, uint64 arrays of shape (words, n), that gives the group
        of each example, an array of shape (n,): exact match is also reported by these groups.
      suite: D to the slices of hard questions that test a model.
      recipe_family: Under which name a training recipe holds the settings of this task, if not under its own.
    """

    arity: int = 2
    symbol: str
    notation: Notation
    draws: Mapping[str, Drawing] = dataclasses.field(default_factory=lambda: DECIMAL_DRAWS)
    answer_prefix: str = ""
    alphabet: str
    solve: Solve
    min_digits: int = 1
    max_digits: int
    question_width: Callable[[int], int]
    answer_width: Callable[[int], int]
    digits: int
    num_examples: Callable[[int], int] = lambda digits: 50_000
    reverse: bool = False
    ordered: bool = False
    validation_share: int = 10
    breakdowns: Mapping[str, Group] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    suite: Callable[[int], Iterable[Slice]] = lambda digits: ()
    recipe_family: str

    @property
    def sides(self) -> tuple[str, ...]:
        """What the operands are called, from left to right."""
        return ("left", "right") if self.arity == 2 else tuple(f"operand {i + 1}" for i in range(self.arity))


OPERATIONS: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "addition": Operation(
            symbol="+",
            notation=DECIMAL,
            draws=DECIMAL_DRAWS | {"structured": drawing.CARRYING},
            alphabet="0123456789+ ",
            solve=lambda digits, left, right: Solved(numbers.add(left, right)),
            max_digits=1000,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: digits + 1,
            digits=3,
            reverse=True,
            breakdowns=MappingProxyType(
                {"carries": breakdowns.carries, "longest chain of carries": breakdowns.longest_carries}
            ),
            suite=slices.addition,
            recipe_family="decimal",
        ),
        "subtraction": Operation(
            symbol="-",
            notation=DECIMAL,
            draws=DECIMAL_DRAWS | {"structured": drawing.BORROWING},
            alphabet="0123456789+- ",
            solve=lambda digits, left, right: Solved(*numbers.subtract(left, right)),
            max_digits=1000,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: digits + 1,
            digits=5,
            breakdowns=MappingProxyType(
                {
                    "borrows": breakdowns.borrows,
                    "longest chain of borrows": breakdowns.longest_borrows,
                    "sign": breakdowns.sign,
                }
            ),
            suite=slices.subtraction,
            recipe_family="decimal",
        ),
        "multiplication": Operation(
            symbol="*",
            notation=DECIMAL,
            alphabet="0123456789* ",
            solve=lambda digits, left, right: Solved(numbers.multiply(left, right, numbers.num_words(2 * digits))),
            max_digits=1000,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: 2 * digits,
            digits=3,
            suite=slices.multiplication,
            recipe_family="decimal",
        ),
        # Hofstadter, "Gödel, Escher, Bach", chapter II: --p---q----- says that 2 plus 3 equals 5.
        "pq": Operation(
            symbol="p",
            notation=DASHES,
            draws=MappingProxyType({"digits": drawing.COUNTS}),
            answer_prefix="q",
            alphabet="-pq ",
            solve=lambda digits, left, right: Solved(left + right),
            max_digits=100_000,
            question_width=lambda digits: 2 * digits + 1,
            answer_width=lambda digits: 2 * digits + 1,
            digits=1000,
            suite=slices.pq,
            recipe_family="dashes",
        ),
        # Power et al. 2022, "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets".
        "modular_addition": Operation(
            symbol="+",
            notation=RESIDUES,
            draws=MappingProxyType({"digits": drawing.RESIDUES}),
            alphabet="0123456789+ ",
            solve=lambda modulus, left, right: Solved((left + right) % np.uint64(modulus)),
            min_digits=2,
            max_digits=10**6,
            question_width=lambda modulus: 2 * RESIDUES.width(modulus) + 1,
            answer_width=lambda modulus: RESIDUES.width(modulus),
            digits=97,
            num_examples=lambda modulus: max(MIN_EXAMPLES, modulus**2),
            ordered=True,
            validation_share=2,
            suite=slices.modular_addition,
            recipe_family="decimal",
        ),
    }
)
DEFAULT_TASK = "addition"


def _by_task(default: Callable[[Operation], Any]) -> str:
    """A default that depends on the task, in words: ``3, but 5 for subtraction, 1,000 for pq``."""
    names: dict[str, list[str]] = {}
    for name, operation in OPERATIONS.items():
        value = default(operation)
        shown = f"{value:,}" if type(value) is int else {True: "yes", False: "no"}.get(value, str(value))
        names.setdefault(shown, []).append(name)
    usual = max(names, key=lambda shown: len(names[shown]))
    others = [f"{shown} for {' and '.join(tasks)}" for shown, tasks in names.items() if shown != usual]
    return f"{usual}, but {', '.join(others)}" if others else usual


@dataclasses.dataclass(frozen=True)
class Task:
    """The parameters of one dataset; the dataset is a pure function of them.

    A field that is None takes the default of the operation.

    >>> Task("addition", digits=5, seed=1).config_name
    'addition-d5-s1'
    >>> Task("pq").question_width
    2001

    Attributes:
      name: A key of ``OPERATIONS``, or the name of a task of one's own.
      digits: The most digits of an operand, D; for pq its dashes, and for modular addition the modulus.
      num_examples: How many examples the dataset has, train and validation together, N.
      seed: 0 to 2^64 - 1.
      reverse: Whether the padded question is stored from its last character to its first.
      ordered: Whether a+b and b+a are two keys.
      draws: How operands are drawn, one of the task's ``Operation.draws``.
      num_validation: How many examples the validation split has, V.
      code_sha256: The checksum of the file of a task of one's own; that of the file that was named, if it is not given.

    Raises:
      InputError: A value is of the wrong kind or out of its range.
    """

    name: str = DEFAULT_TASK
    digits: int = options.option(
        "the most digits of an operand; for pq its dashes, for modular addition the modulus",
        default=None,
        default_text=_by_task(lambda operation: operation.digits),
    )
    num_examples: int = options.option(
        "examples of both splits together",
        default=None,
        default_text=_by_task(lambda operation: operation.num_examples(operation.digits)),
        low=MIN_EXAMPLES,
    )
    seed: int = options.option("decides which examples are drawn", default=0, low=0, high=MAX_SEED)
    reverse: bool = options.option(
        "store questions from the last character to the first",
        default=None,
        default_text=_by_task(lambda operation: operation.reverse),
    )
    ordered: bool = options.option(
        "count a+b and b+a as two different examples",
        default=None,
        default_text=_by_task(lambda operation: operation.ordered),
    )
    draws: str = options.option(
        "how operands are drawn: by their digits, uniformly by value, or half of them with long carries and borrows",
        default=None,
        default_text=_by_task(lambda operation: next(iter(operation.draws))),
        choices=lambda: list(dict.fromkeys(name for operation in _operations() for name in operation.draws)),
    )
    num_validation: int = options.option(
        "examples of the validation split",
        default=None,
        default_text=_by_task(lambda operation: f"a {ORDINALS[operation.validation_share]} of the examples"),
        low=1,
    )
    code_sha256: str | None = None

    def __post_init__(self) -> None:
        self._find_code()
        # Later defaults depend on earlier fields, which are therefore checked first.
        self._default("digits", self.operation.digits)
        options.check_int(self.notation.size_word, self.digits, self.operation.min_digits, self.operation.max_digits)
        self._default("num_examples", self.operation.num_examples(int(self.digits)))
        self._default("reverse", self.operation.reverse)
        self._default("ordered", self.operation.ordered)
        self._default("draws", next(iter(self.operation.draws)))
        options.check_int("num_examples", self.num_examples, MIN_EXAMPLES, None)
        self._default("num_validation", self.defaults["num_validation"])
        options.check(self)
        options.check_int("num_validation", self.num_validation, 1, self.num_examples - 1)
        if self.draws not in self.operation.draws:
            ways = list(self.operation.draws)
            allowed = f"{', '.join(ways)}; give one of them" if len(ways) > 1 else f"{ways[0]} alone; leave it out"
            raise InputError(f"draws is {self.draws!r}, and {self.name} can be drawn by {allowed}")
        if self.operation.arity != 2 and not self.ordered:
            raise InputError(f"ordered is False, but {self.name} does not have two operands; leave it out")
        for field in ("digits", "num_examples", "seed", "num_validation"):
            object.__setattr__(self, field, int(getattr(self, field)))  # NumPy's integers become plain

    def _find_code(self) -> None:
        """Finds the code of a task of one's own.

        Raises:
          InputError: There is no such task, or its file has not been named, or has changed.
        """
        if isinstance(self.name, str) and self.name in OPERATIONS:
            if self.code_sha256 is not None:
                raise InputError(f"code_sha256 is given, but {self.name} is a task of this package; leave it out")
            return
        own = registry.find(self.name, self.code_sha256)
        if own is None:
            raise InputError(_unknown_task(self.name, self.code_sha256))
        object.__setattr__(self, "code_sha256", own.sha256)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to a worker: a task of one's own takes its code along."""
        own = self.code_sha256 and registry.find(self.name, self.code_sha256)
        return vars(self) | ({"own": own.portable()} if own else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        if own := state.pop("own", None):
            registry.revive(*own)
        vars(self).update(state)

    def _default(self, field: str, value: Any) -> None:
        if getattr(self, field) is None:
            object.__setattr__(self, field, value)

    @property
    def defaults(self) -> dict[str, Any]:
        """The default of every parameter but the name, given the parameters before it."""
        operation = self.operation
        return {
            "digits": operation.digits,
            "num_examples": operation.num_examples(int(self.digits)),
            "seed": 0,
            "reverse": operation.reverse,
            "ordered": operation.ordered,
            "draws": next(iter(operation.draws)),
            "num_validation": int(self.num_examples) // operation.validation_share,
        }

    def replace(self, **changes: Any) -> "Task":
        """This task with other parameters; a parameter that has its default, and is not given, has the new default.

        ``dataclasses.replace`` would keep the number of validation examples instead.

        >>> Task("addition").replace(num_examples=2000).config_name
        'addition-n2000'

        Raises:
          InputError: A value is of the wrong kind or out of its range.
        """
        differing = {
            field: getattr(self, field) for field, value in self.defaults.items() if getattr(self, field) != value
        }
        return Task(self.name, **(differing | changes), code_sha256=self.code_sha256)

    @property
    def operation(self) -> Operation:
        if self.name in OPERATIONS:
            return OPERATIONS[self.name]
        own = registry.find(self.name, self.code_sha256)
        assert own
        return own.operation

    @property
    def code(self) -> str | None:
        """Where the code of a task of one's own is: the path of its file, or its place in a package."""
        own = self.code_sha256 and registry.find(self.name, self.code_sha256)
        return own.place if own else None

    @property
    def notation(self) -> Notation:
        return self.operation.notation

    @property
    def drawing(self) -> Drawing:
        """How the operands of a draw come out of its random words."""
        return self.operation.draws[self.draws]

    @property
    def description(self) -> str:
        """The task and its operands, in words, such as ``pq of at most 20 dashes``."""
        return f"{self.name} of {self.notation.describe(self.digits)}"

    @property
    def operand_width(self) -> int:
        """The most characters of an operand."""
        return self.notation.width(self.digits)

    @property
    def question_width(self) -> int:
        """Characters of a stored question."""
        return self.operation.question_width(self.digits)

    @property
    def answer_width(self) -> int:
        """Characters of a stored answer."""
        return self.operation.answer_width(self.digits)

    @property
    def num_questions(self) -> int:
        """How many questions there are: ordered pairs of operands, or as many operands as a question has.

        >>> Task("addition").num_questions, Task("pq", digits=20).num_questions
        (1000000, 400)
        """
        return self.drawing.num_values(self.digits) ** self.operation.arity

    @property
    def alphabet(self) -> str:
        """Every character that a stored string may hold, in code point order."""
        return "".join(sorted(self.operation.alphabet))

    @property
    def num_train(self) -> int:
        """Examples of the training split."""
        return self.num_examples - self.num_validation

    @property
    def config_name(self) -> str:
        """The dataset's config, which names the task, and what differs from its defaults (``addition-d5-s1-plain``)."""
        values, defaults = {field: getattr(self, field) for field in NAME_PARTS}, self.defaults
        differing = (_name_part(field, value) for field, value in values.items() if value != defaults[field])
        return "-".join([self.name, *differing])

    @classmethod
    def from_name(cls, config_name: str) -> "Task":
        """The task whose ``config_name`` this is.

        >>> Task.from_name("addition-d6-n1000000").num_examples
        1000000

        Raises:
          InputError: No task has this name; the message says which part is wrong.
        """
        name, *parts = config_name.split("-")
        if not is_task(name):
            raise InputError(_unknown_task(name))
        given: dict[str, Any] = {}
        for part in parts:
            found = _read_name_part(part)
            if found is None:
                raise InputError(f"{config_name!r} has the part {part!r}; give {_name_parts_in_words()}")
            field, value = found
            if field in given:
                raise InputError(f"{config_name!r} gives {field} twice, the second time as {part!r}; give it once")
            given[field] = value
        try:
            task = cls(name, **given)
        except InputError as error:
            raise InputError(f"{config_name!r} cannot be made: {error}") from error
        if task.config_name != config_name:
            raise InputError(
                f"{config_name!r} is the dataset {task.config_name!r}: a name has its parts in one order, and none "
                "that is the default; give that name"
            )
        return task

    def parameters(self) -> dict[str, Any]:
        """The parameters as JSON holds them; ``Task.from_parameters`` is the inverse.

        The first six are always there. A newer one is left out where it has its default, so that the metadata of
        older datasets stay as they are. So is the checksum of the code for a task of this package.

        >>> list(Task().parameters())
        ['task', 'digits', 'num_examples', 'seed', 'reverse', 'ordered']
        """
        values = {field: getattr(self, field) for field in PARAMETERS[1:]}
        newer = {field: value for field, value in self.defaults.items() if field not in PARAMETERS}
        differing = {field: getattr(self, field) for field, value in newer.items() if getattr(self, field) != value}
        code = {} if self.code_sha256 is None else {"code_sha256": self.code_sha256}
        return {PARAMETERS[0]: self.name} | values | differing | code

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> "Task":
        """The task whose ``parameters()`` these are.

        Raises:
          InputError: A parameter is missing, unknown or out of range.
        """
        if not isinstance(parameters, dict) or not set(PARAMETERS) <= set(parameters) or None in parameters.values():
            raise InputError(f"the parameters are {parameters!r}; they must be exactly {sorted(PARAMETERS)}")
        values = dict(parameters)
        try:
            task = cls(name=values.pop("task"), **values)
        except TypeError:
            raise InputError(f"the parameters are {parameters!r}, and some of them are unknown") from None
        if set(task.parameters()) != set(parameters):
            raise InputError(f"the parameters are {parameters!r}; leave out draws and num_validation at their defaults")
        return task


def _name_part(field: str, value: Any) -> str:
    """A parameter, as the name of a dataset tells it."""
    part = NAME_PARTS[field]
    return f"{part}{value}" if isinstance(part, str) else part.get(value, str(value))


def _read_name_part(text: str) -> tuple[str, Any] | None:
    """The parameter that a part of a name tells, and its value; None if it tells none."""
    number = re.fullmatch(r"([a-z])([0-9]{1,20})", text)
    for field, part in NAME_PARTS.items():
        if number and part == number[1]:
            return field, int(number[2])
        if isinstance(part, Mapping):
            for value, word in part.items():
                if word == text:
                    return field, value
    if any(text in operation.draws for operation in _operations()):
        return "draws", text
    return None


def _name_parts_in_words() -> str:
    letters = [f"{part} and a number" for part in NAME_PARTS.values() if isinstance(part, str)]
    words = [word for part in NAME_PARTS.values() if isinstance(part, Mapping) for word in part.values()]
    draws = dict.fromkeys(name for operation in _operations() for name in operation.draws)
    return f"{', '.join([*letters, *words])}, or one of {', '.join(draws)}"


def is_task(name: str) -> bool:
    """Whether there is a task of this name, of this package or of one's own."""
    return name in OPERATIONS or registry.find(name) is not None


def _operations() -> Iterator[Operation]:
    """The operations of all tasks that are known."""
    yield from OPERATIONS.values()
    yield from (own.operation for own in registry.every())


def _unknown_task(name: Any, code_sha256: str | None = None) -> str:
    if code_sha256 is not None:
        there = registry.find(name)
        if there is not None:
            return (
                f"the task {name!r} is code with the sha256 {str(code_sha256)[:12]}…, and {there.place} has "
                f"{there.sha256[:12]}…: it has changed; give the file as it was"
            )
        return (
            f"the task {name!r} is code with the sha256 {str(code_sha256)[:12]}…, which runs only if you name its "
            "file; if you trust it, add: --task-file FILE.py"
        )
    names = [*OPERATIONS, *(own.name for own in registry.every())]
    return f"there is no task {name!r}, only {', '.join(names)}{options.did_you_mean(str(name), names)}"
