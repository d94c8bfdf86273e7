"""Options: the values that a person gives to a function or a dataclass, declared once where they are used.

A field or a parameter declares its help, its bounds or choices, its default, and the group of the help in which it
stands. ``parameters_of`` reads that, and all uses come from it::

    option(...)  Option  Options         the declaration of a field, or in the annotation of a parameter
      parameters_of                      a ``Parameter`` for each value
        parser.add_options, typed_values the options of a command with their help, and the values that were typed
        check, call, from_flags          checked values, whether they were typed, or come from Python or from a table
        typed, words                     the options as a person would type them
        shows                            a signature that notebooks complete

>>> @dataclasses.dataclass(frozen=True, kw_only=True)
... class Config:
...     hidden: int = option("units per layer", default=128, low=1, high=2**14)
...     xla: bool = option("compile with XLA", default=False)
...
...     def __post_init__(self):
...         check(self)
>>> Config(hidden=0)
Traceback (most recent call last):
    ...
seq2seq_arith.base.errors.InputError: hidden is 0; give a whole number from 1 to 16384

A function takes the fields of a dataclass one by one if its annotation has ``Options``. Its first parameters are
arguments of a command, those behind ``*`` are options:

>>> from typing import Annotated
>>> def train(
...     task: Annotated[str, Option("the name of a task")],
...     *,
...     config: Annotated[Config, Options(Config, flags={"hidden": "units"})],
...     epochs: Annotated[int, Option("maximum number of epochs", low=1)] = 50,
... ) -> tuple:
...     return task, config, epochs
>>> from seq2seq_arith.base.parser import Parser, add_options, typed_values
>>> parser = Parser()
>>> add_options(parser, parameters_of(train).values())
>>> values = typed_values(parser.parse_args(["pq", "--units", "24"]), parameters_of(train))
>>> call(train, values)
('pq', Config(hidden=24, xla=False), 50)
>>> call(train, {"task": "pq", "epochs": 0})
Traceback (most recent call last):
    ...
seq2seq_arith.base.errors.InputError: epochs is 0; give a whole number at least 1
>>> call(train, {"task": "pq", "epoch": 3})
Traceback (most recent call last):
    ...
seq2seq_arith.base.errors.InputError: train has no option 'epoch'; give one of epochs, hidden, task, xla; did you mean
'epochs'?
>>> typed(parameters_of(train), {"hidden": 24, "xla": True})
['--units', '24', '--xla']
"""

import collections.abc
import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from seq2seq_arith.base.checks import check_choice, check_int, check_number, one_of
from seq2seq_arith.base.errors import InputError, shown

F = TypeVar("F", bound=Callable[..., Any])

METADATA = "option"  # the key of a field's ``Option`` in its metadata
REQUIRED = inspect.Parameter.empty  # the default of a parameter that has none


@dataclasses.dataclass(frozen=True)
class Group:
    """Options that stand together in the help of a command.

    Attributes:
      title: What they are about: a noun, without a colon.
      description: A sentence about all of them.
      lists: The entries that may be chosen, with their descriptions; only ``--help-all`` shows them.
      is_detail: Whether only ``--help-all`` shows the options.
    """

    title: str
    description: str | None = None
    _: dataclasses.KW_ONLY
    lists: Callable[[], str] | None = None
    is_detail: bool = False


# Options that every command has. They are the last ones, and details where a command has other details.
GENERAL = Group("general options")


