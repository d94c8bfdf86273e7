"""Options of a program, made from the fields of dataclasses and from the parameters of functions.

A field or a parameter says once what it is: its help, its bounds or choices, and its default. From that come the check
of its value, whichever way it comes, the option of a command with its help, and what notebooks complete.

>>> @dataclasses.dataclass(frozen=True, kw_only=True)
... class Config:
...     hidden: int = option("units of a layer", default=128, low=1, high=2**14)
...     xla: bool = option("compile with XLA", default=False)
...
...     def __post_init__(self):
...         check(self)
>>> Config(hidden=0)
Traceback (most recent call last):
    ...
seq2seq_arith.base.errors.InputError: hidden is 0; give a whole number from 1 to 16384

A function takes the fields of a dataclass one by one if the parameter says so. Its first parameters are arguments of a
command, those behind ``*`` are options:

>>> from typing import Annotated
>>> def train(
...     task: Annotated[str, Option("the name of a task")],
...     *,
...     config: Annotated[Config, Options(Config, flags={"hidden": "units"})],
...     epochs: Annotated[int, Option("the most epochs", low=1)] = 50,
... ) -> tuple:
...     return task, config, epochs
>>> from seq2seq_arith.base.parser import Parser, add_options, given
>>> parser = Parser()
>>> add_options(parser, parameters_of(train).values())
>>> values = given(parser.parse_args(["pq", "--units", "24"]), parameters_of(train))
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

import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from seq2seq_arith.base.checks import check_choice, check_int, check_number, one_of, read_numbers
from seq2seq_arith.base.errors import InputError, shown

F = TypeVar("F", bound=Callable[..., Any])

METADATA = "option"


@dataclasses.dataclass(frozen=True)
class Group:
    """Options that stand together in a command's help."""

    title: str
    description: str | Callable[[], str] | None = None


# At the head of a command's help.
FIRST = Group("the options that matter most")
MORE = Group("more options")


@dataclasses.dataclass(frozen=True)
class Option:
    """What is said of a value that a person gives, besides its name, type and default."""

    # One line for ``--help``, without the default; a function where it names what a registry has.
    help: str | Callable[[], str]
    _: dataclasses.KW_ONLY
    low: float | None = None  # the least that a number may be; None for no bound
    high: float | None = None  # the most, likewise
    # The values that are allowed; a function where they come from a registry.
    choices: Sequence[str] | Callable[[], Sequence[str]] | None = None
    also: Callable[[str], bool] | None = None  # tells which values are allowed besides the choices
    flag: str | None = None  # the option's name, without dashes; None for that of the field or parameter
    short: str | None = None  # one letter for the option, too
    metavar: str | None = None  # what stands for the value in the help; None for the name in capitals
    label: str | None = None  # what messages call it; None for its name
    default: str | None = None  # the default in words, where the own one does not say it
    group: Group | None = None
    repeat: bool = False  # of several strings, each is behind an option of its own
    # Whether another value makes another thing; False if it only changes how the same thing is made.
    compared: bool = True

    @property
    def line(self) -> str:
        """The line for ``--help``."""
        return self.help() if callable(self.help) else self.help

    @property
    def allowed(self) -> tuple[str, ...]:
        """The choices, empty if there are none."""
        return tuple(self.choices() if callable(self.choices) else self.choices or ())


@dataclasses.dataclass(frozen=True)
class Form:
    """How the values of a type are written, where it is not a number or a string: annotates the type.

    ``read`` makes a value of what is given, from its label, for messages, and a text or an object of Python;
    ``is_value`` tells which words that begin with a dash are values all the same.
    """

    read: Callable[[str, Any], Any] | None = None
    is_value: Callable[[str], Any] | None = None


