"""The parser of a command line: options and their help from parameters, and errors in one sentence."""

import argparse
import copy
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from seq2seq_arith.base.checks import check_choice, mistyped_option, range_in_words
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.options import GENERAL, Group, Parameter, in_words

EXAMPLES = "examples:"
HELP_ALL = "--help-all"
ARGUMENTS, OPTIONS, HELP = Group("arguments"), Group("options"), Group("help")
LARGE_BOUND = 2**31 - 1
BRIEF_LIST = 60  # the characters of choices in the brief help


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


def add_options(parser: "Parser", parameters: Iterable[Parameter]) -> None:
    """Adds an option for each parameter, in its group, required ones first; its value is None if it is not typed."""
    parameters = sorted(parameters, key=_place)
    parser.is_value = next((parameter.about.is_value for parameter in parameters if parameter.about.is_value), None)
    for parameter in parameters:
        _add(parser, parameter)
    required = [parameter for parameter in parameters if parameter.is_required or parameter.is_argument]
    parser.usage = " ".join([parser.prog, *map(_usage, required), "[options]"])


def _place(parameter: Parameter) -> tuple[bool, bool, bool, bool, bool]:
    """Where a parameter stands in the help: arguments first, then options without a title, details, general options."""
    group = parameter.about.group
    is_detail = group is not None and group.is_detail
    return (not parameter.is_argument, group is GENERAL, is_detail, group is not None, not parameter.is_required)


def _add(parser: "Parser", parameter: Parameter) -> None:
    about = parameter.about
    kwargs: dict[str, Any] = {"help": _help(parameter, in_full=True), "default": None}
    if parameter.is_switch:
        kwargs |= {"action": "store_const", "const": not parameter.default}
    elif parameter.kind is bool:
        kwargs |= {"action": argparse.BooleanOptionalAction}
    else:
        kwargs |= {"type": {int: whole_number, float: number}.get(parameter.kind, str), "metavar": _metavar(parameter)}
        if about.repeat:
            kwargs |= {"action": "append"}
        elif parameter.is_many:
            kwargs |= {"nargs": "+" if parameter.is_required or not parameter.is_argument else "*"}
        elif parameter.is_argument and not parameter.is_required:
            kwargs |= {"nargs": "?"}
    if parameter.is_argument:
        parser.add_to(about.group or ARGUMENTS, parameter.name, brief=_help(parameter, in_full=False), **kwargs)
        return
    names = [f"-{about.short}"] if about.short else []
    names.append(f"--{'no-' if parameter.is_switch and parameter.default else ''}{parameter.flag}")
    kwargs |= {"dest": parameter.name, "required": parameter.is_required}
    parser.add_to(about.group or OPTIONS, *names, brief=_help(parameter, in_full=False), **kwargs)


def _metavar(parameter: Parameter) -> str:
    """What stands for the value: a letter for a number, or a word in capitals."""
    if parameter.about.metavar:
        return parameter.about.metavar
    if parameter.is_argument:
        return parameter.flag.replace("-", "_").upper()
    letters = {int: "N", float: "X"}
    return "NAME" if parameter.about.choices else letters.get(parameter.kind) or parameter.flag.split("-")[-1].upper()


def _usage(parameter: Parameter) -> str:
    """A required option, or an argument, in the usage line."""
    metavar = _metavar(parameter)
    if not parameter.is_argument:
        return f"--{parameter.flag} {metavar}"
    if parameter.is_many:
        return f"{metavar} [{metavar} ...]" if parameter.is_required else f"[{metavar} ...]"
    return metavar if parameter.is_required else f"[{metavar}]"


def _range(parameter: Parameter) -> str:
    """The range of a number in words, with a large bound such as 18,446,744,073,709,551,615 as a power of two."""
    low, high = parameter.about.low, parameter.about.high
    text = range_in_words(low, high, ",d" if parameter.kind is int else "g")
    if isinstance(high, int) and high >= LARGE_BOUND and (high + 1).bit_count() == 1:
        return text.replace(f"{high:,d}", f"2^{high.bit_length()}-1")
    return text


def _help(parameter: Parameter, *, in_full: bool) -> str:
    """The help of an option, with the values that are allowed and the default; in brief without ranges.

    >>> from seq2seq_arith.base.options import Option
    >>> layers = Parameter("layers", int, Option("number of layers", low=1, high=64), 2)
    >>> _help(layers, in_full=True), _help(layers, in_full=False)
    ('number of layers (from 1 to 64; default: 2)', 'number of layers (default: 2)')
    >>> _help(Parameter("seed", int, Option("seed", low=0, high=2**64 - 1), 0), in_full=True)
    'seed (from 0 to 2^64-1; default: 0)'
    """
    about = parameter.about
    line = about.full_line if in_full else about.line
    facts = []
    if any(not re.search(rf"\b{name}\b", line) for name in about.allowed):
        choices = ", ".join(about.allowed)
        facts.append(choices if in_full else textwrap.shorten(choices, BRIEF_LIST, placeholder=" ..."))
    if in_full and parameter.kind in (int, float) and (about.low, about.high) != (None, None):
        facts.append(_range(parameter))
    if about.variable:
        facts.append(f"default: the environment variable {about.variable}")
    default = about.default_text or ("" if parameter.is_switch else in_words(parameter.default))
    if default and (in_full or not about.is_default_common):
        facts.append(f"default: {default}")
    return (f"{line} ({'; '.join(facts)})" if facts else line).replace("%", "%%")