@dataclasses.dataclass(frozen=True)
class Option:
    """The declaration of a value that a person gives, besides its name, type and default."""

    # One line for ``--help``, without the default; a function where it lists the entries of a registry.
    help: str | Callable[[], str]
    _: dataclasses.KW_ONLY
    details: str = ""  # more of that line, which the brief help of a command with many options leaves out
    low: float | None = None  # the minimum of a number; None for no bound
    high: float | None = None  # the maximum, likewise
    # The values that are allowed; a function where they come from a registry.
    choices: Sequence[str] | Callable[[], Sequence[str]] | None = None
    also: Callable[[str], bool] | None = None  # whether a value is allowed besides the choices
    # Reads the value from its label, for messages, and from a text or an object of Python.
    read: Callable[[str, Any], Any] | None = None
    is_value: Callable[[str], Any] | None = None  # whether a word that begins with a dash is a value nevertheless
    flag: str | None = None  # the option's name, without dashes; None for that of the field or parameter
    short: str | None = None  # a second name of one letter
    # What stands for the value in the help, in capitals; None for N, X or NAME, or for the name of an argument.
    metavar: str | None = None
    label: str | None = None  # its name in messages; None for that of the field or parameter
    default_text: str | None = None  # the default in words, where the value itself does not say it
    is_default_common: bool = False  # whether many options have this default, so that only ``--help-all`` repeats it
    paper: str = ""  # the source of the idea, as a Markdown link for the reference; empty if there is none
    group: Group | None = None  # where it stands in the help; None for the first options, without a title
    variable: str = ""  # the environment variable whose value stands for the option if it is left out
    repeat: bool = False  # whether the option is repeated for each of several strings

    @property
    def line(self) -> str:
        """The line for ``--help``."""
        return self.help() if callable(self.help) else self.help

    @property
    def full_line(self) -> str:
        """The line for the full help, with its details."""
        return f"{self.line}: {self.details}" if self.details else self.line

    @property
    def allowed(self) -> tuple[str, ...]:
        """The choices, empty if there are none."""
        return tuple(self.choices() if callable(self.choices) else self.choices or ())


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A value that a dataclass or a function takes, and that a person gives."""

    name: str  # in Python
    kind: Any  # int, float, bool, str, or list for several values
    about: Option
    default: Any = REQUIRED
    _: dataclasses.KW_ONLY
    is_optional: bool = False  # whether None is allowed
    is_argument: bool = False  # whether it is typed behind a command without its name
    is_change: bool = False  # whether it changes an object that has a value, and that checks the new one

    @property
    def flag(self) -> str:
        """Its option's name without dashes."""
        return (self.about.flag or self.name).replace("_", "-")

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    @property
    def is_switch(self) -> bool:
        """Whether its option inverts the default, and no other option restores it."""
        return isinstance(self.default, bool)

    @property
    def is_many(self) -> bool:
        """Whether it accepts several words of a command."""
        return self.kind is list and self.about.read is None and not self.about.repeat

    @property
    def takes_none(self) -> bool:
        """Whether None stands for the default."""
        return self.is_optional or self.default is None

    def check(self, value: Any) -> Any:
        """The value, as its option reads it; raises InputError if it is not of the type, or out of its range."""
        about, label = self.about, self.about.label or self.name
        if self.is_change or (value is None and self.is_optional):
            return value
        if about.read is not None:
            return about.read(label, value)
        if about.choices is not None:
            if not (about.also and isinstance(value, str) and about.also(value)):
                check_choice(label, value, about.allowed)
        elif self.kind is int:
            return check_int(label, value, about.low, about.high)
        elif self.kind is float:
            check_number(label, value, about.low, about.high)
        elif self.kind is bool and not isinstance(value, bool):
            raise InputError(f"{label} is {shown(value)}; give True or False")
        return value

    def typed(self, value: Any) -> list[str]:
        """The option with a value, as it is typed; nothing for a switch with its default."""
        if self.is_switch and value == self.default:
            return []
        if isinstance(value, bool):
            return [f"--{self.flag}" if value else f"--no-{self.flag}"]
        if self.about.repeat:
            return [word for item in value for word in (f"--{self.flag}", item)]
        if isinstance(value, dict):
            value = json.dumps(value)
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        return [f"--{self.flag}={text}"] if text.startswith("-") else [f"--{self.flag}", text]


