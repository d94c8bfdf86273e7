"""The framework of both programs: a command is a function, whose parameters are its arguments and options.

>>> from typing import Annotated
>>> program = Program(name="count", does="Count.", examples=["double 3"])
>>> @program.command("double a number", "double 3", "double 3 --more 1")
... def double(
...     number: Annotated[int, Option("the number", low=0, metavar="NUMBER")],
...     *,
...     more: Annotated[int, Option("number that is added in the end")] = 0,
... ) -> str:
...     return str(2 * number + more)
>>> program.run(["double", "20", "--more", "2"], terminal.Outcome())
42

To add a command is to write a function, a line about it, and examples. A parameter of type ``Rest`` receives the words
that no option accepts. The result is printed, or passed to ``show``, whose own parameters are options of the command,
too, and which may return an exit code. A function that needs a large library imports it itself, when it is called.
"""

import argparse
import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from seq2seq_arith.base import events, terminal
from seq2seq_arith.base.options import GENERAL, Group, Option, Parameter, arguments, call, parameters_of
from seq2seq_arith.base.packages import ShowVersions
from seq2seq_arith.base.parser import HELP, Parser, add_options, typed_values

F = TypeVar("F", bound=Callable[..., Any])

EVENTS_HELP = "for programs: print events as JSON, one object per line; text for people goes to standard error"
COMMANDS = Group("commands")
CONFIG_HELP = "options from a file, which typed ones override: TOML with these options, or the config.json of a run"
CONFIG = Parameter("config_file", str, Option(CONFIG_HELP, flag="config", metavar="FILE", group=GENERAL), default=None)
EVENTS = Parameter("events", bool, Option(EVENTS_HELP, flag="json", group=GENERAL), default=False)


@dataclasses.dataclass(frozen=True)
class Rest:
    """The words of a command that no option accepts; ``parser`` is for messages, None if nobody typed them."""

    words: Sequence[str] = ()
    parser: Parser | None = None

    @property
    def option_names(self) -> list[str]:
        """The options that the command has, as they are typed."""
        return self.parser.option_names if self.parser else []


NO_REST = Rest()


def show_text(result: str | Path | None) -> None:
    """Prints a text, or the path of a file."""
    if result is not None:
        terminal.say(result if isinstance(result, str) else terminal.printable(result))