def typed_values(namespace: argparse.Namespace, parameters: Iterable[str]) -> dict[str, Any]:
    """The values of the parameters that were typed, by name; the parameters are those of ``add_options``."""
    values = {name: getattr(namespace, name) for name in parameters}
    return {name: value for name, value in values.items() if value is not None and value != []}


class _Item(NamedTuple):
    """An option in the help, and its line in the brief one."""

    action: argparse.Action
    brief: str

    def in_brief(self) -> argparse.Action:
        """The option with its brief line."""
        action = copy.copy(self.action)
        action.help = self.brief
        return action


class _ShowHelp(argparse.Action):
    """Prints the help, of all options if the option is ``--help-all``, and exits."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **kwargs)

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        print(parser.format_help(in_full=option_string == HELP_ALL), end="", flush=True)
        parser.exit()


class Parser(argparse.ArgumentParser):
    """A parser with errors of one sentence, without the usage, and with a help in two lengths.

    It accepts no abbreviated options. ``description`` is the sentence that says what the command does; the text behind
    a blank line in it follows the usage. ``examples`` are commands at the end of the help; ``add_help_option`` adds
    ``--help`` and ``--help-all``. ``is_value`` decides whether a word that begins with a dash is a value.
    """

    is_value: Callable[[str], Any] | None = None

    def __init__(self, *, examples: Sequence[str] = (), **kwargs: Any) -> None:
        if examples:
            kwargs["epilog"] = "\n  ".join([EXAMPLES, *examples])
        super().__init__(**{"allow_abbrev": False, "add_help": False, "formatter_class": _HelpFormatter, **kwargs})
        # By group: its place in argparse, which the site reads, and what the help shows of it.
        self._groups: dict[Group, Any] = {}
        self._items: dict[Group, list[_Item]] = {}

    def add_to(self, group: Group, *names: str, brief: str | None = None, **kwargs: Any) -> None:
        """Adds an option or an argument to a group; ``brief`` is its line in the brief help, if it differs."""
        if group not in self._groups:
            texts = [group.description, group.lists and group.lists()]
            description = "\n\n".join(text for text in texts if text)
            self._groups[group] = self.add_argument_group(group.title, description or None)
        self.add_item(group, self._groups[group].add_argument(*names, **kwargs), brief)

    def add_item(self, group: Group, action: argparse.Action, brief: str | None = None) -> None:
        """Shows an action in a group of the help."""
        self._items.setdefault(group, []).append(_Item(action, brief or action.help or ""))

    def add_help_option(self) -> None:
        """Adds ``--help``, and ``--help-all``, which is listed if it shows more."""
        self.add_to(HELP, "-h", "--help", action=_ShowHelp, help="show this text and exit")
        num_options = sum(bool(item.action.option_strings) for items in self._items.values() for item in items) - 1
        details = ", ".join(group.title for group in self._items if self._is_detail(group))
        line = f"all {num_options} options: also {details}" if details else argparse.SUPPRESS
        self.add_to(HELP, HELP_ALL, action=_ShowHelp, help=line)

    def _is_detail(self, group: Group) -> bool:
        """Whether only the full help shows a group."""
        return group.is_detail or (group is GENERAL and any(other.is_detail for other in self._items))

    def format_help(self, *, in_full: bool = False) -> str:
        """The help: what the command does, its usage, and its options; in brief without details, if it has some."""
        in_full = in_full or not any(map(self._is_detail, self._items))
        formatter = _HelpFormatter(self.prog)
        sentence, _, notes = (self.description or "").partition("\n\n")
        for text in (sentence, f"usage: {self.usage}", notes):
            formatter.add_text(text)
        for group, items in self._items.items():
            if not in_full and self._is_detail(group):
                continue
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            if in_full and group.lists:
                formatter.add_text(group.lists())
            for item in items:
                formatter.add_argument(item.action if in_full else item.in_brief())
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def fill(self, values: dict[str, Any]) -> None:
        """Gives options and arguments values, by name, for when they are not typed: so they are not required."""
        for action in self._actions:
            if action.dest in values:
                action.required, action.default = False, values[action.dest]
                if not action.option_strings:
                    action.nargs = "?"

    @property
    def own_help(self) -> str:
        """The command that shows its help."""
        return f"{self.prog} --help"

    @property
    def option_names(self) -> list[str]:
        """Its options, as they are typed."""
        return [text for action in self._actions for text in action.option_strings if text.startswith("--")]

    def reject_unknown(self, words: Sequence[str]) -> None:
        """Raises InputError for arguments that it does not have, if there are any."""
        if words:
            first = next((word for word in words if word.startswith("--")), "")
            hint = mistyped_option(first, self.option_names, f"see {self.own_help}")
            raise InputError(f"unrecognized arguments: {' '.join(words)}{hint}")

    def takes(self, word: str) -> bool:
        """Whether a word is a value, although it begins with a dash."""
        own = (text for action in self._actions for text in action.option_strings)
        return self.is_value is not None and bool(self.is_value(word)) and word not in own

    def _parse_optional(self, arg_string: str) -> Any:
        """As Python's, for which None is a word that is not an option."""
        return None if self.takes(arg_string) else super()._parse_optional(arg_string)

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

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """As Python's, for which a metavar is one word; one of several words says how many there may be."""
        words = isinstance(action.metavar, str) and " " in action.metavar
        return str(action.metavar) if words else super()._format_args(action, default_metavar)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return text
        wrapped = []
        for line in text.splitlines():
            further = indent + "  " if line.startswith("- ") else indent
            wrapped.append(textwrap.fill(line, width, initial_indent=indent, subsequent_indent=further))
        return "\n".join(wrapped)
