"""The names of datasets: what differs from the task's defaults, such as ``addition-d5-s1-plain``."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.own_tasks import ways_to_draw
from seq2seq_arith.base.errors import InputError

# How a name gives each parameter, in this order: a letter before a number, a word for each value, or the value itself.
NAME_PARTS: Mapping[str, str | Mapping[Any, str]] = MappingProxyType(
    {
        "digits": "d",
        "num_examples": "n",
        "seed": "s",
        "ordered": {True: "ordered", False: "unordered"},
        "reverse": {True: "reversed", False: "plain"},
        "draws": {},
        "num_validation": "v",
    }
)


def write(task: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The name of a dataset, from its task and its parameters.

    >>> write("addition", {**dict.fromkeys(NAME_PARTS), "digits": 5, "reverse": False}, dict.fromkeys(NAME_PARTS))
    'addition-d5-plain'
    """
    parts = [task]
    for field, part in NAME_PARTS.items():
        value = values[field]
        if value != defaults[field]:
            parts.append(f"{part}{value}" if isinstance(part, str) else part.get(value, str(value)))
    return "-".join(parts)


def read(name: str) -> tuple[str, dict[str, Any]]:
    """The task and the parameters that a name gives: the inverse of ``write``.

    >>> read("addition-d5-plain")
    ('addition', {'digits': 5, 'reverse': False})
    """
    task, *parts = name.split("-")
    if task not in BUILT_IN:
        own_tasks.named(task)
    given: dict[str, Any] = {}
    for part in parts:
        found = _read_part(part)
        if found is None:
            letters = [f"{each} and a number" for each in NAME_PARTS.values() if isinstance(each, str)]
            words = [word for each in NAME_PARTS.values() if isinstance(each, Mapping) for word in each.values()]
            allowed = f"{', '.join([*letters, *words])}, or one of {', '.join(ways_to_draw())}"
            raise InputError(f"{name!r} has the part {part!r}; give {allowed}")
        field, value = found
        if field in given:
            raise InputError(f"{name!r} gives {field} twice, the second time as {part!r}; give it once")
        given[field] = value
    return task, given


def _read_part(text: str) -> tuple[str, Any] | None:
    """The parameter and the value that a part of a name gives; None if it gives none."""
    number = re.fullmatch(r"([a-z])([0-9]{1,20})", text)
    for field, part in NAME_PARTS.items():
        if number and part == number[1]:
            return field, int(number[2])
        if isinstance(part, Mapping):
            for value, word in part.items():
                if word == text:
                    return field, value
    return ("draws", text) if text in ways_to_draw() else None
