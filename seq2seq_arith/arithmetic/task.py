"""A task: an operation and the parameters that define one dataset of it.

The name of a dataset, such as ``addition-d5-s1-plain``, states what differs from the task's defaults:
``Task.config_name`` writes it, and ``Task.from_name`` reads it.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from seq2seq_arith.arithmetic import operations, own_tasks
from seq2seq_arith.arithmetic.notation import Notation
from seq2seq_arith.arithmetic.operations import DEFAULT_TASK, MIN_EXAMPLES, Operation
from seq2seq_arith.arithmetic.own_tasks import OwnTask
from seq2seq_arith.arithmetic.sampling import Sampler
from seq2seq_arith.base import options
from seq2seq_arith.base.checks import check_int
from seq2seq_arith.base.errors import InputError

VERSION = "1.0.0"
MAX_SEED = 2**64 - 1

# The name of the field ``size`` for people and in files; every other parameter has the name of its field.
SIZE = "digits"
# Where its fields stand in the help of a command.
DATA = options.Group("on which data")
MORE_DATA = options.Group("details of the dataset", is_detail=True)
# Always part of a dataset's metadata.
PARAMETERS = ("task", SIZE, "num_examples", "seed", "reverse", "ordered")
ORDINALS = {2: "half", 10: "tenth"}
# The parts of a name, in this order: a letter before a number, a word per value, or the value itself.
NAME_PARTS: Mapping[str, str | Mapping[Any, str]] = MappingProxyType(
    {
        "size": "d",
        "num_examples": "n",
        "seed": "s",
        "ordered": {True: "ordered", False: "unordered"},
        "reverse": {True: "reversed", False: "plain"},
        "draws": {},
        "num_validation": "v",
    }
)


def _by_task(fact: Callable[[Operation], Any]) -> str:
    """A fact that depends on the task, in words: ``3, but 5 for subtraction, parity; 1,000 for pq``."""
    names: dict[str, list[str]] = {}
    for name, operation in operations.BUILT_IN.items():
        value = fact(operation)
        shown = f"{value:,}" if type(value) is int else {True: "yes", False: "no"}.get(value, str(value))
        names.setdefault(shown, []).append(name)
    usual = max(names, key=lambda shown: len(names[shown]))
    others = [f"{shown} for {', '.join(tasks)}" for shown, tasks in names.items() if shown != usual]
    return f"{usual}, but {'; '.join(others)}" if others else usual


@dataclasses.dataclass(frozen=True)
class Task:
    """The parameters of one dataset; the dataset is a pure function of them.

    A field that is None gets the default of the operation.

    >>> Task("addition", size=5, seed=1).config_name
    'addition-d5-s1'
    >>> Task("pq").question_width
    2001

    Attributes:
      name: A key of ``OPERATIONS`` or of ``FURTHER``, or the name of a custom task.
      size: D, the size of the task: the maximum number of digits of an operand; of dashes for pq, of letters for tasks
        on words; or the modulus. Options and files call it ``digits``.
      num_examples: The number of examples of the dataset, train and validation together, N.
      seed: 0 to 2^64 - 1.
      reverse: Whether the padded question is stored from its last character to its first.
      ordered: Whether a+b and b+a are different examples. If not, at most one of them is in the dataset.
      draws: The name of the sampling distribution of the operands, one of the task's ``Operation.draws``.
      num_validation: The number of examples of the validation split, V.
      code_sha256: The sha256 of the file of a custom task; None for that of the named file.
      own: The custom task; None for a task of this package.

    Raises InputError if a value has the wrong type or is out of its range.
    """

    name: str = DEFAULT_TASK
    size: int = options.option(
        lambda: f"maximum size of an operand, in {_by_task(lambda operation: operation.notation.size_word)}",
        default=None,
        default_text=_by_task(lambda operation: operation.default_size),
        flag=SIZE,
        label=SIZE,
        group=DATA,
    )
    num_examples: int = options.option(
        "number of examples, training and validation together",
        default=None,
        default_text=_by_task(lambda operation: operation.num_examples(operation.default_size)),
        low=MIN_EXAMPLES,
        group=DATA,
    )
    seed: int = options.option(
        "seed of the dataset: which examples are sampled", default=0, low=0, high=MAX_SEED, group=DATA
    )
    reverse: bool = options.option(
        "store questions from the last character to the first",
        default=None,
        default_text=_by_task(lambda operation: operation.reverse),
        group=MORE_DATA,
    )
    ordered: bool = options.option(
        "treat a+b and b+a as two different examples; otherwise they count as duplicates, and one is in the dataset",
        default=None,
        default_text=_by_task(lambda operation: operation.ordered),
        group=MORE_DATA,
    )
    draws: str = options.option(
        "sampling distribution of the operands: digits (uniform in length), value (uniform in value), structured (half "
        "with long carries or borrows, equal operands, or runs of 0 and 9; the others as with digits); for words: "
        "letters (uniform in length), fixed (all of the maximum length)",
        default=None,
        default_text=_by_task(lambda operation: next(iter(operation.draws))),
        choices=own_tasks.ways_to_draw,
        group=DATA,
    )
    num_validation: int = options.option(
        "number of validation examples",
        default=None,
        default_text=_by_task(lambda operation: f"a {ORDINALS[operation.validation_share]} of the examples"),
        low=1,
        group=MORE_DATA,
    )
    code_sha256: str | None = None
    own: OwnTask | None = dataclasses.field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = vars(self)  # the class is frozen for all others

        def fill(field: str, default: Any) -> None:
            if fields[field] is None:
                fields[field] = default

        if not (isinstance(self.name, str) and self.name in operations.BUILT_IN):
            fields["own"] = own = own_tasks.named(self.name, self.code_sha256)
            fields["code_sha256"] = own.sha256
        elif self.code_sha256 is not None:
            raise InputError(
                f"code_sha256 is given, but {self.name} is a task of this package; leave it out, and create again what "
                "a custom file created"
            )
        operation = self.operation
        # Later defaults depend on earlier fields, so these are checked first.
        fill("size", operation.default_size)
        check_int(operation.notation.size_word, self.size, operation.min_size, operation.max_size)
        fill("num_examples", operation.num_examples(int(self.size)))
        check_int("num_examples", self.num_examples, MIN_EXAMPLES, None)
        for field in ("reverse", "ordered", "draws", "num_validation"):
            fill(field, self.defaults[field])
        options.check(self)  # which also converts NumPy's integers to plain ones
        check_int("num_validation", self.num_validation, 1, self.num_examples - 1)
        if self.draws not in operation.draws:
            names = list(operation.draws)
            allowed = f"{', '.join(names)}; give one of them" if len(names) > 1 else f"only {names[0]}; leave it out"
            raise InputError(f"draws is {self.draws!r}, but {self.name} has the draws {allowed}")
        if operation.arity != 2 and not self.ordered:
            raise InputError(f"ordered is False, but {self.name} does not have two operands; leave it out")

    @property
    def defaults(self) -> dict[str, Any]:
        """The default of every parameter but the name, which can depend on earlier parameters."""
        operation = self.operation
        return {
            "size": operation.default_size,
            "num_examples": operation.num_examples(int(self.size)),
            "seed": 0,
            "reverse": operation.reverse,
            "ordered": operation.ordered or operation.arity != 2,
            "draws": next(iter(operation.draws)),
            "num_validation": int(self.num_examples) // operation.validation_share,
        }

    @property
    def operation(self) -> Operation:
        return self.own.operation if self.own else operations.BUILT_IN[self.name]

    @property
    def code(self) -> str | None:
        """The path of the file of a custom task; None for a task of this package."""
        return self.own.place if self.own else None

    @property
    def notation(self) -> Notation:
        return self.operation.notation

    @property
    def sampler(self) -> Sampler:
        """The sampler, which turns the random words of a draw into operands."""
        return self.operation.draws[self.draws]

    @property
    def description(self) -> str:
        """The task and its operands, in words, such as ``pq of at most 20 dashes``."""
        return f"{self.name} of {self.notation.describe(self.size)}"

    @property
    def operand_width(self) -> int:
        """The maximum number of characters of an operand."""
        return self.notation.width(self.size)

    @property
    def question_width(self) -> int:
        """The number of characters of a stored question, padding included."""
        return self.operation.question_width(self.size)

    @property
    def answer_width(self) -> int:
        """The number of characters of a stored answer, padding included."""
        return self.operation.answer_width(self.size)

    @property
    def alphabet(self) -> str:
        """Every character that a stored string may contain, in code point order."""
        return "".join(sorted(self.operation.alphabet))

    @property
    def num_train(self) -> int:
        """The number of examples of the training split."""
        return self.num_examples - self.num_validation

    @property
    def splits(self) -> dict[str, int]:
        """From the name of each split to its number of examples."""
        return {"train": self.num_train, "validation": self.num_validation}

    @property
    def config_name(self) -> str:
        """The name of the dataset: the task, and what differs from its defaults (``addition-d5-s1-plain``)."""
        parts, defaults = [self.name], self.defaults
        for field, part in NAME_PARTS.items():
            value = getattr(self, field)
            if value != defaults[field]:
                parts.append(f"{part}{value}" if isinstance(part, str) else part.get(value, str(value)))
        return "-".join(parts)

    @classmethod
    def from_name(cls, config_name: str) -> "Task":
        """The task whose ``config_name`` this is.

        >>> Task.from_name("addition-d6-n1000000").num_examples
        1000000

        Raises InputError if no task has this name; the message names the wrong part.
        """
        name, parameters = _read_name(config_name)
        try:
            task = cls(name, **parameters)
        except InputError as error:
            raise InputError(f"{config_name!r} is not a dataset: {error}") from error
        if task.config_name != config_name:
            raise InputError(
                f"{config_name!r} is the dataset {task.config_name!r}: the parts of a name have one order, and "
                "defaults are left out; give that name"
            )
        return task

    def parameters(self) -> dict[str, Any]:
        """The parameters as JSON values; ``Task.from_parameters`` is the inverse.

        The first six are always present. A newer one is left out if it has its default, so that the metadata of older
        datasets does not change. The sha256 of the code is left out for a task of this package.

        >>> list(Task().parameters())
        ['task', 'digits', 'num_examples', 'seed', 'reverse', 'ordered']
        """
        written = {
            parameter_of(field): getattr(self, field)
            for field, default in self.defaults.items()
            if parameter_of(field) in PARAMETERS or getattr(self, field) != default
        }
        code = {} if self.code_sha256 is None else {"code_sha256": self.code_sha256}
        return {PARAMETERS[0]: self.name} | written | code

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> "Task":
        """The task whose ``parameters()`` these are; InputError if one is missing, unknown or out of range."""
        if not isinstance(parameters, dict) or not set(PARAMETERS) <= set(parameters) or None in parameters.values():
            raise InputError(f"the parameters are {parameters!r}; they must be exactly {sorted(PARAMETERS)}")
        values = dict(parameters)
        try:
            task = cls(name=values.pop("task"), **fields_of(values))
        except TypeError:
            raise InputError(f"the parameters are {parameters!r}, and some of them are unknown") from None
        if set(task.parameters()) != set(parameters):
            raise InputError(f"the parameters are {parameters!r}; leave out draws and num_validation at their defaults")
        return task


def parameter_of(field: str) -> str:
    """The name of a field of ``Task`` as an option and in files."""
    return SIZE if field == "size" else field


def fields_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``Task`` for parameters by their names as options and in files.

    >>> fields_of({"digits": 5, "seed": 1})
    {'size': 5, 'seed': 1}

    Raises TypeError for ``size``, as for any other unknown name.
    """
    if "size" in parameters:
        raise TypeError(f"there is no parameter 'size'; give {SIZE}")
    return {"size" if name == SIZE else name: value for name, value in parameters.items()}


