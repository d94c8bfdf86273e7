"""Options of a program, made from the fields of the dataclasses that they set.

A field says once what it is: its help, its bounds or choices, and its default. From that come the check of its value
and the option with its help, so that neither can be forgotten:

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
>>> parser = argparse.ArgumentParser()
>>> add_options(parser, Config)
>>> Config(**given(parser.parse_args(["--hidden", "24"]), Config))
Config(hidden=24, xla=False)
>>> words(Config(hidden=24, xla=True), default=Config())
['--hidden', '24', '--xla']
"""

import argparse
import dataclasses
import difflib
import math
import operator
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from seq2seq_arith.base.errors import InputError, shown

METADATA = "option"
# The title of a group of options at the head of a command's help.
FIRST_OPTIONS = "the options that matter most"
EXAMPLES = "examples:"
LONGEST_LIST = 150  # characters of names that a refusal lists where it knows which was meant


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """The facts about a field besides its name, type and default."""

    help: str  # one line for ``--help``, without the default
    low: float | None = None  # the least that a number may be; None for no bound
    high: float | None = None  # the most, likewise
    # The values that are allowed; a function where they come from a registry.
    choices: Sequence[str] | Callable[[], Sequence[str]] | None = None
    also: Callable[[str], bool] | None = None  # tells which values are allowed besides the choices
    flag: str | None = None  # the option's name, without dashes; None for the field's
    label: str | None = None  # what messages call the field; None for its name
    default: str | None = None  # the default in words, where the field's own does not say it
    # Whether another value makes another thing; False if it only changes how the same thing is made.
    compared: bool = True

    @property
    def allowed(self) -> tuple[str, ...]:
        """The choices, empty if there are none."""
        return tuple(self.choices() if callable(self.choices) else self.choices or ())


def option(help: str, *, default: Any = dataclasses.MISSING, default_text: str | None = None, **kwargs: Any) -> Any:
    """A dataclass field that is an option; ``default_text`` and the other keywords are attributes of ``Option``."""
    about = Option(help=help, default=default_text, **kwargs)
    return dataclasses.field(default=default, metadata={METADATA: about})


def options_of(cls: Any) -> dict[str, tuple[dataclasses.Field, Option]]:
    """The fields of a dataclass that are declared with ``option``, by name."""
    return {each.name: (each, each.metadata[METADATA]) for each in dataclasses.fields(cls) if METADATA in each.metadata}


def check(instance: Any) -> None:
    """Checks every field of a dataclass that is declared with ``option`` against its type, bounds and choices."""
    for name, (field, about) in options_of(instance).items():
        value = getattr(instance, name)
        kind, optional = _kind(field)
        if value is None and optional:
            continue
        label = about.label or name
        if about.choices is not None:
            if not (about.also and isinstance(value, str) and about.also(value)):
                check_choice(label, value, about.allowed)
        elif kind is int:
            object.__setattr__(instance, name, check_int(label, value, about.low, about.high))
        elif kind is float:
            check_number(label, value, about.low, about.high)
        elif kind is bool and not isinstance(value, bool):
            raise InputError(f"{label} is {shown(value)}; give True or False")


def check_choice(label: str, value: Any, choices: Sequence[str]) -> None:
    """Raises InputError unless the value is one of the choices."""
    if value not in choices:
        raise InputError(f"{label} is {shown(value)}; {one_of(value, choices)}")


def one_of(typed: Any, names: Iterable[str]) -> str:
    """The end of a refusal of anything but one of some names: the names, unless they are many, and the one meant.

    >>> one_of("GRU", ["lstm", "gru"])
    "give one of lstm, gru; did you mean 'gru'?"
    """
    names = list(names)
    listed, meant = ", ".join(names), did_you_mean(str(typed), names)
    return meant[2:] if meant and len(listed) > LONGEST_LIST else f"give one of {listed}{meant}"


def did_you_mean(typed: str, names: Iterable[str]) -> str:
    """The end of a refusal: asks for the name that is most like a mistyped one; empty if none is like it.

    >>> did_you_mean("additoin", ["addition", "subtraction"])
    "; did you mean 'addition'?"
    """
    near = difflib.get_close_matches(typed.lower(), names, n=1)  # the field writes LSTM and GRU
    return f"; did you mean {near[0]!r}?" if near else ""


def mistyped_option(typed: str, names: Iterable[str], otherwise: str) -> str:
    """The end of a refusal of an option: the option that was meant, or what to do if none is like it.

    >>> mistyped_option("--num_examples=3", ["--num-examples", "--seed"], "see --help")
    '; did you mean --num-examples?'
    >>> mistyped_option("--seed=3", ["--num-examples", "--seed"], "see --help")
    '; give it behind the command'
    """
    by_name = {name.lstrip("-").replace("_", "-"): name for name in names}
    word = typed.partition("=")[0].lstrip("-").replace("_", "-")
    near = difflib.get_close_matches(word, by_name, n=1, cutoff=0.75)
    if typed.partition("=")[0] in by_name.values():
        return "; give it behind the command"
    return f"; did you mean {by_name[near[0]]}?" if near else f"; {otherwise}"


def check_int(label: str, value: Any, low: float | None, high: float | None) -> int:
    """The value as a plain number; InputError unless it is whole, also NumPy's, and within the bounds, and no bool."""
    try:  # an array has an index, too, and then refuses to be one
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not _within(number, low, high):
        raise InputError(f"{label} is {shown(value)}; give a whole number {_range(low, high, 'd')}")
    return number