@dataclasses.dataclass(frozen=True)
class Options:
    """A parameter that a person gives as several options: annotates it.

    Attributes:
      of: Whose fields or parameters they are: a dataclass, a function that returns the value, or parameters by name.
      only: The names of these, if not all, in this order.
      names: From a field's name to that of its option in Python, where it differs.
      flags: From a field's name to its option's, without dashes, where a program calls it differently.
      group: Where they stand in the help, but for the ``first``, which stand at its head.
      default_of: From a field's name to its default in words, where that is not the field's own.
      build: What makes the value of what was given, by field name; None for ``of``. With ``dict`` the value is what was
        given: changes, which are checked by what they are made of.
    """

    of: Any
    only: Sequence[str] = ()
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    group: Group | None = None
    first: Sequence[str] = ()
    default_of: Callable[[str], str | None] | None = None
    build: Callable[..., Any] | None = None

    def members(self) -> "dict[str, Parameter]":
        """The parameters as they are here, by their names in ``of``."""
        found, members = parameters_of(self.of), {}
        for inner in self.only or dict.fromkeys([*self.first, *found]):
            member, name = found[inner], self.names.get(inner, inner)
            about = member.about
            text = (self.default_of and self.default_of(inner)) or about.default
            group = FIRST if inner in self.first else about.group or self.group
            changes: dict[str, Any] = {"default": None, "is_change": True} if self.build is dict else {}
            if self.build is dict and text is None:
                text = in_words(member.default)
            members[inner] = dataclasses.replace(
                member,
                name=name,
                flag=(self.flags.get(inner) or self.names.get(inner) or member.flag).replace("_", "-"),
                about=dataclasses.replace(about, default=text, group=group),
                **changes,
            )
        return members

    def value(self, values: Mapping[str, Any]) -> Any:
        """What the values stand for, which are by the names here."""
        inner = {name: values[member.name] for name, member in self.members().items() if member.name in values}
        if self.build is not None:
            return self.build(**inner)
        return self.of(**inner) if isinstance(self.of, type) else self.of(**_arguments(self.of, inner, {}))


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A value that a dataclass or a function takes, and that a person gives."""

    name: str  # in Python
    kind: Any  # int, float, bool, str, or list for several strings
    about: Option
    default: Any = inspect.Parameter.empty
    _: dataclasses.KW_ONLY
    flag: str = ""  # its option's name without dashes
    form: Form = Form()
    is_optional: bool = False  # whether None is allowed
    is_argument: bool = False  # it stands behind a command without its name
    is_change: bool = False  # it changes something that has a value of its own, and checks the new one
    is_switch: bool = False  # its option takes the default away, and there is none to set it again

    def __post_init__(self) -> None:
        object.__setattr__(self, "flag", (self.flag or self.about.flag or self.name).replace("_", "-"))

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def is_many(self) -> bool:
        """Whether it takes several words of a command."""
        return self.kind is list and self.form.read is None and not self.about.repeat

    @property
    def takes_none(self) -> bool:
        """Whether None stands for the default."""
        return self.is_optional or self.default is None

    def check(self, value: Any) -> Any:
        """The value, as its form reads it; raises InputError if it is not of the type, or out of its range."""
        about, label = self.about, self.about.label or self.name
        if self.is_change or (value is None and self.is_optional):
            return value
        if self.form.read is not None:
            return self.form.read(label, value)
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
        """The option with a value, as it is typed; nothing for a switch that is left alone."""
        if self.is_switch and value == self.default:
            return []
        if isinstance(value, bool):
            return [f"--{self.flag}" if value else f"--no-{self.flag}"]
        if self.about.repeat:
            return [word for each in value for word in (f"--{self.flag}", each)]
        if isinstance(value, dict):
            value = json.dumps(value)
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        return [f"--{self.flag}={text}"] if text.startswith("-") else [f"--{self.flag}", text]


def option(help: str, *, default: Any = dataclasses.MISSING, default_text: str | None = None, **kwargs: Any) -> Any:
    """A dataclass field that is an option; ``default_text`` and the other keywords are attributes of ``Option``."""
    about = Option(help, default=default_text, **kwargs)
    return dataclasses.field(default=default, metadata={METADATA: about})


def parameters_of(of: Any) -> dict[str, Parameter]:
    """What a person gives of a dataclass, of a function, or of parameters by name: by the name in Python."""
    if isinstance(of, Mapping):
        return dict(of)
    return dict(_fields_of(of)) if dataclasses.is_dataclass(of) else _parameters_of(of)


@functools.cache
def _fields_of(of: Any) -> dict[str, Parameter]:
    return {
        field.name: _parameter(field.name, field.type, field.metadata[METADATA], field.default)
        for field in dataclasses.fields(of)
        if METADATA in field.metadata
    }


def _parameters_of(of: Callable[..., Any]) -> dict[str, Parameter]:
    found: list[Parameter] = []
    for name, declared in inspect.signature(of).parameters.items():
        about = _about(declared)
        if isinstance(about, Options):
            found += about.members().values()
        elif about is not None:
            is_argument = declared.kind is not declared.KEYWORD_ONLY
            is_switch = isinstance(declared.default, bool)
            kind = declared.annotation
            parameter = _parameter(name, kind, about, declared.default)
            found.append(dataclasses.replace(parameter, is_argument=is_argument, is_switch=is_switch))
    by_name = {parameter.name: parameter for parameter in found}
    if len(by_name) < len(found):
        raise TypeError(f"{of.__name__} has two options of one name")
    return by_name


def _about(declared: inspect.Parameter) -> Option | Options | None:
    """What annotates a function's parameter; None if a person does not give it."""
    metadata = getattr(declared.annotation, "__metadata__", ())
    return next((about for about in metadata if isinstance(about, Option | Options)), None)


def _parameter(name: str, kind: Any, about: Option, default: Any) -> Parameter:
    """The parameter of a type, which may be annotated; of a union it is the first."""
    kind, *outer = _without_annotations(kind)
    is_union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    kinds = typing.get_args(kind) if is_union else (kind,)
    first, *inner = _without_annotations(kinds[0])
    form = next((form for form in (*outer, *inner) if isinstance(form, Form)), Form())
    if isinstance(origin := typing.get_origin(first), type) and issubclass(origin, Sequence):
        first = list
    default = inspect.Parameter.empty if default is dataclasses.MISSING else default
    return Parameter(name, first, about, default, form=form, is_optional=type(None) in kinds)


