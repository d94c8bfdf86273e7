"""JSON as values of types: what fits, and the one error that says which field does not."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON

from seq2seq_arith.base.decoding import MalformedError, decode, parse
from seq2seq_arith.base.errors import InputError


@dataclasses.dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    many: tuple[Inner, ...] = ()
    pair: tuple[str, int] | None = None
    by_name: dict[str, float] = dataclasses.field(default_factory=dict)
    flag: bool = False
    anything: Any = None
    derived: int = dataclasses.field(init=False, default=3)

    def __post_init__(self):
        if self.count < 0:
            raise InputError(f"count is {self.count}; give one from 0")


class Row(TypedDict):
    epoch: int
    loss: float
    round: NotRequired[int]


WHOLE = {
    "count": 1,
    "inner": {"name": "a", "share": 1},
    "many": [{"name": "b"}, {"name": "c"}],
    "pair": ["x", 2],
    "by_name": {"y": 0.25},
    "flag": True,
    "anything": [None, {}],
}


def test_a_whole_object():
    outer = decode(Outer, WHOLE)
    many = Inner("b"), Inner("c")
    assert outer == Outer(1, Inner("a", 1.0), many, ("x", 2), {"y": 0.25}, flag=True, anything=[None, {}])
    assert type(outer.inner.share) is float


def test_what_is_not_said_has_its_default():
    assert decode(Outer, {"count": 0, "inner": {"name": "a"}}) == Outer(0, Inner("a"))


def test_what_a_dataclass_gives_as_json_comes_back():
    whole = decode(Outer, WHOLE)
    values = json.loads(json.dumps(dataclasses.asdict(whole)))
    del values["derived"]
    assert decode(Outer, values) == whole


@pytest.mark.parametrize(
    ("kind", "value", "decoded"),
    [
        (Row, {"epoch": 1, "loss": 2}, {"epoch": 1, "loss": 2.0}),
        (Row, {"epoch": 1, "loss": 2, "round": 3}, {"epoch": 1, "loss": 2.0, "round": 3}),
        (list, [1, "a"], [1, "a"]),
        (Sequence[int], [1], (1,)),
        (Mapping[str, int], {"a": 1}, {"a": 1}),
        (dict, {"a": 1}, {"a": 1}),
        (int | str, "a", "a"),
        (int | str | None, None, None),
        (float, 10**300, 1e300),
    ],
)
def test_other_types(kind, value, decoded):
    assert decode(kind, value) == decoded


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"count": "1"}, "count is '1', not a whole number"),
        ({"count": True}, "count is True, not a whole number"),
        ({"count": 1.0}, "count is 1.0, not a whole number"),
        ({"flag": 1}, "flag is 1, not true or false"),
        ({"inner": []}, "inner is [], not an object"),
        ({"inner": {}}, "inner.name is missing"),
        ({"inner": {"name": None}}, "inner.name is None, not a string"),
        ({"inner": {"name": "a", "share": float("nan")}}, "inner.share is nan, not a finite number"),
        ({"inner": {"name": "a", "share": 10**400}}, r"inner.share is 1000"),
        ({"inner": {"name": "a", "share": False}}, "inner.share is False, not a finite number"),
        ({"many": {}}, "many is {}, not an array"),
        ({"many": [{"name": "a"}, {"name": 1}]}, "many[1].name is 1, not a string"),
        ({"pair": ["x"]}, "pair has 1 values, not 2"),
        ({"by_name": {"y": "z"}}, "by_name.y is 'z', not a finite number"),
        ({"colour": 1}, "colour is not a known key"),
        ({"derived": 1}, "derived is not a known key"),
    ],
)
def test_the_field_that_does_not_fit_is_said(changes, sentence):
    with pytest.raises(MalformedError) as raised:
        decode(Outer, WHOLE | changes)
    assert str(raised.value).startswith(sentence)
    assert str(raised.value) == f"{raised.value.field} {raised.value.reason}"


def test_further_keys_may_be_left_out():
    inner = {"name": "a", "colour": 1}
    assert decode(Outer, {"count": 1, "inner": inner, "x": 2}, further=True) == Outer(1, Inner("a"))


def test_what_a_dataclass_refuses_itself_stays_its_own_sentence():
    with pytest.raises(InputError, match="count is -1; give one from 0"):
        decode(Outer, WHOLE | {"count": -1})


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[" * 200_000, "9" * 5000])
def test_a_text_that_is_not_json(text):
    with pytest.raises(MalformedError, match="it is not JSON"):
        parse(text)


@given(st.sampled_from([*WHOLE]), JSON)
def test_any_value_in_any_field_fits_or_is_refused_in_one_way(name, value):
    try:
        outer = decode(Outer, WHOLE | {name: value})
    except InputError as error:
        assert str(error)
    else:
        assert isinstance(outer, Outer)
