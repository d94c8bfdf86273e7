"""The frame of both programs: a command that is added at run time is one function, and has all that others have."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

import pytest

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task_options import PARAMETERS, QuestionOption, TaskName, named_task
from seq2seq_arith.base import commands, events
from seq2seq_arith.base.checks import read_numbers
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import (
    Group,
    Option,
    Options,
    arguments,
    call,
    from_flags,
    parameters_of,
    shows,
    typed,
)
from seq2seq_arith.base.parser import Parser, add_options, typed_values
from seq2seq_arith.base.terminal import FAILURE
from seq2seq_arith.pipelines import __main__ as data
from seq2seq_arith.pipelines.commands import ARITH_DATA
from seq2seq_arith.trainer import __main__ as model
from seq2seq_arith.trainer.commands import ARITH_MODEL

PROGRAMS = {"arith-data": (ARITH_DATA, data.main), "arith-model": (ARITH_MODEL, model.main)}


@pytest.fixture(params=PROGRAMS)
def program(request, monkeypatch):
    """A program, its ``main``, and nothing left of what a test adds to its commands."""
    added, main = PROGRAMS[request.param]
    for name, command in added.commands.items():
        monkeypatch.setitem(added.commands, name, command)  # all are restored
    yield added, main
    for name in {*added.commands} - {*own_commands(added)}:
        del added.commands[name]


def own_commands(program: commands.Program) -> list[str]:
    return [name for name, command in program.commands.items() if command.work.__module__ != __name__]


def add_halves(program: commands.Program) -> None:
    @program.command("halve numbers", "halves 8", "halves 8 9 --round")
    def halves(
        numbers: Annotated[Sequence[str], Option("what is halved", metavar="NUMBER")],
        *,
        least: Annotated[int, Option("the least that is taken", low=0, high=9)] = 0,
        rounded: Annotated[bool, Option("to whole numbers", flag="round")] = False,
    ) -> str:
        events.emit("result", count=len(numbers))
        if any(int(number) < least for number in numbers):
            raise InputError(f"one of {', '.join(numbers)} is below {least}; give others")
        return " ".join(str(int(number) // 2 if rounded else int(number) / 2) for number in numbers)


def test_a_command_is_one_function(program, capsys):
    added, main = program
    add_halves(added)
    with pytest.raises(SystemExit):
        main(["--help"])
    assert " halves " in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit):
        main(["halves", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for words in (
        f"Halve numbers. usage: {added.name} halves NUMBER [NUMBER ...] [options] arguments: NUMBER what is halved",
        "--least N the least that is taken (from 0 to 9; default: 0)",
        "--round to whole numbers",
    ):
        assert words in shown
    assert shown.endswith(f"examples: {added.name} halves 8 {added.name} halves 8 9 --round")
    positions = [shown.index(name) for name in ("--round", "general options: --json", "--task-file", "--log-level")]
    assert positions == sorted(positions)
    assert "--help-all" not in shown
    assert main(["halves", "8", "--round", "9"]) == 0  # a value may stand behind an option
    assert capsys.readouterr().out == "4 4\n"
    refused = {
        ("halves",): "the following arguments are required: NUMBER",
        ("halves", "8", "--least=10"): "least is 10; give a whole number from 0 to 9",
        ("halves", "8", "--lest=3"): "unrecognized arguments: --lest=3; did you mean --least?",
        ("halves", "8", "--least=9"): "one of 8 is below 9; give others",
        ("halves", "8", "--log-level=loud"): "log_level is 'loud'; give one of critical, error, warning, info, debug",
        ("halve",): f"COMMAND is 'halve'; {added.name}",
    }
    for words, sentence in refused.items():
        assert main(list(words)) == 2
        assert capsys.readouterr().err.startswith(f"{added.name}: {sentence.partition(';')[0]}")
    assert main(["halves", "8", "--json"]) == 0
    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert [event["event"] for event in events] == ["start", "result", "end"]
    assert (events[0]["command"], events[1]["count"], events[2]["exit_code"], captured.err) == ("halves", 1, 0, "4.0\n")


def test_details_are_shown_by_help_all_alone(program, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    added, main = program

    @added.command("mix paint", "mix red", description="Mix paint, of any colour.\n\nIt takes a minute.")
    def mix(
        colour: Annotated[str, Option("name of the colour")],
        *,
        speed: Annotated[
            float, Option("speed of the mixer", low=0.0, high=1.0, group=Group("details", is_detail=True))
        ],
        tone: Annotated[
            str,
            Option(
                "tone",
                details="bright or dark",
                choices=list("abcdefghijklmnopqrstuvwxyz"),
                group=Group("how", lists=lambda: "Tones:\n\n- a: bright"),
            ),
        ] = "a",
        quiet: Annotated[bool, Option("100% quiet")] = False,
    ) -> str:
        return colour

    texts = {}
    for option in ("--help", "--help-all"):
        with pytest.raises(SystemExit):
            main(["mix", option])
        texts[option] = capsys.readouterr().out
    brief, full = texts.values()
    assert (
        brief
        == f"""\