def check_number(label: str, value: Any, low: float | None, high: float | None) -> None:
    """Raises InputError unless the value is a finite number within the bounds."""
    # An int is compared as it is, because the largest are not floats.
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
    if not is_number or not _within(value, low, high):
        raise InputError(f"{label} is {shown(value)}; give a number {_range(low, high, 'g')}")


def whole_number(text: str) -> int:
    """A whole number as it is typed on a command line."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number; write it with digits only") from None


def number(text: str) -> float:
    """A number as it is typed on a command line."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number; write it like 0.5 or 1e-3") from None


def add_options(
    parser: Any,
    cls: Any,
    names: Iterable[str] | None = None,
    *,
    flags: Mapping[str, str] | None = None,
    default_of: Callable[[str], str | None] | None = None,
) -> None:
    """Adds an option for each field of a dataclass that is declared with ``option``; None if it is not given.

    Args:
      parser, cls: An argparse parser or group, and the dataclass.
      names: The fields, if not all; in this order.
      flags: From a field's name to its option's, without dashes, where a program calls it differently.
      default_of: From a field's name to its default in words, where that is not the field's own.
    """
    options = options_of(cls)
    for name in names or options:
        field, about = options[name]
        kind, _ = _kind(field)
        default = (default_of and default_of(name)) or about.default or _in_words(field.default)
        facts = [", ".join(about.allowed)] if about.choices is not None else []
        if kind in (int, float) and (about.low, about.high) != (None, None):
            facts.append(_range(about.low, about.high, ",d" if kind is int else "g"))
        if default:
            facts.append(f"default: {default}")
        help = f"{about.help} ({'; '.join(facts)})" if facts else about.help
        how: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
        if kind is not bool:
            how = {"type": {int: whole_number, float: number}.get(kind, str)}
        parser.add_argument(f"--{_flag(name, about, flags)}", default=None, help=help.replace("%", "%%"), **how)


def given(
    arguments: argparse.Namespace,
    cls: Any,
    names: Iterable[str] | None = None,
    *,
    flags: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values that were given for the fields of a dataclass, by field name; as ``add_options`` with the same."""
    options = options_of(cls)
    parsed = {name: _flag(name, options[name][1], flags).replace("-", "_") for name in names or options}
    values = {name: getattr(arguments, parsed[name], None) for name in parsed}
    return {name: value for name, value in values.items() if value is not None}


def words(instance: Any, default: Any) -> list[str]:
    """The options that turn a program's default into another instance of a dataclass, as they are typed."""
    found = []
    for name, (_, about) in options_of(instance).items():
        value, flag = getattr(instance, name), _flag(name, about)
        if value == getattr(default, name):
            continue
        if isinstance(value, bool):
            found.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            found += [f"--{flag}", str(value)]
    return found


def _flag(name: str, about: Option, flags: Mapping[str, str] | None = None) -> str:
    """The name of a field's option, without the dashes in front."""
    return ((flags or {}).get(name) or about.flag or name).replace("_", "-")


def _kind(field: dataclasses.Field) -> tuple[Any, bool]:
    """The type of a field without None, and whether None is allowed."""
    if isinstance(field.type, types.UnionType):
        kinds = [kind for kind in typing.get_args(field.type) if kind is not type(None)]
        return kinds[0], True
    return field.type, False


def _within(value: Any, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _range(low: float | None, high: float | None, form: str) -> str:
    if high is None:
        return f"at least {low:{form}}"
    return f"from {low:{form}} to {high:{form}}"


def _in_words(default: Any) -> str:
    """A default in words; empty if there is none to show."""
    if default is dataclasses.MISSING or default is None:
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:,}" if isinstance(default, int) else str(default)


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence, without the usage, and that takes no abbreviated options.

    ``examples`` are commands that stand at the end of the help; ``add_help_option`` adds ``--help``.
    """

    def __init__(self, *, examples: Sequence[str] = (), **kwargs: Any) -> None:
        if examples:
            kwargs["epilog"] = "\n  ".join([EXAMPLES, *examples])
        super().__init__(**{"allow_abbrev": False, "add_help": False, "formatter_class": _HelpFormatter, **kwargs})

    def add_help_option(self) -> None:
        """Adds ``--help``: at the end, so that a group of options can stand at the head of the help."""
        group = self.add_argument_group("help")
        group.add_argument("-h", "--help", action="help", help="show this text and exit")
        self.set_defaults(parser=self)  # the one of the command that was typed, for messages

    @property
    def own_help(self) -> str:
        """The command that shows its help."""
        return f"{self.prog} --help"

    @property
    def option_names(self) -> list[str]:
        """Its options, as they are typed."""
        return [text for action in self._actions for text in action.option_strings if text.startswith("--")]

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Raises InputError for arguments that it does not have, if there are any."""
        if words:
            first = next((word for word in words if word.startswith("--")), "")
            hint = mistyped_option(first, self.option_names, f"see {self.own_help}")
            raise InputError(f"unrecognized arguments: {' '.join(words)}{hint}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None:
            check_choice(str(action.metavar or action.dest), value, list(action.choices))

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.own_help}")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Python's own hides that the help cannot be written, as on a full disk."""
        print(message, end="", file=file or sys.stdout, flush=True)


class _HelpFormatter(argparse.HelpFormatter):
    """Keeps the lines of the examples, and wraps the items of a list, which begin with "- ", one by one."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return text
        wrapped = []
        for line in text.splitlines():
            further = indent + "  " if line.startswith("- ") else indent
            wrapped.append(textwrap.fill(line, width, initial_indent=indent, subsequent_indent=further))
        return "\n".join(wrapped)