def _read_name(name: str) -> tuple[str, dict[str, Any]]:
    """The task and the parameters that the name of a dataset states.

    >>> _read_name("addition-d5-plain")
    ('addition', {'size': 5, 'reverse': False})
    """
    task, *parts = name.split("-")
    if task not in operations.BUILT_IN:
        own_tasks.named(task)
    parameters: dict[str, Any] = {}
    for part in parts:
        parameter = _read_part(part)
        if parameter is None:
            letters = [f"{letter} and a number" for letter in NAME_PARTS.values() if isinstance(letter, str)]
            words = [
                word for by_value in NAME_PARTS.values() if isinstance(by_value, Mapping) for word in by_value.values()
            ]
            allowed = f"{', '.join([*letters, *words])}, or one of {', '.join(own_tasks.ways_to_draw())}"
            raise InputError(f"{name!r} has the part {part!r}; give {allowed}")
        field, value = parameter
        if field in parameters:
            raise InputError(f"{name!r} gives {parameter_of(field)} twice, the second time as {part!r}; give it once")
        parameters[field] = value
    return task, parameters


def _read_part(text: str) -> tuple[str, Any] | None:
    """The parameter and the value that a part of a name states; None if it states none."""
    number = re.fullmatch(r"([a-z])([0-9]{1,20})", text)
    for field, part in NAME_PARTS.items():
        if number and part == number[1]:
            return field, int(number[2])
        if isinstance(part, Mapping):
            for value, word in part.items():
                if word == text:
                    return field, value
    return ("draws", text) if text in own_tasks.ways_to_draw() else None