Mix paint, of any colour.

usage: {added.name} mix COLOUR --speed X [options]

It takes a minute.

arguments:
  COLOUR       name of the colour

options:
  --quiet      100% quiet

how:
  --tone NAME  tone (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s,
               ...; default: a)

help:
  -h, --help   show this text and exit
  --help-all   all 7 options: also details, general options

examples:
  {added.name} mix red
"""
    )
    shown = " ".join(full.split())
    assert "how: Tones: - a: bright --tone NAME tone: bright or dark (a, b, c, " in shown
    assert "x, y, z; default: a) details: --speed X speed of the mixer (from 0 to 1) general options: --json" in shown


@pytest.mark.parametrize(
    ("program", "command"),
    [(program, name) for program, _ in PROGRAMS.values() for name in ("", *program.commands)],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_help_begins_with_a_sentence_and_a_short_usage(program, command, capsys, monkeypatch):
    """As a person reads it: what the command does comes first, then what it requires, in one line."""
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit):
        program.parse([*command.split(), "--help"])
    text = capsys.readouterr().out
    sentence, usage, *_ = text.split("\n\n")
    assert sentence[0].isupper() and sentence.endswith(".")
    assert usage.startswith(f"usage: {program.name} {command or 'COMMAND'}") and usage.endswith(" [options]")
    assert "\n" not in usage
    assert len(text.splitlines()) <= 80  # about a screen; --help-all shows the rest
    # What stands for a value is in capitals, but for the ending of a file.
    metavars = re.findall(r"^  (?:-o \S+, )?--[a-z0-9-]+ (\S.*?)(?:  |$)", text, re.MULTILINE)
    assert [metavar for metavar in metavars if metavar.replace(".py", "") != metavar.replace(".py", "").upper()] == []


def test_a_result_is_shown_by_a_function_of_its_own(program, capsys):
    added, main = program

    def show(result: int, *, base: Annotated[int, Option("of the number", low=2)] = 10) -> int:
        print(result if base == 10 else f"{result:b}")
        return FAILURE if result > 7 else 0

    @added.command("count words", "count a b", show=show, when_stopped="; nothing was counted")
    def count(words: Annotated[Sequence[str], Option("words")] = (), *, rest: commands.Rest = commands.NO_REST) -> int:
        assert not rest.words or rest.option_names
        return len(words) + 10 * len(rest.words)

    assert main(["count", "a", "b", "--base", "2"]) == 0
    assert main(["count", "--no-such-flag"]) == 1  # it is in the rest
    assert capsys.readouterr().out.split() == ["10", "10"]


def test_questions_are_written_by_the_option_of_a_parameter(program, capsys):
    added, main = program

    @added.command("print questions", "ask 1+2", prints_data=True)
    def ask(
        questions: Annotated[Sequence[str], QuestionOption("questions")],
        *,
        output: Annotated[str | None, Option("a file", short="o")] = None,
    ) -> str:
        return " ".join([*questions, str(output)])

    assert main(["ask", "--p-", "-o", "x", "-{3}p-"]) == 0
    assert capsys.readouterr().out == "--p- -{3}p- x\n"
    assert main(["ask", "--p-", "--json"]) == 2  # which prints_data leaves out


def sized(
    task: TaskName,
    *,
    parameters: Annotated[dict[str, Any], Options(PARAMETERS, names={"seed": "data_seed"}, as_dict=True)],
    chosen: Annotated[SuiteOptions, Options(SuiteOptions, flags={"seed": "suite-seed"})],
    lengths: Annotated[Sequence[int], Option("lengths", read=lambda label, value: [int(value)])] = (1,),
) -> tuple:
    return named_task(task, parameters).config_name, chosen, lengths


def test_values_are_checked_by_the_same_function_whichever_way_they_come(input_error):
    """Words of a command, keywords of Python, and a table of a file stand for the same, and are refused alike."""
    names = parameters_of(sized)
    assert {"task", "data_seed", "dashes", "seed", "per_slice", "lengths"} <= names.keys()
    assert (names["data_seed"].flag, names["seed"].flag, names["version"].flag) == (
        "data-seed", "suite-seed", "suite-version",
    )  # fmt: skip
    result = call(sized, {"task": "pq", "dashes": 20, "data_seed": 3, "seed": 5, "lengths": "7", "per_slice": 2})
    assert result == ("pq-d20-n210-s3", SuiteOptions(seed=5, per_slice=2), [7])
    for values in ({"per_slice": 0}, {"per_slice": None}, {"set": "standrad"}, {"seeds": 3}, {"dashes": 3}):
        with input_error(InputError):
            call(sized, {"task": "addition"} | values)
    assert call(sized, {"task": "addition", "dashes": None})[0] == "addition"


def work(
    *,
    left: Annotated[int | None, Option("a number", default_text="none")] = None,
    quick: Annotated[bool, Option("be quick")] = False,
    suite: Annotated[bool, Option("leave the suite out")] = True,
    names: Annotated[Sequence[str], Option("names", repeat=True)] = (),
    lengths: Annotated[Sequence[int] | None, Option("lengths", read=read_numbers)] = None,
    chosen: Annotated[SuiteOptions, Options(SuiteOptions, only=["version", "seed"], flags={"seed": "suite-seed"})],
) -> None:
    """Options of every kind."""


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ([], {}),
        (["--left", "3"], {"left": 3}),
        (["--left=-3"], {"left": -3}),
        (["--quick", "--no-suite"], {"quick": True, "suite": False}),
        (["--names", "a", "--names", "b"], {"names": ["a", "b"]}),
        (["--lengths", "3,4"], {"lengths": "3,4"}),
        (["--suite-version", "1", "--suite-seed", "7"], {"version": 1, "seed": 7}),
    ],
    ids=["none", "number", "negative number", "flags", "repeated", "list of numbers", "options of a group"],
)
def test_words_and_values_stand_for_each_other(words, values, input_error):
    parameters = parameters_of(work)
    parser = Parser()
    add_options(parser, parameters.values())
    assert typed_values(parser.parse_args(words), parameters) == values
    assert typed_values(parser.parse_args(typed(parameters, values)), parameters) == values
    flags = {parameters[name].flag: value for name, value in values.items()}
    assert from_flags(parameters, flags, "work") == values
    if values:
        name = next(iter(flags))
        with input_error(InputError):
            from_flags(parameters, {f"{name}s": 1}, "work")


def test_what_stands_for_the_default_is_not_typed():
    assert typed(parameters_of(work), {"quick": False, "suite": True, "lengths": [3, 4]}) == ["--lengths", "3,4"]
    taken = arguments(work, {"left": None, "lengths": (5, 6)})
    assert taken == {"lengths": [5, 6], "chosen": SuiteOptions()}


def test_a_function_of_python_shows_the_options_that_it_passes_on(input_error):
    @shows(sized, without=["lengths"], aliases={"number": "per_slice"})
    def suite(task: str, **options: Any) -> tuple:
        return call(sized, options, task=task)

    with input_error(InputError):
        suite("pq", number=3)
    with input_error(InputError):
        suite("pq", lengths=3)
    assert suite("pq", dashes=20)[0] == "pq-d20-n210"


def test_two_options_of_one_name_are_a_mistake_of_ours():
    def twice(*, options: Annotated[SuiteOptions, Options(SuiteOptions)], seed: Annotated[int, Option("a seed")] = 0):
        return options, seed

    with pytest.raises(TypeError, match="twice has two options of one name"):
        parameters_of(twice)