@dataclasses.dataclass(frozen=True)
class Options:
    """A parameter that a person gives as several options: annotates its type.

    Attributes:
      of: The owner of the fields or parameters: a dataclass, a function that returns the value, or parameters by name.
      only: The names of these, if not all, in this order.
      names: From a field's name to that of its option, also in Python, where it differs.
      flags: From a field's name to its option's, without dashes, where it differs on the command line alone.
      group: The group of all of them in the help, instead of the groups of their fields.
      default_of: From a field's name to its default in words, where that is not the field's own.
      as_dict: Whether the value is a dict of the given values, by field name: changes to an object, which checks them.
    """

    of: Any
    only: Sequence[str] = ()
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    group: Group | None = None
    default_of: Callable[[str], str | None] | None = None
    as_dict: bool = False

    def members(self) -> dict[str, Parameter]:
        """The parameters with the changes of this class, by their names in ``of``."""
        parameters = parameters_of(self.of)
        return {name: self._member(name, parameters[name]) for name in self.only or parameters}

    def _member(self, inner: str, parameter: Parameter) -> Parameter:
        about, name = parameter.about, self.names.get(inner, inner)
        common_default = self.default_of and self.default_of(inner)
        default_text = common_default or about.default_text
        about = dataclasses.replace(
            about,
            flag=self.flags.get(inner) or self.names.get(inner) or about.flag,
            group=self.group or about.group,
            default_text=default_text or (in_words(parameter.default) if self.as_dict else None),
            is_default_common=bool(common_default) or about.is_default_common,
        )
        changes: dict[str, Any] = {"default": None, "is_change": True} if self.as_dict else {}
        return dataclasses.replace(parameter, name=name, about=about, **changes)

    def value(self, values: Mapping[str, Any]) -> Any:
        """The value that is built of values by the names of the options."""
        inner = {name: values[member.name] for name, member in self.members().items() if member.name in values}
        return inner if self.as_dict else self.of(**_filled(self.of, inner, {}))


def option(help: str | Callable[[], str], *, default: Any = dataclasses.MISSING, **about: Any) -> Any:
    """A dataclass field that is an option; the other keywords are attributes of ``Option``."""
    return dataclasses.field(default=default, metadata={METADATA: Option(help, **about)})


@functools.cache
def _declared(of: Any) -> dict[str, Parameter | Options]:
    """The declared parameters of a function, or fields of a dataclass, by name."""
    if dataclasses.is_dataclass(of):
        fields = [field for field in dataclasses.fields(of) if METADATA in field.metadata]
        return {
            field.name: _parameter(field.name, field.type, field.metadata[METADATA], field.default) for field in fields
        }
    declarations: dict[str, Parameter | Options] = {}
    for name, formal in inspect.signature(of).parameters.items():
        metadata = getattr(formal.annotation, "__metadata__", ())
        about = next((entry for entry in metadata if isinstance(entry, Option | Options)), None)
        if isinstance(about, Option):
            parameter = _parameter(name, formal.annotation.__origin__, about, formal.default)
            declarations[name] = dataclasses.replace(parameter, is_argument=formal.kind is not formal.KEYWORD_ONLY)
        elif about is not None:
            declarations[name] = about
    return declarations


def _parameter(name: str, annotation: Any, about: Option, default: Any) -> Parameter:
    """The parameter of an annotated type; of a union, its first type counts."""
    kind, *others = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    kind = list if typing.get_origin(kind) is collections.abc.Sequence else kind
    default = REQUIRED if default is dataclasses.MISSING else default
    return Parameter(name, kind, about, default, is_optional=type(None) in others)


def parameters_of(of: Any, without: Collection[str] = ()) -> dict[str, Parameter]:
    """The options of a dataclass, of a function, or of parameters by name: by the name in Python.

    The declarations of the names in ``without`` are left out.
    """
    if isinstance(of, Mapping):
        return dict(of)
    parameters: list[Parameter] = []
    for name, declaration in _declared(of).items():
        if name not in without:
            parameters += declaration.members().values() if isinstance(declaration, Options) else [declaration]
    by_name = {parameter.name: parameter for parameter in parameters}
    if len(by_name) < len(parameters):
        raise TypeError(f"{of.__name__} has two options of one name")
    return by_name


def call(function: Callable[..., Any], values: Mapping[str, Any], /, **objects: Any) -> Any:
    """Calls a function with its ``arguments`` from the same values."""
    return function(**arguments(function, values, **objects))


def arguments(function: Callable[..., Any], values: Mapping[str, Any], /, **objects: Any) -> dict[str, Any]:
    """The arguments of a function, from values by the names of its options; None stands for the default.

    ``objects`` are arguments themselves, which replace their options.

    Raises InputError if an option does not exist, or does not allow its value.
    """
    return _filled(function, checked(parameters_of(function, objects), values, function.__name__), objects)


