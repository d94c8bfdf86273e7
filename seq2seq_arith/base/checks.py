"""Checks of values that a person gives: each raises InputError in one sentence, which lists the allowed values."""

import difflib
import math
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Any

from seq2seq_arith.base.errors import InputError, shown

MAX_NUMBER = 10**6  # of a list of numbers
LONGEST_LIST = 150  # characters of the names that a message lists although it suggests one of them


def check_choice(label: str, value: Any, choices: Sequence[str]) -> None:
    """Raises InputError unless the value is one of the choices."""
    if value not in choices:
        raise InputError(f"{label} is {shown(value)}; {one_of(value, choices)}")


def one_of(typed: Any, names: Iterable[str]) -> str:
    """The end of a message about a wrong name: the allowed names, unless they are many, and the most similar one.

    >>> one_of("GRU", ["lstm", "gru"])
    "give one of lstm, gru; did you mean 'gru'?"
    """
    names = list(names)
    listing, suggestion = ", ".join(names), did_you_mean(str(typed), names)
    return suggestion[2:] if suggestion and len(listing) > LONGEST_LIST else f"give one of {listing}{suggestion}"


def did_you_mean(typed: str, names: Iterable[str]) -> str:
    """The end of a message: a question about the name most similar to a mistyped one; empty if none is similar.

    >>> did_you_mean("additoin", ["addition", "subtraction"])
    "; did you mean 'addition'?"
    """
    matches = difflib.get_close_matches(typed.lower(), names, n=1)  # the field writes LSTM and GRU
    return f"; did you mean {matches[0]!r}?" if matches else ""


def mistyped_option(typed: str, names: Iterable[str], otherwise: str) -> str:
    """The end of a message about an option: the most similar option, or the advice ``otherwise`` if none is similar.

    >>> mistyped_option("--num_examples=3", ["--num-examples", "--seed"], "see --help")
    '; did you mean --num-examples?'
    >>> mistyped_option("--seed=3", ["--num-examples", "--seed"], "see --help")
    '; give it behind the command'
    """
    by_name = {name.lstrip("-").replace("_", "-"): name for name in names}
    word = typed.partition("=")[0].lstrip("-").replace("_", "-")
    matches = difflib.get_close_matches(word, by_name, n=1, cutoff=0.75)
    if typed.partition("=")[0] in by_name.values():
        return "; give it behind the command"
    return f"; did you mean {by_name[matches[0]]}?" if matches else f"; {otherwise}"


def check_int(label: str, value: Any, low: float | None, high: float | None) -> int:
    """The value as an int; InputError unless it is an integer of Python or NumPy, not a bool, and within the bounds."""
    try:  # an array has __index__, too, which raises TypeError
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not within(number, low, high):
        raise InputError(f"{label} is {shown(value)}; give a whole number {range_in_words(low, high, 'd')}")
    return number


def read_numbers(label: str, value: Any) -> list[int]:
    """Whole numbers from a text of numbers and rising ranges, from one number, or from several.

    >>> read_numbers("lengths", "6-8,12"), read_numbers("lengths", 9), read_numbers("lengths", (3, 4))
    ([6, 7, 8, 12], [9], [3, 4])

    Raises InputError if it is anything else.
    """
    if not isinstance(value, str):
        try:  # an array, too
            values = list(value)
        except TypeError:
            values = [value]
        return [check_int(label, number, 0, MAX_NUMBER) for number in values]
    numbers: list[int] = []
    for part in value.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= MAX_NUMBER:
            advice = f"give whole numbers up to {MAX_NUMBER} and rising ranges, such as 6-18 or 20,100"
            raise InputError(f"{label} is {shown(value)}; {advice}")
        numbers += range(first, last + 1)
    return numbers


def check_number(label: str, value: Any, low: float | None, high: float | None) -> None:
    """Raises InputError unless the value is a finite number within the bounds."""
    # An int is compared as it is, because the largest are not floats.
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
    if not is_number or not within(value, low, high):
        raise InputError(f"{label} is {shown(value)}; give a number {range_in_words(low, high, 'g')}")


def within(value: Any, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def range_in_words(low: float | None, high: float | None, form: str) -> str:
    if high is None:
        return f"at least {low:{form}}"
    return f"from {low:{form}} to {high:{form}}"
