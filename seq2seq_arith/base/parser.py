"""The parser of a command line: options and their help from parameters, and refusals in one sentence."""

import argparse
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from seq2seq_arith.base.checks import check_choice, mistyped_option, range_in_words
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.options import Group, Parameter, in_words

EXAMPLES = "examples:"


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
    """Adds an option for each parameter, in its group, required ones first; None if it is not given."""
    groups: dict[Group | None, Any] = {None: parser}
    parameters = list(parameters)
    parser.is_value = next((each.about.is_value for each in parameters if each.about.is_value), None)
    for parameter in sorted(parameters, key=lambda parameter: not parameter.is_required):
        group = parameter.about.group
        if group is not None and group not in groups:
            description = group.description() if callable(group.description) else group.description
            groups[group] = parser.add_argument_group(group.title, description)
        _add(groups[group], parameter)


def _add(group: Any, parameter: Parameter) -> None:
    about = parameter.about
    how: dict[str, Any] = {"help": _help(parameter).replace("%", "%%"), "default": None}
    if parameter.is_switch:
        how |= {"action": "store_const", "const": not parameter.default}
    elif parameter.kind is bool:
        how |= {"action": argparse.BooleanOptionalAction}
    else:
        how |= {"type": {int: whole_number, float: number}.get(parameter.kind, str)}
        how |= {"metavar": about.metavar or parameter.flag.replace("-", "_").upper()}
        if about.repeat:
            how |= {"action": "append"}
        elif parameter.is_many:
            how |= {"nargs": "+" if parameter.is_required or not parameter.is_argument else "*"}
    if parameter.is_argument:
        group.add_argument(parameter.name, **how)
        return
    names = [f"-{about.short}"] if about.short else []
    names.append(f"--{'no-' if parameter.is_switch and parameter.default else ''}{parameter.flag}")
    group.add_argument(*names, dest=parameter.name, required=parameter.is_required, **how)


def _help(parameter: Parameter) -> str:
    """The help of an option, with what may be given for it."""
    about = parameter.about
    facts = [", ".join(about.allowed)] if about.choices is not None else []
    if parameter.kind in (int, float) and (about.low, about.high) != (None, None):
        facts.append(range_in_words(about.low, about.high, ",d" if parameter.kind is int else "g"))
    if default := about.default_text or ("" if parameter.is_switch else in_words(parameter.default)):
        facts.append(f"default: {default}")
    return f"{about.line} ({'; '.join(facts)})" if facts else about.line


def given(namespace: argparse.Namespace, parameters: Iterable[str]) -> dict[str, Any]:
    """The values that were given for parameters, by name; as ``add_options`` with the same."""
    values = {name: getattr(namespace, name) for name in parameters}
    return {name: value for name, value in values.items() if value is not None and value != []}


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence, without the usage, and that takes no abbreviated options.

    ``examples`` are commands that stand at the end of the help; ``add_help_option`` adds ``--help``. ``is_value`` tells
    which words that begin with a dash are values.
    """

    is_value: Callable[[str], Any] | None = None

    def __init__(self, *, examples: Sequence[str] = (), **kwargs: Any) -> None:
        if examples:
            kwargs["epilog"] = "\n  ".join([EXAMPLES, *examples])
        super().__init__(**{"allow_abbrev": False, "add_help": False, "formatter_class": _HelpFormatter, **kwargs})

    def add_help_option(self) -> None:
        """Adds ``--help``: at the end, so that a group of options can stand at the head of the help."""
        group = self.add_argument_group("help")
        group.add_argument("-h", "--help", action="help", help="show this text and exit")

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

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return text
        wrapped = []
        for line in text.splitlines():
            further = indent + "  " if line.startswith("- ") else indent
            wrapped.append(textwrap.fill(line, width, initial_indent=indent, subsequent_indent=further))
        return "\n".join(wrapped)
