"""Options come from the fields of dataclasses: their check, their parser and their help."""

import argparse
import dataclasses

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


def test_a_value_out_of_its_range_is_refused(refusal):
    for values in (
        {"name": "rnn"},
        {"hidden": 0},
        {"hidden": 2**14 + 1},
        {"hidden": 1.0},
        {"hidden": True},
        {"rate": 1.5},
        {"rate": float("nan")},
        {"rate": "fast"},
        {"seed": -1},
        {"clip": 0.0},
        {"xla": 1},
    ):
        with refusal(InputError):
            Config(**values)


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


def test_words_that_are_wrong_are_refused(refusal):
    for words in (["--hidden", "ten"], ["--rate", "half"]):
        with refusal(argparse.ArgumentError):
            parser().parse_args(words)
    other = options.Parser(prog="prog")
    other.add_argument("--number", type=int)
    for words in (["--number", "x"], ["--num", "1"]):
        with refusal(InputError):
            other.parse_args(words)