def _call(function: Callable[..., Any], args: argparse.Namespace, **objects: Any) -> Any:
    """Calls a function with the arguments for which it has parameters; ``objects`` as in ``call``."""
    return call(function, typed_values(args, parameters_of(function)), **objects)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A command of a program.

    Attributes:
      work: The function that does its work, whose parameters are its arguments and options.
      does: One line for the help of the program.
      description: The sentence with which its own help begins, if that is another one; and, behind a blank line, notes
        that follow the usage.
      examples: Command lines without the program's name, for the end of its help; they work when they are typed.
      show: Shows people the result of ``work``; returns the exit code, or None for success.
      read_config: Reads the options of the file that ``--config`` names, by the names of its parameters; None for a
        command without this option.
      prints_data: Whether its standard output is the data that a person requested, so that it has no events.
      before: Called before anything else, to raise an error at once where the work is certain to fail.
      when_stopped: The end of its last sentence when a signal has stopped it.
    """

    work: Callable[..., Any]
    does: str
    examples: Sequence[str]
    description: str | None = None
    show: Callable[..., int | None] = show_text
    read_config: Callable[[Path], dict[str, Any]] | None = None
    prints_data: bool = False
    before: Callable[[], object] | None = None
    when_stopped: str = ""

    def parameters(self) -> dict[str, Parameter]:
        """Its arguments and options, by name."""
        general = {} if self.prints_data else {EVENTS.name: EVENTS}
        general |= {CONFIG.name: CONFIG} if self.read_config else {}
        return parameters_of(self.work) | parameters_of(self.show) | general

    def defaults(self, words: Sequence[str]) -> dict[str, Any]:
        """Values of options that are not typed, by name: from environment variables, and from the file of ``--config``.

        Raises InputError as ``read_config``.
        """
        variables = {name: parameter.about.variable for name, parameter in self.parameters().items()}
        values = {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}
        if self.read_config is None:
            return values
        config = Parser(usage=argparse.SUPPRESS)
        add_options(config, [CONFIG])
        path = getattr(config.parse_known_args(words)[0], CONFIG.name)
        return values if path is None else values | self.read_config(Path(path))

    def take_rest(self, args: argparse.Namespace, rest: list[str]) -> None:
        """Distributes the remaining words: further values of the last argument, then ``Rest``; or raises InputError.

        >>> command = Command(work=lambda: None, does="nothing", examples=[])
        >>> command.take_rest(argparse.Namespace(parser=Parser(prog="p")), ["x"])
        Traceback (most recent call last):
            ...
        seq2seq_arith.base.errors.InputError: unrecognized arguments: x; see p --help
        """
        for name, parameter in self.parameters().items():
            # Values may also follow an option.
            if parameter.is_many and (parameter.is_argument or getattr(args, name)):
                values = [word for word in rest if not word.startswith("-") or word == "-" or args.parser.takes(word)]
                setattr(args, name, [*(getattr(args, name) or []), *values])
                rest = [word for word in rest if word not in values and word != "--"]
        args.rest = rest
        if not self._rest:
            args.parser.reject_unknown(rest)

    @functools.cached_property
    def _rest(self) -> list[str]:
        """The parameter of type ``Rest``, if it has one."""
        declared = inspect.signature(self.work).parameters.items()
        return [name for name, formal in declared if formal.annotation is Rest]

    def run(self, args: argparse.Namespace, common: Iterable[str] = ()) -> int:
        """Does its work, and shows the result; returns the exit code.

        Of the options that are ``common`` to all commands, its work receives those for which it has parameters.
        """
        formals = inspect.signature(self.work).parameters
        objects: dict[str, Any] = dict.fromkeys(self._rest, Rest(args.rest, args.parser))
        objects |= {name: getattr(args, name) for name in common if name in formals}
        show_options = arguments(self.show, typed_values(args, parameters_of(self.show)))  # checked before the work
        result = _call(self.work, args, **objects)
        return self.show(result, **show_options) or terminal.SUCCESS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Program:
    """A program and its commands.

    Attributes:
      does: A sentence for its help; ``examples`` stand at its end.
      setup: Called before every command, with options that every command has.
      when_stopped: The end of its last sentence when a signal has stopped it.
      commands: By name, in the order of the help.
    """

    name: str
    does: str
    examples: Sequence[str]
    setup: Callable[..., Any] = lambda: None
    when_stopped: str = ""
    commands: dict[str, Command] = dataclasses.field(default_factory=dict)

    def command(self, does: str, *examples: str, **attributes: Any) -> Callable[[F], F]:
        """Makes a function a command, named after it; ``attributes`` are further ones of ``Command``."""

        def add(work: F) -> F:
            self.commands[work.__name__] = Command(work=work, does=does, examples=examples, **attributes)
            return work

        return add

    def parameters(self, command: Command) -> list[Parameter]:
        """The arguments and options of a command, and of the functions that are called before it."""
        before = parameters_of(self.setup) | parameters_of(terminal.start_log)
        return [*command.parameters().values(), *before.values()]

    def _full(self, examples: Iterable[str]) -> list[str]:
        """Examples as they are typed, with the name of the program."""
        return [f"{self.name} {example}" for example in examples]

    def parser(self, only: str | None = None, defaults: dict[str, Any] | None = None) -> Parser:
        """The parser of all commands, with the options of all, or only of one, and values of options by name."""
        notes = f"{self.name} COMMAND --help shows the options of a command."
        top = Parser(prog=self.name, description=f"{self.does}\n\n{notes}", examples=self._full(self.examples))
        parsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
        top.usage = f"{self.name} COMMAND [options]"
        for name, command in self.commands.items():
            sentence = command.description or f"{command.does[0].upper()}{command.does[1:]}."
            parser = parsers.add_parser(
                name, help=command.does, description=sentence, examples=self._full(command.examples)
            )
            top.add_item(COMMANDS, argparse.Action([], dest=name, help=command.does))
            if only in (name, None):  # building all parsers takes longer than importing the commands
                add_options(parser, self.parameters(command))
                parser.add_help_option()
                parser.fill(defaults or {})
                parser.set_defaults(parser=parser)  # that of the typed command, for messages
        top.add_to(HELP, "-V", "--version", action=ShowVersions)
        top.add_help_option()
        return top

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parses the words behind the program's name; raises InputError if a word is wrong."""
        name = next((word for word in words if not word.startswith("-")), "")
        defaults = self.commands[name].defaults(words) if name in self.commands else {}
        args, rest = self.parser(name, defaults).parse_known_args(words or ["--help"])
        self.commands[args.command].take_rest(args, rest)
        return args

    def run(self, words: Sequence[str], outcome: terminal.Outcome) -> None:
        """Runs the command that is typed, and sets its outcome."""
        outcome.stopped += self.when_stopped
        args = self.parse(words)
        _call(terminal.start_log, args)
        events.start(self.name, args.command, list(words), is_written=bool(getattr(args, EVENTS.name, False)))
        _call(self.setup, args)
        command = self.commands[args.command]
        outcome.stopped += command.when_stopped
        if command.before is not None:
            command.before()
        outcome.code = command.run(args, parameters_of(self.setup))