def _without_annotations(kind: Any) -> tuple[Any, ...]:
    """A type, and what annotates it."""
    metadata = getattr(kind, "__metadata__", ())
    return (kind.__origin__, *metadata) if metadata else (kind,)


def call(function: Callable[..., Any], values: Mapping[str, Any], /, owner: str = "", **objects: Any) -> Any:
    """Calls a function with the ``arguments`` that the same values give."""
    return function(**arguments(function, values, owner, **objects))


def arguments(
    function: Callable[..., Any], values: Mapping[str, Any], /, owner: str = "", **objects: Any
) -> dict[str, Any]:
    """What a function takes, from values by the names of its options; None stands for the default.

    ``objects`` are parameters as the function takes them, in the place of their options; ``owner`` is what a refusal
    calls the function, if not by its name.

    Raises InputError if there is no such option, or a value is not one of it.
    """
    known = {name: parameter for name, parameter in parameters_of(function).items() if name not in objects}
    for name, declared in inspect.signature(function).parameters.items():
        if name in objects and isinstance(about := _about(declared), Options):
            for member in about.members().values():
                del known[member.name]
    return _arguments(function, checked(known, values, owner or function.__name__), objects)


def checked(known: Mapping[str, Parameter], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by the names of options, as these read them; without None where it stands for the default.

    Raises InputError if there is no such option, or a value is not one of it.
    """
    if unknown := next((name for name in values if name not in known), None):
        raise InputError(f"{owner} has no option {unknown!r}; {one_of(unknown, sorted(known))}")
    given = {name: value for name, value in values.items() if value is not None or not known[name].takes_none}
    return {name: known[name].check(value) for name, value in given.items()}


def from_flags(known: Mapping[str, Parameter], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by the names of options as they are typed, without dashes in front, by the names in Python.

    >>> from_flags({"data_seed": Parameter("data_seed", int, Option("the seed"))}, {"data-seed": 3}, "train")
    {'data_seed': 3}

    Raises InputError if there is no such option.
    """
    names = {parameter.flag: name for name, parameter in known.items()}
    if unknown := next((flag for flag in values if flag not in names), None):
        raise InputError(f"{owner} has no option {unknown!r}; {one_of(unknown, sorted(names))}")
    return {names[flag]: value for flag, value in values.items()}


def _arguments(function: Any, values: Mapping[str, Any], objects: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a function from values by the names of its options."""
    arguments = dict(objects)
    for name, declared in inspect.signature(function).parameters.items():
        if name in objects:
            continue
        if isinstance(about := _about(declared), Options):
            arguments[name] = about.value(values)
        elif name in values:
            arguments[name] = values[name]
    return arguments


def check(instance: Any) -> None:
    """Checks every field of a dataclass that is declared with ``option`` against its type, bounds and choices."""
    for name, parameter in parameters_of(type(instance)).items():
        value = getattr(instance, name)
        if (read := parameter.check(value)) is not value:
            object.__setattr__(instance, name, read)


# Whole numbers, also as ranges: 6-18 or 20,100.
Numbers = Annotated[Sequence[int], Form(read=read_numbers)]


def typed(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> list[str]:
    """Values by the names of parameters as options, as they are typed."""
    return [word for name, value in values.items() for word in parameters[name].typed(value)]


def words(instance: Any, default: Any) -> list[str]:
    """The options that turn a program's default into another instance of a dataclass, as they are typed."""
    parameters = parameters_of(type(instance))
    values = {name: (getattr(instance, name), getattr(default, name)) for name in parameters}
    return typed(parameters, {name: value for name, (value, usual) in values.items() if value != usual})


def shows(
    function: Any, *, without: Iterable[str] = (), aliases: Mapping[str, str] = types.MappingProxyType({})
) -> Callable[[F], F]:
    """Shows the options of a function in the signature of another one, which passes them on as ``**options``.

    From there, notebooks complete them, and ``help`` shows them. A name that is none of them raises InputError; of
    ``aliases`` it says which option is meant.
    """
    left_out = {*without}

    def decorate(wrapper: F) -> F:
        signature = inspect.signature(wrapper)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        named = {each.name for each in own} | left_out
        further = [
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.default,
                annotation=parameter.kind | None if parameter.takes_none else parameter.kind,
            )
            for name, parameter in parameters_of(function).items()
            if name not in named
        ]
        known = sorted({*named, *(each.name for each in further)} - left_out)

        @functools.wraps(wrapper)
        def with_names(*args: Any, **kwargs: Any) -> Any:
            if unknown := next((name for name in kwargs if name not in known), None):
                meant = f"did you mean {aliases[unknown]!r}?" if unknown in aliases else one_of(unknown, known)
                raise InputError(f"{wrapper.__name__} has no option {unknown!r}; {meant}")
            return wrapper(*args, **kwargs)

        vars(with_names)["__signature__"] = signature.replace(parameters=[*own, *further])
        return typing.cast(F, with_names)

    return decorate


def in_words(default: Any) -> str:
    """A default in words; empty if there is none to show."""
    if default is inspect.Parameter.empty or default is None or default in ("", ()):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:,}" if isinstance(default, int) else str(default)
