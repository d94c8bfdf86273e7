"""The table of scores: laws of its sums and its worst slice, and what its file may hold."""

import collections
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic.scoring import COUNTS, Mistake, Scores, Share, SliceScore
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import interval

TEXTS = st.text("0123456789+-p", max_size=5)
KNOWN = [("standard", 3), ("standard", 6), ("held_out", 3)]  # sets and sizes
MISTAKES = st.builds(Mistake, TEXTS, TEXTS, st.none() | TEXTS)


@st.composite
def slice_scores(draw, suites=KNOWN):
    """A row with counts that fit each other."""
    seen, unseen = draw(st.integers(0, 50)), draw(st.integers(1, 50))
    right = [draw(st.integers(0, count)) for count in (seen, unseen)]
    of_seen = {"seen": seen, "seen_right": right[0]} if draw(st.booleans()) else {}
    set, size = draw(st.sampled_from(suites))
    names = {"set": set, "size": size, "slice": draw(st.sampled_from(["a", "b", "lengths-1-1", "lengths-2-1"]))}
    counts = {name: draw(st.integers(0, 99)) for name in COUNTS[2:]}
    return SliceScore(seen + unseen, sum(right), **names, **of_seen, **counts, mistake=draw(st.none() | MISTAKES))


ROWS = st.sampled_from([KNOWN, [(None, None)]]).flatmap(
    lambda suites: st.lists(slice_scores(suites), max_size=6, unique_by=lambda row: (row.set, row.size, row.slice))
)
SCORES = st.builds(
    Scores,
    ROWS.map(tuple),
    per_slice=st.none() | st.integers(1, 1000),
    seed=st.none() | st.integers(0, 9),
    whole=st.none() | slice_scores(),
    mistakes=st.lists(MISTAKES, max_size=2).map(tuple),
    missing=st.integers(0, 3),
)


@given(SCORES)
def test_a_file_of_scores_holds_all_of_them(scores):
    assert Scores.from_json(json.loads(json.dumps(scores.to_json()))) == scores


@given(ROWS)
def test_the_total_is_the_sum_of_the_slices(rows):
    total = Scores(tuple(rows)).total()
    for name in COUNTS:
        assert getattr(total, name) == sum(getattr(row, name) for row in rows)
    if rows and all(row.seen is not None for row in rows):
        seen, right = (sum(getattr(row, name) for row in rows) for name in ("seen", "seen_right"))
        assert total.seen_in_training == Share(seen, right)
        assert total.not_seen == Share(total.questions - seen, total.right - right)
    else:
        assert total.seen_in_training is total.not_seen is None
    whole = SliceScore(3, 2, slice="")
    assert Scores(tuple(rows), whole=whole).total() == whole


@given(ROWS)
def test_no_slice_is_worse_than_the_worst(rows):
    worst = Scores(tuple(rows)).worst()
    if worst is None:
        assert not rows
        return
    assert worst.exact_match == min(row.exact_match for row in rows)
    equals = [row for row in rows if row.exact_match == worst.exact_match]
    assert worst.questions == max(row.questions for row in equals)  # of equals the one with more questions
    assert worst is next(row for row in equals if row.questions == worst.questions)  # then the first


LONG = "7" + "0" * 199


def test_a_long_question_is_short_in_the_words_of_the_worst_slice():
    zero = SliceScore(1000, 500, slice="zero", mistake=Mistake(f"0+{LONG}", LONG, LONG[1:]))
    sentence = "worst slice: zero, 0.500 of 1,000: 0+70{199} = 70{199}, answered 0{199}"
    assert (Scores((zero,)).worst_in_words(), Scores(()).worst_in_words()) == (sentence, "")


@given(SCORES)
def test_what_people_see_has_every_slice_that_is_not_hidden(scores):
    texts = (scores.text(), scores.markdown(), repr(scores), scores._repr_html_())
    for row in scores.shown():
        assert all(row.slice in text for text in texts)
    for row, figures in zip(scores.rows, scores.slices, strict=True):
        assert (figures["slice"], figures["questions"], figures["exact_match"]) == (
            row.slice,
            row.questions,
            row.exact_match,
        )
        assert (figures["at_least"], figures["at_most"]) == interval(row.right, row.questions)
    if worst := scores.worst():
        assert scores.worst_slice["slice"] == scores[worst.slice]["slice"] == worst.slice
        assert all(scores.worst_in_words() in text for text in texts[:3])


@given(SCORES)
def test_the_suites_are_the_rows_apart(scores):
    suites = scores.suites()
    rows = [row for suite in suites.values() for row in suite.rows]
    assert collections.Counter(rows) == collections.Counter(scores.rows)
    assert len({size for _, size in suites}) == len(scores.sizes)
    for suite, of_suite in suites.items():
        assert {(row.set, row.size) for row in of_suite.rows} == {suite}
        assert (of_suite.per_slice, of_suite.seed) == (scores.per_slice, scores.seed)
    assert Scores(tuple(rows)).total() == dataclasses.replace(scores, whole=None).total()


@given(ROWS)
def test_each_row_is_the_worst_of_those_behind_it(rows):
    ordered = Scores(tuple(rows)).worst_first()
    assert collections.Counter(ordered) == collections.Counter(rows)
    assert all(Scores(tuple(ordered[place:])).worst() is row for place, row in enumerate(ordered))


GOOD = Scores((SliceScore(4, 2, slice="a", set="standard", size=3, seen=2, seen_right=1),)).to_json()


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        "rows",
        {"rows": 5},
        {"rows": [5]},
        {"rows": [{}]},
        {"rows": 2 * GOOD["rows"]},
        {"rows": [GOOD["rows"][0] | {"questions": 0, "right": 0}]},
        GOOD | {"colour": "red"},
        GOOD | {"mistakes": [{"question": "1+1"}]},
        GOOD | {"whole": {"questions": 1}},
        *(
            {"rows": [GOOD["rows"][0] | wrong]}
            for wrong in (
                {"right": 5},
                {"right": -1},
                {"questions": 4.0},
                {"questions": True},
                {"questions": None},
                {"slice": 3},
                {"set": 3},
                {"size": "3"},
                {"seen": 5},
                {"seen_right": 3},
                {"seen": None},
                {"right": 4, "seen_right": 1},  # then 3 of the 2 that are not seen are right
                {"characters": -1},
                {"colour": "red"},
                {"mistake": {"question": "1+1", "answer": 2, "prediction": "3"}},
            )
        ),
    ],
)
def test_other_values_are_refused(values):
    with pytest.raises(InputError):
        Scores.from_json(values)


def test_a_row_that_cannot_be(input_error):
    rows: list = [{"characters": -1}, {"slice": 3}, {"seen": 3, "seen_right": 2}, {"size": "3"}, {"right": 5}]
    for values in rows:
        with input_error(InputError):
            SliceScore(**{"questions": 4, "right": 1, "slice": "a", **values})
    with input_error(InputError):
        Mistake(1, "2", "3")  # pyright: ignore[reportArgumentType]
    with input_error(InputError):
        Scores.from_json([1])


def test_rows_that_do_not_go_together(input_error):
    row, empty = SliceScore(4, 1, slice="a"), SliceScore(0, 0, slice="b")
    for rows, values in (((row,), {"seed": "0"}), ((row, row), {}), ((row, empty), {})):
        with input_error(InputError):
            Scores(rows, **values)


def test_an_unknown_slice(input_error):
    with input_error(InputError):
        Scores.from_json(GOOD)["equal"]
