"""Scores of answers, compared with a recount, and the values that a function may return."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import scoring
from seq2seq_arith.arithmetic.scoring import COUNTS, Mistake, Row, Scores, SliceScore, ask, score
from seq2seq_arith.base import progress
from seq2seq_arith.base.errors import InputError

ROWS = [Row("one", "1+1", "2"), Row("one", "9+1", "10"), Row("two", "9+1", "10"), Row("two", "99+1", "100")]
RIGHT = {row.question: [row.answer] for row in ROWS}
QUESTIONS = st.tuples(st.integers(0, 20), st.integers(0, 1))


@st.composite
def rows_and_answers(draw):
    """Questions, some of them in several slices, and up to three answers to some of them and to other questions."""
    questions = draw(st.lists(st.tuples(st.sampled_from("abc"), QUESTIONS), min_size=1, unique=True))
    rows = [Row(slice, f"{left}+{right}", str(left + right)) for slice, (left, right) in questions]
    texts = st.lists(st.sampled_from(["0", "1", "10", "11", "", "x"]) | st.integers(0, 21).map(str), max_size=3)
    answers = draw(st.dictionaries(QUESTIONS.map(lambda pair: f"{pair[0]}+{pair[1]}"), texts))
    return rows, {row.question: [row.answer] for row in rows if draw(st.booleans())} | answers


@pytest.mark.parametrize(("most", "more"), [(scoring.MISTAKES, scoring.MORE_PREDICTIONS), (2, -2)])
@given(drawn=rows_and_answers())
def test_every_count_is_as_counted_by_hand(most, more, drawn):
    """Also if no wrong answer is kept longer than it has to be."""
    rows, answers = drawn
    with mock.patch.multiple(scoring, MISTAKES=most, MORE_PREDICTIONS=more):
        scores = score(rows, answers)

    def is_right(question: str) -> bool:
        return {str(eval(question))} == set(answers.get(question, []))

    def is_first_wrong(mistake: Mistake) -> bool:
        predictions = (answer for answer in answers.get(mistake.question, []) if answer != mistake.answer)
        return mistake.answer == str(eval(mistake.question)) and mistake.prediction == next(predictions, None)

    questions = {row.question for row in rows}
    whole = scores.total()
    assert (whole.questions, scores.exact_match) == (len(questions), sum(map(is_right, questions)) / len(questions))
    assert scores.missing == sum(not answers.get(question) for question in questions)
    times = [row.question for row in rows]
    assert scores.double == sum(len(answers.get(question, [])) > times.count(question) for question in questions)
    assert scores.unknown == sum(
        len(predictions) for question, predictions in answers.items() if question not in questions
    )
    for row in scores.rows:
        of_slice = [question.question for question in rows if question.slice == row.slice]
        assert (row.questions, row.right) == (len(of_slice), sum(map(is_right, of_slice)))
        first = next((question for question in of_slice if not is_right(question)), None)
        assert (row.mistake and row.mistake.question) == first
        assert row.mistake is None or is_first_wrong(row.mistake)
    wrong = [question for question in dict.fromkeys(times) if not is_right(question)]
    assert [mistake.question for mistake in scores.mistakes] == wrong[:most]
    assert all(map(is_first_wrong, scores.mistakes))
    if len(questions) == len(rows):  # no question stands in two slices
        assert {name: getattr(whole, name) for name in COUNTS} == {
            name: sum(getattr(row, name) for row in scores.rows) for name in COUNTS
        }


@pytest.mark.parametrize("order", [list, reversed])
def test_the_first_mistakes_remain_when_other_wrong_answers_are_forgotten(order):
    rows = [Row("one" if number < 20 else "two", f"{number}+1", f"{number + 1}") for number in range(30)]
    answers = {row.question: [f"not {row.answer}"] for row in order(rows)}
    with mock.patch.multiple(scoring, MISTAKES=3, MORE_PREDICTIONS=-3):
        scores = score(rows, answers)
    assert [mistake.prediction for mistake in scores.mistakes] == ["not 1", "not 2", "not 3"]
    assert [row.mistake and row.mistake.prediction for row in scores.rows] == ["not 1", "not 21"]


@pytest.mark.parametrize(
    ("answers", "characters", "wrong_lengths", "sentence"),
    [
        (RIGHT, 6 / 6, 0, "worst slice: each of the 2 slices has 1.000 (3 questions)"),
        (RIGHT | {"9+1": ["0"]}, 5 / 6, 1, "worst slice: one, 0.500 of 2: 9+1 = 10, answered 0"),
        (RIGHT | {"9+1": ["010"]}, 6 / 6, 1, "worst slice: one, 0.500 of 2: 9+1 = 10, answered 010"),
        (RIGHT | {"99+1": ["200"]}, 5 / 6, 0, "worst slice: two, 0.500 of 2: 99+1 = 100, answered 200"),
        (RIGHT | {"99+1": [""]}, 3 / 6, 1, "worst slice: two, 0.500 of 2: 99+1 = 100, answered nothing"),
        (RIGHT | {"99+1": ["\x1b"]}, 3 / 6, 1, "worst slice: two, 0.500 of 2: 99+1 = 100, answered \\x1b"),
        (RIGHT | {"99+1": []}, 3 / 6, 0, "worst slice: two, 0.500 of 2: 99+1 = 100, not answered"),
        (RIGHT | {"99+1": ["100", "1"]}, 3 / 6, 1, "worst slice: two, 0.500 of 2: 99+1 = 100, answered 1"),
    ],
)
def test_characters_lengths_and_the_worst_slice(answers, characters, wrong_lengths, sentence):
    scores = score(ROWS, answers)
    whole = scores.total()
    assert (whole.characters_right / whole.characters, whole.wrong_lengths) == (characters, wrong_lengths)
    assert scores.worst_in_words() == sentence
    assert all(sentence in shown for shown in (repr(scores), scores.text(), scores.markdown()))


def test_what_people_read():
    scores = score(ROWS, RIGHT | {"99+1": ["1|0"], "1+1": ["2", "2"], "2+2": ["4", "4"], "9+1": []})
    assert scores.facts() == [
        "exact match: 0.3333 of 3 different questions",
        "wrong: 3 of 4 (< 99%); 0 of 2 slices without a mistake",
        "wrong length: 0 of 2 wrong answers; characters right overall: 0.5000",
        "no answer: 1, which count as wrong",
        "questions with several answers: 1, right if all are",
        "answers to other questions: 2, which do not count",
    ]
    assert "| two | 2 | 0.0000 | 0.0000 | 0.8419 | 9+1 = 10, not answered |" in scores.markdown()
    assert r"| 99+1 | 100 | 1\|0 |" in scores.markdown()
    assert repr(scores).index("\ntwo ") < repr(scores).index("\none ")  # the worst first
    assert (
        score([Row("pq", "--p-", "q---")], {}).worst_in_words() == "worst slice: pq, 0.000 of 1: --p-q---, not answered"
    )


def test_of_many_pairs_of_lengths_the_worst_are_printed():
    rows = [Row(f"lengths-{m}-{n}", f"{m}+{n}", f"{m + n}") for m in range(1, 5) for n in range(1, 5)]
    scores = score(rows, {row.question: [row.answer] for row in rows if row.question != "4+4"})
    assert "\nlengths-4-4 " in scores.text()
    assert "(11 more slices lengths-M-N are not worse than these; a saved file contains all)" in scores.text()
    assert "lengths-3-4" in scores.markdown()
    assert "lengths-3-4" not in scores.text() and "lengths-3-4" not in scores._repr_html_()
    assert "questions<br>wrong: 1 of 16" in scores._repr_html_()


@pytest.mark.parametrize(
    ("answer", "answers"),
    [("2 ", ["2"]), (2, ["2"]), (np.int64(2), ["2"]), (np.str_("2"), ["2"]), (b"2", ["2"]), (None, []), ("", [""])],
)
@pytest.mark.parametrize("kind", [None, list, tuple, iter, lambda returned: np.array(returned, dtype=object)])
def test_what_a_function_may_return(answer, answers, kind):
    questions = []

    def answer_one(question):
        questions.append(question)
        return answer

    def answer_many(batch):
        assert 0 < len(batch) <= 2
        return kind([answer_one(question) for question in batch])

    returned = ask(answer_one if kind is None else answer_many, ROWS, None if kind is None else 2)
    assert questions == ["1+1", "9+1", "99+1"]  # each once
    assert returned == dict.fromkeys(questions, answers)


@pytest.mark.parametrize(
    ("function", "batch_size"),
    [
        pytest.param("42", None, id="string for the function"),
        pytest.param(eval, 0, id="batches of 0"),
        pytest.param(lambda question: 2.0, None, id="float"),
        pytest.param(lambda question: np.array(2.0), None, id="array of one float"),
        pytest.param(lambda question: True, None, id="bool"),
        pytest.param(lambda question: [question], None, id="list for one question"),
        pytest.param(lambda questions: "42", 512, id="string for a list"),
        pytest.param(lambda questions: None, 512, id="None for a list"),
        pytest.param(lambda questions: dict.fromkeys(questions, "42"), 512, id="dict for a list"),
        pytest.param(lambda questions: np.array(42), 512, id="array of one number for a list"),
        pytest.param(lambda questions: np.zeros((len(questions), 3), int), 512, id="matrix for a list"),
        pytest.param(lambda questions: questions[1:], 512, id="too few answers"),
    ],
)
def test_what_is_refused(function, batch_size, input_error):
    with input_error(InputError):
        ask(function, ROWS, batch_size)


def test_a_failure_of_the_function_is_its_own():
    with pytest.raises(ZeroDivisionError):
        ask(lambda questions: (1 // 0 for _ in questions), ROWS, 2)


def test_asking_shows_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    ask(len, [Row("random", question, "3") for question in ("1+1", "1+2", "1+3")])
    assert capsys.readouterr().err.splitlines() == ["suite: 1 of 3 questions", "suite: 2 of 3 questions"]


def test_of_equal_slices_the_worst_is_that_of_more_questions_then_the_first():
    rows = [SliceScore(count, 0, slice=name) for name, count in (("few", 1), ("many", 2), ("as many", 2))]
    assert [row.slice for row in Scores(tuple(rows)).worst_first()] == ["many", "as many", "few"]
