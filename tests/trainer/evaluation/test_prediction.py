"""Answers to questions as people write them."""

import dataclasses
import functools
import io
import json

import pytest
from layout import OWN_MODEL

from seq2seq_arith.arithmetic.text import parse
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.commands.predict import show_answers
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.evaluation import prediction
from seq2seq_arith.trainer.training import building
from seq2seq_arith.trainer.training.opened import OpenRun

# Learners are made and traced once for all tests of this process.
pytestmark = pytest.mark.usefixtures("quick")


def test_questions_come_from_arguments_a_file_or_standard_input(tmp_path, monkeypatch, input_error):
    (tmp_path / "questions").write_text("1+2\n\n3+4\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("5+6\n7+8"))
    file = str(tmp_path / "questions")
    questions, sources = zip(*prediction.read_questions(["9+9", "-"], file), strict=True)
    assert questions == ("1+2", "3+4", "9+9", "5+6", "7+8")
    assert sources == (f"{file}, line 1", f"{file}, line 3", "", "standard input, line 1", "standard input, line 2")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert prediction.read_questions(["1+2", "-"], None) == [("1+2", "")]
    with input_error(InputError):
        prediction.read_questions([], None)
    with input_error(InputError):
        prediction.read_questions([], str(tmp_path / "missing"))


@pytest.mark.smoke
def test_answers(trained, capsys):
    questions = [f"{left}+{right}" for left in range(100, 400, 30) for right in range(300, 900, 60)]
    show_answers(prediction.answers_to(OpenRun(trained), [("12+30", "")]))
    assert capsys.readouterr().out.startswith("12+30 = ")
    show_answers(prediction.answers_to(OpenRun(trained), [(question, "") for question in questions]), as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["question"] for line in lines] == questions
    assert all(set(line) == {"question", "prediction", "confidence"} for line in lines)
    right = [line for line in lines if int(line["prediction"] or 0) == sum(map(int, line["question"].split("+")))]
    wrong = [line for line in lines if line not in right]
    assert len(right) > 30
    mean = [sum(line["confidence"] for line in group) / max(1, len(group)) for group in (right, wrong)]
    assert 0 < mean[1] < mean[0] <= 1


def test_what_is_no_question_is_named_with_its_line_and_may_be_skipped(trained, tmp_path, capsys, input_error):
    (tmp_path / "q.txt").write_text("12+30\n012+3\n1+1\n\n7*3\n")
    lines = prediction.read_questions([], str(tmp_path / "q.txt"))
    with input_error(InputError):
        prediction.answers_to(OpenRun(trained), lines)
    assert capsys.readouterr().out == ""
    with input_error(InputError):
        prediction.answers_to(OpenRun(trained), lines[1:2], skip=True)
    show_answers(prediction.answers_to(OpenRun(trained), lines, skip=True))
    printed = capsys.readouterr()
    assert [line.split(" = ")[0] for line in printed.out.splitlines()] == ["12+30", "1+1"]
    assert [line.split(":")[1][-6:] for line in printed.err.splitlines()] == ["line 2", "line 5"]
    show_answers(prediction.answers_to(OpenRun(trained), lines, skip=True), as_json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["question"] for row in rows] == ["12+30", "012+3", "1+1", "7*3"]
    assert ["error" in row for row in rows] == [False, True, False, True]


def test_many_questions_are_answered_in_parts_each_once_in_order(trained, monkeypatch):
    learner, typed = building.restore(trained), [f"{number}+{number}" for number in range(7)]
    monkeypatch.setattr(prediction, "QUESTIONS_AT_ONCE", 3)
    for count in (2, 3, 4, 7):
        questions = [parse(question, trained.task) for question in typed[:count]]
        answers = prediction.answers(lambda task: learner, questions)
        assert [question.typed for question, _, _ in answers] == typed[:count]


def test_longer_questions_than_it_was_trained_on(trained, monkeypatch):
    """Each as it is answered alone, in their order, by a model that is built once per length."""
    learner, sizes = functools.cache(lambda task: building.restore(trained, task)), []
    monkeypatch.setattr(prediction, "QUESTIONS_AT_ONCE", 2)
    typed = ("12+30", "1234+7", "9+1", "5+5", "1+1234", "7+8", "4321+9")
    questions = [parse(question, trained.task, trained.max_size) for question in typed]
    together = list(prediction.answers(lambda task: sizes.append(task.size) or learner(task), questions))
    assert sizes == [3, 4]
    assert [question for question, _, _ in together] == questions
    for question, answered, confidence in together:
        ((_, alone, sure),) = prediction.answers(learner, [question])
        assert alone == answered
        assert sure == pytest.approx(confidence, rel=1e-4)


def test_a_model_of_fixed_length_reads_no_longer_ones(trained, untrained, tmp_path, input_error):
    config = override(trained.config, name="lstm_transformer", hidden=8)
    fixed = dataclasses.replace(trained, config=config)
    with input_error(InputError):
        prediction.answers_to(OpenRun(fixed), [("1234+1", "")])
    plugins.allow(OWN_MODEL)
    own = untrained(tmp_path / "own", trained.task, name=OWN_MODEL, input_format="reversed")
    with input_error(InputError):
        next(prediction.answers_to(OpenRun(own), [("1234+1", "")]))