def _filled(of: Any, values: Mapping[str, Any], objects: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a function or of a dataclass from values by the names of its options."""
    filled = dict(objects)
    for name, declaration in _declared(of).items():
        if name in objects:
            continue
        if isinstance(declaration, Options):
            filled[name] = declaration.value(values)
        elif name in values:
            filled[name] = values[name]
    return filled


def checked(parameters: Mapping[str, Parameter], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by the names of options, as these read them; without None where it stands for the default.

    Raises InputError if an option does not exist, or does not allow its value.
    """
    reject_unknown(values, parameters, owner)
    return {
        name: parameters[name].check(value)
        for name, value in values.items()
        if value is not None or not parameters[name].takes_none
    }


def from_flags(parameters: Mapping[str, Parameter], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by the names of options in Python, from values by the names as they are typed, without leading dashes.

    >>> from_flags({"data_seed": Parameter("data_seed", int, Option("the seed"))}, {"data-seed": 3}, "train")
    {'data_seed': 3}

    Raises InputError if an option does not exist.
    """
    names = {parameter.flag: name for name, parameter in parameters.items()}
    reject_unknown(values, names, owner)
    return {names[flag]: value for flag, value in values.items()}


NO_ALIASES: Mapping[str, str] = types.MappingProxyType({})


def reject_unknown(
    names: Iterable[str], options: Iterable[str], owner: str, aliases: Mapping[str, str] = NO_ALIASES
) -> None:
    """Raises InputError if a name is not that of an option; for one of ``aliases``, the message has the right name."""
    options = sorted(options)
    if unknown := next((name for name in names if name not in options), None):
        advice = f"did you mean {aliases[unknown]!r}?" if unknown in aliases else one_of(unknown, options)
        raise InputError(f"{owner} has no option {unknown!r}; {advice}")


def check(instance: Any) -> None:
    """Checks every field of a dataclass that is declared with ``option`` against its type, bounds and choices."""
    for name, parameter in parameters_of(type(instance)).items():
        value = getattr(instance, name)
        if (checked_value := parameter.check(value)) is not value:
            object.__setattr__(instance, name, checked_value)


def typed(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> list[str]:
    """The options, as they are typed, of values by the names of parameters."""
    return [word for name, value in values.items() for word in parameters[name].typed(value)]


def words(instance: Any, defaults: Mapping[str, Any]) -> list[str]:
    """The options, as they are typed, by which an instance of a dataclass differs from a program's defaults."""
    parameters = parameters_of(type(instance))
    values = {name: getattr(instance, name) for name in parameters}
    return typed(parameters, {name: value for name, value in values.items() if value != defaults[name]})


def shows(function: Any, *, without: Collection[str] = (), aliases: Mapping[str, str] = NO_ALIASES) -> Callable[[F], F]:
    """Shows the options of a function in the signature of another one, which passes them on as ``**options``.

    Notebooks complete them, and ``help`` shows them. Any other name raises InputError; for one of ``aliases``, the
    message has the right name.
    """

    def decorate(wrapper: F) -> F:
        signature = inspect.signature(wrapper)
        own = [formal for formal in signature.parameters.values() if formal.kind is not formal.VAR_KEYWORD]
        own_names = [formal.name for formal in own]
        passed_on = [
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.default,
                annotation=parameter.kind | None if parameter.takes_none else parameter.kind,
            )
            for name, parameter in parameters_of(function, without).items()
            if name not in own_names
        ]
        names = [*own_names, *(formal.name for formal in passed_on)]

        @functools.wraps(wrapper)
        def with_names(*args: Any, **kwargs: Any) -> Any:
            reject_unknown(kwargs, names, wrapper.__name__, aliases)
            return wrapper(*args, **kwargs)

        vars(with_names)["__signature__"] = signature.replace(parameters=[*own, *passed_on])
        return typing.cast(F, with_names)

    return decorate


def in_words(default: Any) -> str:
    """A default in words; empty if it is not shown."""
    if default is REQUIRED or default is None or default in ("", ()):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, float):
        return f"{default:g}"
    return f"{default:,}" if isinstance(default, int) else str(default)
