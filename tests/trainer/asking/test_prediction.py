"""Answers to questions as people write them."""

import dataclasses
import io
import itertools
import json

import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.asking import prediction
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.recipes import recipe
from seq2seq_arith.trainer.training import session


def test_questions_come_from_arguments_a_file_or_standard_input(tmp_path, monkeypatch):
    (tmp_path / "questions").write_text("1+2\n\n3+4\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("5+6\n7+8"))
    assert prediction.read_questions(["9+9", "-"], str(tmp_path / "questions")) == ["1+2", "3+4", "9+9", "5+6", "7+8"]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert prediction.read_questions(["1+2", "-"], None) == ["1+2"]
    with pytest.raises(InputError, match="there is no question"):
        prediction.read_questions([], None)
    with pytest.raises(InputError, match="cannot be read"):
        prediction.read_questions([], str(tmp_path / "missing"))


def test_answers(trained, capsys):
    questions = [f"{left}+{right}" for left in range(100, 400, 30) for right in range(300, 900, 60)]
    prediction.print_answers(trained, questions, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["question"] for line in lines] == questions
    assert all(set(line) == {"question", "prediction", "confidence"} for line in lines)
    right = [line for line in lines if int(line["prediction"] or 0) == sum(map(int, line["question"].split("+")))]
    wrong = [line for line in lines if line not in right]
    assert len(right) > 30
    mean = [sum(line["confidence"] for line in group) / max(1, len(group)) for group in (right, wrong)]
    assert 0 < mean[1] < mean[0] <= 1


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_many_questions_are_answered_in_parts(trained, monkeypatch, capsys, count):
    """Each once, in order."""
    questions = [f"{number}+{number}" for number in range(count)]
    monkeypatch.setattr(prediction, "QUESTIONS_AT_ONCE", 3)
    prediction.print_answers(trained, questions)
    assert [line.split(" = ")[0] for line in capsys.readouterr().out.splitlines()] == questions


def test_people_read_equations(trained, capsys):
    prediction.print_answers(trained, ["12+30"])
    assert capsys.readouterr().out.startswith("12+30 = ")


def test_longer_questions_than_it_was_trained_on(data_dir, tasks, tmp_path, capsys):
    """Each as it is answered alone, in the order in which they were asked, by a model that reads both ways."""
    config = override(recipe("best", "subtraction"), hidden=4, layers=1, epochs=1, steps_per_epoch=5)
    run = session.train(tasks["subtraction"], str(data_dir), str(tmp_path / "run"), config).run
    questions = ["1234-7", "12-30", "9-1", "1-1234"]
    alone = []
    for asked in (["1234-7"], ["12-30", "9-1"], ["1-1234"], questions):
        capsys.readouterr()
        prediction.print_answers(run, asked, as_json=True)
        alone.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    *alone, together = alone
    assert [line["question"] for line in together] == questions
    for one, other in zip(itertools.chain(*alone), together, strict=True):
        assert one["prediction"] == other["prediction"]
        assert one["confidence"] == pytest.approx(other["confidence"], rel=1e-4)
    with pytest.raises(InputError, match="has an operand of 1,001 digits, and this model reads at most 1,000"):
        prediction.print_answers(run, ["1-" + "1" * 1001])


def test_a_model_of_fixed_length_reads_no_longer_ones(trained):
    config = override(trained.config, name="lstm_transformer", hidden=8)
    fixed = dataclasses.replace(trained, config=config)
    with pytest.raises(InputError, match="has an operand of 4 digits, and this model reads at most 3"):
        prediction.print_answers(fixed, ["1234+1"])
