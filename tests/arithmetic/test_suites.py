"""The slices of both sets of the suites: the rule of each slice, its fixed content, and different pairs."""

import hashlib
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import chains

from seq2seq_arith.arithmetic.notation import DASHES, RESIDUES
from seq2seq_arith.arithmetic.operations import BUILT_IN, OPERATIONS
from seq2seq_arith.arithmetic.slices import ladder
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD, VERSION, Slice, Words, pairs, version

DECIMAL = ("addition", "subtraction", "multiplication")


def slices(task: str, size: int, *sets: str, version: int = VERSION) -> list[Slice]:
    return [slice for set in sets or SETS for slice in OPERATIONS[task].slices(set, size, version)]


def find(task: str, size: int, name: str) -> Slice:
    (slice,) = (slice for slice in slices(task, size) if slice.name == name)
    return slice


def chain(left: int, right: int, size: int, borrows: bool) -> int:
    return max(map(len, chains(left, right, size, borrows)), default=0)


def is_power(value: int) -> bool:
    return value > 0 and value == 10 ** (len(str(value)) - 1)


def is_round(value: int) -> bool:
    return value > 0 and set(str(value)[1:]) <= {"0"}


def repeats(value: int) -> bool:
    return len(set(str(value))) == 1


# The rule that each pair of a slice keeps: (task, D, left, right), where D is the modulus of modular addition.
PROMISES = {
    "random": lambda t, d, x, y: True,
    "full": lambda t, d, x, y: {len(str(x)), len(str(y))} == {d} if t in DECIMAL else d in (x, y),
    "equal": lambda t, d, x, y: x == y,
    "near": lambda t, d, x, y: 1 <= abs(x - y) <= 9 or d == 1,
    "near-power": lambda t, d, x, y: is_power(abs(x - y)),
    "round": lambda t, d, x, y: is_round(x) or is_round(y),
    "almost-round": lambda t, d, x, y: is_round(x) or is_round(y),
    "nines": lambda t, d, x, y: is_power(max(x, y) + 1) or is_power(min(x, y) + 1),
    "zeros": lambda t, d, x, y: x > 0 and y > 0,
    "zero": lambda t, d, x, y: 0 in (x, y),
    "repeated": lambda t, d, x, y: repeats(x) and repeats(y),
    "carry-all": lambda t, d, x, y: chain(x, y, d, borrows=False) == d and 10**d <= x + y < 10**d + 9,
    "borrow-all": lambda t, d, x, y: chain(x, y, d, borrows=True) == d - 1,
    "positive": lambda t, d, x, y: x > y,
    "negative": lambda t, d, x, y: x < y,
    "carry-stop": lambda t, d, x, y: stops(*chains(x, y, d, borrows=False), d, x, y),
    "borrow-stop": lambda t, d, x, y: stops(*chains(x, y, d, borrows=True), d - 1, *complement(x, y, d)),
    "extremes": lambda t, d, x, y: {x, y} <= {1, 2, 3, d - 2, d - 1, d},
    "one": lambda t, d, x, y: 1 in (x, y),
    "sum-low": lambda t, d, x, y: x + y <= 101,
    "sum-high": lambda t, d, x, y: x + y > 2 * d - 100,
    "wrap": lambda t, d, x, y: x + y >= d,
    "no-wrap": lambda t, d, x, y: x + y < d,
    "answer-zero": lambda t, d, x, y: (x + y) % d == 0,
    "answer-last": lambda t, d, x, y: x + y == d - 1,
    "eights-nines": lambda t, d, x, y: set(f"{x}{y}") <= {"8", "9"},
    "fours-fives": lambda t, d, x, y: set(f"{x}{y}") <= {"4", "5"},
    "zeros-nines": lambda t, d, x, y: set(f"{x}{y}") <= {"0", "9"} and min(x, y) > 0,
    "evens-odds": lambda t, d, x, y: {*parities(x)} ^ {*parities(y)} == {0, 1},
    "period-2": lambda t, d, x, y: all(has_period(number, 2) for number in (x, y)),
    "period-3": lambda t, d, x, y: all(has_period(number, 3) for number in (x, y)),
    "palindromes": lambda t, d, x, y: all(number > 9 and str(number) == str(number)[::-1] for number in (x, y)),
    "staircases": lambda t, d, x, y: all(len(steps(number)) == 1 and steps(number) <= {1, 9} for number in (x, y)),
    "runs": lambda t, d, x, y: all(re.fullmatch(r"((\d)\2{1,2}(?!\2))+\d?", str(number)) for number in (x, y)),
    "reversed": lambda t, d, x, y: x > 9 and str(x) == str(y)[::-1],
    "anagrams": lambda t, d, x, y: x > 9 and sorted(str(x)) == sorted(str(y)),
    "shifted": lambda t, d, x, y: max(x, y) % min(x, y) == 0 and is_power(max(x, y) // min(x, y)) and x != y,
    "two-chains": lambda t, d, x, y: len(chains(x, y, d, t == "subtraction")) == 2,
    "many-chains": lambda t, d, x, y: alternate(chains(x, y, d, t == "subtraction"), d - (t == "subtraction")),
    "middle-chain": lambda t, d, x, y: in_the_middle(*chains(x, y, d, t == "subtraction"), d, x, y),
    "interleaved": lambda t, d, x, y: all((a == "0") != (b == "0") for a, b in columns(x, y)),
    "answer-repeated": lambda t, d, x, y: repeats(abs(answer(t, x, y))) and 10 < abs(answer(t, x, y)) < 9 * 10**d // 10,
}


def columns(left: int, right: int) -> list[tuple[str, str]]:
    width = max(len(str(left)), len(str(right)))
    return list(zip(f"{left:0{width}}", f"{right:0{width}}", strict=True))


def alternate(runs: list[range], places: int) -> bool:
    """Whether every second place is a chain, from the first or the second one on."""
    return [run.start for run in runs] == list(range(runs[0].start, places, 2)) and runs[0].start < 2


def in_the_middle(run: range, size: int, left: int, right: int) -> bool:
    """Whether a chain begins at a place of the short number, and ends behind it and before the last place."""
    short, long = sorted((len(str(left)), len(str(right))))
    return run.start < short < run.stop < long == size and short <= size // 2


def stops(run: range, size: int, left: int, right: int) -> bool:
    """Whether one chain begins at the units, and all places but its first and the one behind it sum to 9."""
    sums = [left // 10**place % 10 + right // 10**place % 10 for place in range(size)]
    passing = [place for place, total in enumerate(sums) if total != 9 and place]
    return run.start == 0 and passing == [run.stop] and sums[run.stop] < 9


def complement(left: int, right: int, size: int) -> tuple[int, int]:
    """The numbers whose sum carries where the larger of two numbers borrows, without the first place."""
    high, low = max(left, right), min(left, right)
    return 10**size - 1 - high, low


def past_end(run: range, left: int, right: int) -> int:
    """How many places a chain runs past the end of the shorter number, in which it begins."""
    short = min(len(str(left)), len(str(right)))
    return run.stop - short if run.start < short else 0


def parities(value: int) -> list[int]:
    return [int(digit) % 2 for digit in str(value)]


def has_period(value: int, period: int) -> bool:
    text = str(value)
    return len(text) > period and text[period:] == text[:-period] and len(set(text)) > 1


def steps(value: int) -> set[int]:
    return {(int(b) - int(a)) % 10 for a, b in itertools.pairwise(str(value))}


def answer(task: str, left: int, right: int) -> int:
    return {"subtraction": left - right, "multiplication": left * right}.get(task, left + right)


def holds(task: str, size: int, name: str, left: int, right: int) -> bool:
    kind, *numbers = name.rsplit("-", 2) if name.startswith("lengths") else [name]
    if kind == "lengths":
        return [len(str(left)), len(str(right))] == [int(number) for number in numbers]
    if "-past-end-" in name:
        return past_end(*chains(left, right, size, name.startswith("borrow")), left, right) == int(
            name.rsplit("-", 1)[1]
        )
    if name.startswith("common-prefix"):
        places = int(name.rsplit("-", 1)[1])
        same = [a == b for a, b in zip(str(left), str(right), strict=True)]
        return all(same[:places]) and not same[places]
    if name.startswith(("carry-chain", "borrow-chain")):
        return chain(left, right, size, name.startswith("borrow")) == int(name.rsplit("-", 1)[1])
    if name == "power":
        return is_power(abs(answer(task, left, right)))
    if name == "power-less-one":
        return is_power(abs(answer(task, left, right)) + 1)
    return PROMISES[name](task, size, left, right)


@st.composite
def suite_slices(draw):
    task = draw(st.sampled_from(list(OPERATIONS)))
    operation = OPERATIONS[task]
    low, high = operation.min_size, {DASHES: 2000, RESIDUES: operation.max_size}.get(operation.notation, 60)
    size = draw(st.one_of(st.integers(low, min(high, 9)), st.integers(low, high)))
    return task, size, draw(st.sampled_from(slices(task, size)))


def check_promise(task: str, size: int, slice: Slice, seed: int) -> None:
    drawn = pairs(task, size, slice, seed, 10)
    notation = OPERATIONS[task].notation
    top = {DASHES: size, RESIDUES: size - 1}.get(notation, 10**size - 1)
    assert drawn
    assert len(set(drawn)) == len(drawn)
    assert slice.table or len(drawn) <= 10
    for left, right in drawn:
        assert notation.smallest <= min(left, right) <= max(left, right) <= top
        assert holds(task, size, slice.name, left, right), (left, right)


@given(suite_slices(), st.integers(0, 2**64 - 1))
def test_every_slice_keeps_its_promise(chosen, seed):
    check_promise(*chosen, seed)


@pytest.mark.parametrize("task", list(OPERATIONS))
def test_each_slice_of_a_task_keeps_its_promise_at_every_kind_of_size(task):
    operation = OPERATIONS[task]
    sizes = {min(max(size, operation.min_size), operation.max_size) for size in (1, 2, 3, 9, 19)}
    chosen = [(size, slice) for size in sorted(sizes) for slice in slices(task, size)]
    for size, slice in chosen:
        check_promise(task, size, slice, seed=size)


@given(st.sampled_from(list(BUILT_IN)), st.integers(1, 60), st.integers(0, 2**64 - 1))
def test_versions_only_add_slices_and_more_questions_only_add_questions(task, size, seed):
    """And a name is that of one slice of a task, over both sets."""
    operation = BUILT_IN[task]
    size = min(max(size, operation.min_size), operation.max_size)
    names = [slice.name for set in SETS for slice in operation.slices(set, size)]
    assert len({*names}) == len(names)
    for set in SETS:
        newest, oldest = (operation.slices(set, size, number) for number in (VERSION, 1))
        assert [slice.name for slice in newest if slice.since == 1] == [slice.name for slice in oldest]
        for slice in newest[seed % 7 :: 7]:
            few, many = (pairs(task, size, slice, seed, count) for count in (3, 8))
            assert few == many[: len(few)] if slice.table is None else few == many


def test_the_whole_table_of_a_modulus():
    operands = [pair for name in ("wrap", "no-wrap") for pair in pairs("modular_addition", 97,
                                                                      find("modular_addition", 97, name))]  # fmt: skip
    assert sorted(operands) == [(x, y) for x in range(97) for y in range(97)]
    assert len(pairs("modular_addition", 10**6, find("modular_addition", 10**6, "wrap"), count=7)) == 7


@pytest.mark.parametrize(
    ("task", "size", "set", "requested", "version_of_suite", "digest"),
    [
        # Older figures can be repeated: a newer version only adds slices.
        ("addition", 3, STANDARD, 1, 1, "45dd92ca5c999d25"),
        ("addition", 18, STANDARD, 1, 1, "4e9d6d184d58cff1"),
        ("addition", 40, STANDARD, 1, 1, "0fee2fb572caa8f0"),
        ("subtraction", 5, STANDARD, 1, 1, "75da24913fb28919"),
        ("multiplication", 3, STANDARD, 1, 1, "ca3c4fd8e19013d7"),
        ("pq", 1000, STANDARD, 1, 1, "83cc318ca0ed5f4d"),
        ("modular_addition", 97, STANDARD, 1, 1, "966848cfd42f15fd"),
        # A suite that has not changed keeps its version.
        ("addition", 18, STANDARD, 2, 2, "61f40d9de949abcc"),
        ("addition", 40, STANDARD, 2, 2, "ea9162933e3d4ee2"),
        ("subtraction", 5, STANDARD, 2, 2, "e9cbbc813f034baa"),
        ("multiplication", 3, STANDARD, 2, 1, "ca3c4fd8e19013d7"),
        ("addition", 1, STANDARD, 2, 1, "a43580e78ae0d0f2"),
        ("addition", 1, HELD_OUT, 2, 1, "c094ff655e31a81f"),
        ("addition", 2, HELD_OUT, 2, 1, "b049bdf9ec1ad63b"),
        ("addition", 3, HELD_OUT, 2, 1, "ffbf77d3b7806767"),
        ("addition", 40, HELD_OUT, 2, 1, "2892e0ba85a0fd72"),
        ("subtraction", 3, HELD_OUT, 2, 1, "6495576f80135787"),
        ("subtraction", 5, HELD_OUT, 2, 1, "e96020a19c220cf3"),
        ("multiplication", 10, HELD_OUT, 2, 1, "941b129c466a639c"),
    ],
)
def test_vectors(task, size, set, requested, version_of_suite, digest):
    """sha256 of the lines ``slice<TAB>left<TAB>right<LF>`` of seed 0, 50 questions per slice. They never change."""
    of_set = slices(task, size, set, version=requested)
    assert (requested <= VERSION, version(of_set)) == (True, version_of_suite)
    drawn = {slice.name: pairs(task, size, slice, count=50) for slice in of_set}
    lines = (f"{name}\t{left}\t{right}\n" for name, of_slice in drawn.items() for left, right in of_slice)
    assert hashlib.sha256("".join(lines).encode()).hexdigest()[:16] == digest


def test_the_ladder():
    assert ladder(18) == list(range(1, 19))
    assert ladder(1000) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 111, 222, 333, 444, 555, 666, 777, 888, 1000]
    for size in range(1, 300):
        assert ladder(size)[-1] == size
        assert len(ladder(size)) <= 18


@pytest.mark.parametrize("size", [1, 2])
def test_signed_operands_of_few_digits_are_of_full_length(size):
    """Here both drawn operands are often equal, and one of them is moved away from the other."""
    low = 0 if size == 1 else 10
    for name in ("positive", "negative"):
        slice = find("subtraction", size, name)
        drawn = [slice.draw(Words(name, size, index), size) for index in range(500)]
        assert {low <= number < 10**size for pair in drawn for number in pair} == {True}
        assert {left > right for left, right in drawn} == {name == "positive"}
