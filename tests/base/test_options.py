"""Options come from the fields of dataclasses: their check, their parser and their help."""

import argparse
import dataclasses
import sys
import types

import pytest

from seq2seq_arith.base import options
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """One field of each kind."""

    name: str = option("which network", default="lstm", label="model", choices=("lstm", "gru"))
    hidden: int = option("units of a layer", default=128, low=1, high=2**14)
    rate: float = option("the peak, 100% of it", default=0.5, low=0.0, high=1.0)
    seed: int = option("the seed", default=0, low=0)
    clip: float | None = option("the largest norm", default=None, low=0.1, high=10.0, default_text="no bound")
    xla: bool = option("compile", default=False)
    plain: int = 0

    def __post_init__(self):
        options.check(self)


def parser(cls=Config, **kwargs) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(exit_on_error=False)
    options.add_options(made, cls, **kwargs)
    return made


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "rnn"}, "model is 'rnn'; give one of lstm, gru"),
        ({"hidden": 0}, "hidden is 0; give a whole number from 1 to 16384"),
        ({"hidden": 2**14 + 1}, "hidden is 16385; give a whole number from 1 to 16384"),
        ({"hidden": 1.0}, "hidden is 1.0; give a whole number from 1 to 16384"),
        ({"hidden": True}, "hidden is True; give a whole number from 1 to 16384"),
        ({"hidden": None}, "hidden is None; give a whole number from 1 to 16384"),
        ({"rate": 1.5}, "rate is 1.5; give a number from 0 to 1"),
        ({"rate": float("nan")}, "rate is nan; give a number from 0 to 1"),
        ({"rate": "fast"}, "rate is 'fast'; give a number from 0 to 1"),
        ({"seed": -1}, "seed is -1; give a whole number at least 0"),
        ({"clip": 0.0}, "clip is 0.0; give a number from 0.1 to 10"),
        ({"xla": 1}, "xla is 1; give True or False"),
    ],
)
def test_a_value_out_of_its_range_is_refused(values, message):
    with pytest.raises(InputError) as raised:
        Config(**values)
    assert str(raised.value) == message


def test_the_bounds_themselves_are_allowed():
    for values in ({"hidden": 1}, {"hidden": 2**14}, {"rate": 0}, {"clip": None}, {"seed": 2**70}):
        Config(**values)


def test_every_given_option_is_set():
    assert options.given(parser().parse_args([]), Config) == {}
    words = ["--name", "gru", "--hidden", "7", "--rate", "1e-3", "--seed", "5", "--clip", "2", "--no-xla"]
    values = options.given(parser().parse_args(words), Config)
    assert Config(**values) == Config(name="gru", hidden=7, rate=1e-3, seed=5, clip=2.0, xla=False)


def test_help_shows_choices_bounds_and_defaults():
    shown = " ".join(parser().format_help().split())
    for words in (
        "which network (lstm, gru; default: lstm)",
        "units of a layer (from 1 to 16,384; default: 128)",
        "the peak, 100% of it (from 0 to 1; default: 0.5)",
        "the largest norm (from 0.1 to 10; default: no bound)",
        "compile (default: no)",
    ):
        assert words in shown
    other = parser(default_of=lambda name: "the recipe's" if name == "hidden" else None).format_help()
    assert "default: the recipe's" in " ".join(other.split())


def test_a_field_that_is_added_becomes_an_option():
    added = dataclasses.make_dataclass(
        "Added", [("depth", int, option("layers", default=2, low=1))], bases=(Config,), frozen=True
    )
    assert options.given(parser(added).parse_args(["--depth", "4"]), added) == {"depth": 4}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--hidden", "ten"], "'ten' is not a whole number; write it with digits only"),
        (["--rate", "half"], "'half' is not a number; write it like 0.5 or 1e-3"),
    ],
    ids=str,
)
def test_a_number_that_is_typed_wrongly(words, sentence):
    with pytest.raises(argparse.ArgumentError, match=sentence):
        parser().parse_args(words)


def test_a_parser_refuses_in_one_sentence():
    parser = options.Parser(prog="prog")
    parser.add_argument("--number", type=int)
    for words, message in (
        (["--number", "x"], "argument --number: invalid int value: 'x'; see prog --help"),
        (["--num", "1"], "unrecognized arguments: --num 1; see prog --help"),
    ):
        with pytest.raises(InputError) as raised:
            parser.parse_args(words)
        assert str(raised.value) == message


def test_help_ends_with_examples_and_begins_with_the_first_options():
    parser = options.Parser(prog="prog", description="Word " * 40, examples=["prog " + "long " * 30 + "end", "prog b"])
    first = parser.add_argument_group(options.FIRST_OPTIONS)
    more = parser.add_argument_group("more options")
    more.add_argument("--rare", help="rare")
    first.add_argument("--often", help="often")
    parser.add_help_option()
    shown = parser.format_help()
    assert shown.endswith(f"\nexamples:\n  prog {'long ' * 30}end\n  prog b\n")
    places = [shown.index(f"\n{title}:") for title in (options.FIRST_OPTIONS, "more options", "help", "examples")]
    assert places == sorted(places)
    assert max(map(len, shown.partition("\nexamples:")[0].splitlines())) <= 80
    assert "\x1b" not in shown


def test_a_list_in_a_help_text_keeps_its_lines():
    parser = options.Parser(prog="prog")
    parser.add_argument_group("models", f"Models:\n\n- one: {'word ' * 30}\n- two: short").add_argument("--model")
    shown = parser.format_help()
    assert "\n  Models:\n\n  - one: word" in shown
    assert "\n    word word" in shown  # what does not fit into the line of an item is under its text
    assert "\n  - two: short\n" in shown


def test_completion_costs_nothing_until_a_shell_asks(monkeypatch):
    asked = []
    parser = argparse.ArgumentParser()
    monkeypatch.setitem(sys.modules, "argcomplete", types.SimpleNamespace(autocomplete=asked.append))
    options.complete(parser)
    assert asked == []
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    options.complete(parser)
    assert asked == [parser]
    monkeypatch.setitem(sys.modules, "argcomplete", None)  # as if it were not installed
    options.complete(parser)
