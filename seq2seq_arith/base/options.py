"""Options: the values that a person gives to a function or a dataclass, declared once where they are used.

A field or a parameter declares its help, its bounds or choices, its default, and the group of the help in which it
stands. ``parameters_of`` reads that, and all uses come from it::

    option(...)  Option  Options       what is said at a field, or in the annotation of a parameter
      parameters_of                    a ``Parameter`` for each value
        parser.add_options, given      options of a command with their help, and what was given for them
        check, call, from_flags        values that are checked, whether typed, from Python or from a file's table
        typed, words                   the options that somebody would have to type
        shows                          a signature for notebooks to complete

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

A function takes the fields of a dataclass one by one if the annotation says ``Options``. Its first parameters are
arguments of a command, those behind ``*`` are options:

>>> from typing import Annotated
>>> def train(
...     task: Annotated[str, Option("the name of a task")],
...     *,
...     config: Annotated[Config, Options(Config, flags={"hidden": "units"})],
...     epochs: Annotated[int, Option("maximum number of epochs", low=1)] = 50,
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

METADATA = "option"  # where a field has its ``Option``
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
    """What describes a value that a person gives, besides its name, type and default."""

    # One line for ``--help``, without the default; a function where it lists the entries of a registry.
    help: str | Callable[[], str]
    _: dataclasses.KW_ONLY
    details: str = (
        ""  # what follows that line where there is room: not in the brief help of a command with many options
    )
    low: float | None = None  # the minimum of a number; None for no bound
    high: float | None = None  # the maximum, likewise
    # The values that are allowed; a function where they come from a registry.
    choices: Sequence[str] | Callable[[], Sequence[str]] | None = None
    also: Callable[[str], bool] | None = None  # tells which values are allowed besides the choices
    # Makes the value of a label, for messages, and of what is given, a text or an object of Python.
    read: Callable[[str, Any], Any] | None = None
    is_value: Callable[[str], Any] | None = None  # tells which words that begin with a dash are values all the same
    flag: str | None = None  # the option's name, without dashes; None for that of the field or parameter
    short: str | None = None  # one letter for the option, too
    # What stands for the value in the help, in capitals; None for N, X or NAME, or for the name of an argument.
    metavar: str | None = None
    label: str | None = None  # what messages call it; None for its name
    default_text: str | None = None  # the default in words, where the value itself does not say it
    is_default_common: bool = False  # whether many options have this default, so that only ``--help-all`` repeats it
    paper: str = ""  # where the idea comes from, a link of Markdown for the reference; empty if it has no source
    group: Group | None = None  # where it stands in the help; None for the first options, without a title
    repeat: bool = False  # whether the option is repeated for each of several strings

    @property
    def line(self) -> str:
        """The line for ``--help``."""
        return self.help() if callable(self.help) else self.help

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
    is_argument: bool = False  # it stands behind a command without its name
    is_change: bool = False  # it changes something that has a value of its own, and checks the new one

    @property
    def flag(self) -> str:
        """Its option's name without dashes."""
        return (self.about.flag or self.name).replace("_", "-")

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    @property
    def is_switch(self) -> bool:
        """Whether its option takes the default away, and there is none to set it again."""
        return isinstance(self.default, bool)

    @property
    def is_many(self) -> bool:
        """Whether it takes several words of a command."""
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


@dataclasses.dataclass(frozen=True)
class Options:
    """A parameter that a person gives as several options: annotates its type.

    Attributes:
      of: Whose fields or parameters they are: a dataclass, a function that returns the value, or parameters by name.
      only: The names of these, if not all, in this order.
      names: From a field's name to that of its option, also in Python, where it differs.
      flags: From a field's name to its option's, without dashes, where only a program calls it differently.
      group: Where all of them stand in the help, instead of in the groups of their fields.
      default_of: From a field's name to its default in words, where that is not the field's own.
      as_dict: Whether the value is a dict of what was given, by field name: changes, which are checked by what they are
        made of.
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
        """What the values stand for, which are by the names here."""
        inner = {name: values[member.name] for name, member in self.members().items() if member.name in values}
        return inner if self.as_dict else self.of(**_filled(self.of, inner, {}))


def option(help: str | Callable[[], str], *, default: Any = dataclasses.MISSING, **about: Any) -> Any:
    """A dataclass field that is an option; the other keywords are attributes of ``Option``."""
    return dataclasses.field(default=default, metadata={METADATA: Option(help, **about)})


@functools.cache
def _declared(of: Any) -> dict[str, Parameter | Options]:
    """What a person gives, by the names of the parameters of a function, or of the fields of a dataclass."""
    if dataclasses.is_dataclass(of):
        fields = [field for field in dataclasses.fields(of) if METADATA in field.metadata]
        return {
            field.name: _parameter(field.name, field.type, field.metadata[METADATA], field.default) for field in fields
        }
    found: dict[str, Parameter | Options] = {}
    for name, declared in inspect.signature(of).parameters.items():
        metadata = getattr(declared.annotation, "__metadata__", ())
        about = next((each for each in metadata if isinstance(each, Option | Options)), None)
        if isinstance(about, Option):
            parameter = _parameter(name, declared.annotation.__origin__, about, declared.default)
            found[name] = dataclasses.replace(parameter, is_argument=declared.kind is not declared.KEYWORD_ONLY)
        elif about is not None:
            found[name] = about
    return found


def _parameter(name: str, annotation: Any, about: Option, default: Any) -> Parameter:
    """The parameter of a type; of a union it is the first."""
    kind, *others = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    kind = list if typing.get_origin(kind) is collections.abc.Sequence else kind
    default = REQUIRED if default is dataclasses.MISSING else default
    return Parameter(name, kind, about, default, is_optional=type(None) in others)


def parameters_of(of: Any, without: Collection[str] = ()) -> dict[str, Parameter]:
    """What a person gives of a dataclass, of a function, or of parameters by name: by the name in Python.

    Parameters of these names, as they are declared, are left out.
    """
    if isinstance(of, Mapping):
        return dict(of)
    found: list[Parameter] = []
    for name, declared in _declared(of).items():
        if name not in without:
            found += declared.members().values() if isinstance(declared, Options) else [declared]
    by_name = {parameter.name: parameter for parameter in found}
    if len(by_name) < len(found):
        raise TypeError(f"{of.__name__} has two options of one name")
    return by_name


def call(function: Callable[..., Any], values: Mapping[str, Any], /, **objects: Any) -> Any:
    """Calls a function with the ``arguments`` that the same values give."""
    return function(**arguments(function, values, **objects))


def arguments(function: Callable[..., Any], values: Mapping[str, Any], /, **objects: Any) -> dict[str, Any]:
    """What a function takes, from values by the names of its options; None stands for the default.

    ``objects`` are parameters as the function takes them, in the place of their options.

    Raises InputError if there is no such option, or a value is not one of it.
    """
    return _filled(function, checked(parameters_of(function, objects), values, function.__name__), objects)


def _filled(of: Any, values: Mapping[str, Any], objects: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a function or of a dataclass from values by the names of its options."""
    filled = dict(objects)
    for name, declared in _declared(of).items():
        if name in objects:
            continue
        if isinstance(declared, Options):
            filled[name] = declared.value(values)
        elif name in values:
            filled[name] = values[name]
    return filled


