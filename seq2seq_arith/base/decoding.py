"""JSON decoded by types: the annotations of a dataclass define the content of a file; one error names a difference.

>>> @dataclasses.dataclass(frozen=True)
... class Share:
...     questions: int
...     exact_match: float | None = None
>>> decode(Share, parse('{"questions": 4, "exact_match": 1}'))
Share(questions=4, exact_match=1.0)
>>> decode(list[Share], [{"questions": 4}])
[Share(questions=4, exact_match=None)]
>>> decode(list[Share], [{"questions": "4"}])
Traceback (most recent call last):
    ...
seq2seq_arith.base.decoding.MalformedError: [0].questions is '4', not a whole number
"""

import collections.abc
import dataclasses
import functools
import json
import math
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from seq2seq_arith.base.errors import InputError, shown

T = TypeVar("T")
PLAIN = {str: "a string", bool: "true or false", int: "a whole number", type(None): "null"}
ARRAYS = {list: list, tuple: tuple, collections.abc.Sequence: tuple}
OBJECTS = (dict, collections.abc.Mapping)


class MalformedError(InputError):
    """A JSON value does not have its type: ``field`` is the location, such as ``suites[0].seed``, or "it"."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field or 'it'} {reason}")
        self.field = field or "it"
        self.reason = reason


def parse(text: str | bytes) -> Any:
    """The value of a JSON text in UTF-8; raises MalformedError."""
    try:
        return json.loads(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedError("", f"is not JSON ({error})") from None


def read_toml(path: Path, owner: str) -> dict[str, Any]:
    """The content of a TOML file, which is that of ``owner`` in messages; raises InputError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give the TOML file of {owner}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from None


def decode(kind: type[T], value: object, name: str = "", *, further: bool = False) -> T:
    """A JSON value converted to a dataclass, TypedDict, list, tuple, dict, union, str, bool, int, float or Any.

    Args:
      kind: The type. The keys of a JSON object are the fields of a dataclass; a missing field has its default.
      value: The JSON value. A float must be finite, and may be written as a whole number.
      name: The name of the value in messages.
      further: Whether other keys than fields are allowed, and ignored.

    A class with a method ``decoded`` decodes itself, for example because a file contains hundreds of thousands of them.

    Raises MalformedError if the value does not have that type, and any error of the dataclass itself.
    """
    return _decode(kind, value, name, further)


def _decode(kind: Any, value: Any, place: str, further: bool) -> Any:
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if kind is Any:
        return value
    if itself := getattr(kind, "decoded", None):
        return itself(value)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, value, place, further)
    if dataclasses.is_dataclass(kind) or typing.is_typeddict(kind):
        return _object(kind, value, place, further)
    if origin in ARRAYS:
        if not isinstance(value, list):
            raise MalformedError(place, f"is {shown(value)}, not an array")
        kinds = _kinds_of_items(origin, arguments, len(value), place)
        items = enumerate(zip(kinds, value, strict=True))
        return ARRAYS[origin](_decode(item_kind, item, f"{place}[{i}]", further) for i, (item_kind, item) in items)
    if origin in OBJECTS:
        _check_object(value, place)
        item_kind = arguments[1] if arguments else Any
        return {key: _decode(item_kind, item, _inside(place, key), further) for key, item in value.items()}
    if kind is float:
        return _float(value, place)
    if type(value) is not kind:  # a bool is an int, but not a number
        raise MalformedError(place, f"is {shown(value)}, not {PLAIN[kind]}")
    return value


def _union(kinds: tuple[Any, ...], value: Any, place: str, further: bool) -> Any:
    """The value as the first type that it fits; otherwise raises the error of the first type."""
    failures = []
    for kind in kinds:
        try:
            return _decode(kind, value, place, further)
        except MalformedError as error:
            failures.append(error)
    raise failures[0]


def _object(kind: Any, value: Any, place: str, further: bool) -> Any:
    _check_object(value, place)
    hints, required = _fields(kind)
    if unknown := [] if further else sorted(value.keys() - hints.keys()):
        raise MalformedError(_inside(place, unknown[0]), "is not a known key")
    if missing := [name for name in hints if name in required - value.keys()]:
        raise MalformedError(_inside(place, missing[0]), "is missing")
    present = {name: hint for name, hint in hints.items() if name in value}
    return kind(**{name: _decode(hint, value[name], _inside(place, name), further) for name, hint in present.items()})


@functools.cache
def _fields(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The types of a class's fields, by name, and the names of those without a default."""
    hints = typing.get_type_hints(kind)
    if typing.is_typeddict(kind):
        return hints, kind.__required_keys__
    fields = [field for field in dataclasses.fields(kind) if field.init]
    missing = dataclasses.MISSING
    required = {field.name for field in fields if field.default is missing and field.default_factory is missing}
    return {field.name: hints[field.name] for field in fields}, frozenset(required)


def _kinds_of_items(origin: Any, arguments: tuple[Any, ...], length: int, place: str) -> tuple[Any, ...]:
    """The types of the items of an array: those of a tuple of fixed length, otherwise one type for all."""
    if origin is not tuple or not arguments or arguments[-1] is Ellipsis:
        return (arguments[0] if arguments else Any,) * length
    if length != len(arguments):
        raise MalformedError(place, f"has {length} values, not {len(arguments)}")
    return arguments


def _check_object(value: Any, place: str) -> None:
    if not isinstance(value, dict):
        raise MalformedError(place, f"is {shown(value)}, not an object")


def _float(value: Any, place: str) -> float:
    try:
        number = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:  # of a whole number with hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise MalformedError(place, f"is {shown(value)}, not a finite number")
    return number


def _inside(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