def checked(known: Mapping[str, Parameter], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by the names of options, as these read them; without None where it stands for the default.

    Raises InputError if there is no such option, or a value is not one of it.
    """
    refuse_unknown(values, known, owner)
    given = {name: value for name, value in values.items() if value is not None or not known[name].takes_none}
    return {name: known[name].check(value) for name, value in given.items()}


def from_flags(known: Mapping[str, Parameter], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by the names of options as they are typed, without dashes in front, by the names in Python.

    >>> from_flags({"data_seed": Parameter("data_seed", int, Option("the seed"))}, {"data-seed": 3}, "train")
    {'data_seed': 3}

    Raises InputError if there is no such option.
    """
    names = {parameter.flag: name for name, parameter in known.items()}
    refuse_unknown(values, names, owner)
    return {names[flag]: value for flag, value in values.items()}


NO_ALIASES: Mapping[str, str] = types.MappingProxyType({})


def refuse_unknown(
    names: Iterable[str], known: Iterable[str], owner: str, aliases: Mapping[str, str] = NO_ALIASES
) -> None:
    """Raises InputError if one of the names is not known; of ``aliases`` it says which is meant."""
    known = sorted(known)
    if unknown := next((name for name in names if name not in known), None):
        meant = f"did you mean {aliases[unknown]!r}?" if unknown in aliases else one_of(unknown, known)
        raise InputError(f"{owner} has no option {unknown!r}; {meant}")


def check(instance: Any) -> None:
    """Checks every field of a dataclass that is declared with ``option`` against its type, bounds and choices."""
    for name, parameter in parameters_of(type(instance)).items():
        value = getattr(instance, name)
        if (read := parameter.check(value)) is not value:
            object.__setattr__(instance, name, read)


def typed(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> list[str]:
    """Values by the names of parameters as options, as they are typed."""
    return [word for name, value in values.items() for word in parameters[name].typed(value)]


def words(instance: Any, defaults: Mapping[str, Any]) -> list[str]:
    """The options that turn a program's defaults into an instance of a dataclass, as they are typed."""
    parameters = parameters_of(type(instance))
    values = {name: getattr(instance, name) for name in parameters}
    return typed(parameters, {name: value for name, value in values.items() if value != defaults[name]})


def shows(function: Any, *, without: Collection[str] = (), aliases: Mapping[str, str] = NO_ALIASES) -> Callable[[F], F]:
    """Shows the options of a function in the signature of another one, which passes them on as ``**options``.

    From there, notebooks complete them, and ``help`` shows them. A name that is none of them raises InputError; of
    ``aliases`` it says which option is meant.
    """

    def decorate(wrapper: F) -> F:
        signature = inspect.signature(wrapper)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        named = {each.name for each in own}
        further = [
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.default,
                annotation=parameter.kind | None if parameter.takes_none else parameter.kind,
            )
            for name, parameter in parameters_of(function, without).items()
            if name not in named
        ]
        known = [*named, *(each.name for each in further)]

        @functools.wraps(wrapper)
        def with_names(*args: Any, **kwargs: Any) -> Any:
            refuse_unknown(kwargs, known, wrapper.__name__, aliases)
            return wrapper(*args, **kwargs)

        vars(with_names)["__signature__"] = signature.replace(parameters=[*own, *further])
        return typing.cast(F, with_names)

    return decorate


def in_words(default: Any) -> str:
    """A default in words; empty if there is none to show."""
    if default is REQUIRED or default is None or default in ("", ()):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, float):
        return f"{default:g}"
    return f"{default:,}" if isinstance(default, int) else str(default)
