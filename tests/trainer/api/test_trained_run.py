"""Trained runs as Python objects give what the programs give."""

import dataclasses
import json
import pickle
import shutil

import keras
import numpy as np
import pytest

import seq2seq_arith as sa
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.commands.predict import show_answers
from seq2seq_arith.trainer.evaluation import prediction
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.training.opened import OpenRun

QUESTIONS = ["39+3", "1 + 2", "999+1"]


def test_it_answers_as_the_program_does(small, capsys):
    show_answers(prediction.answers_to(OpenRun(small.run), [(question, "") for question in QUESTIONS]), as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    table = small.ask(QUESTIONS)
    assert [(row["question"], row["prediction"], row["confidence"]) for row in table] == [
        (line["question"], line["prediction"], pytest.approx(line["confidence"])) for line in lines
    ]
    assert small.predict(QUESTIONS) == [line["prediction"] for line in lines]
    assert table.column("answer") == ["42", "3", "1000"]
    assert [row["right"] for row in table] == [row["answer"] == row["prediction"] for row in table]
    assert small.predict("39+3") == small.predict(["39+3"])
    assert small.predict([]) == []


def test_scores(small):
    scores = small.evaluate(per_slice=10)
    content = json.loads((small.folder / "evaluation.json").read_text())
    best = max(row["val_exact_match"] for row in small.history)
    assert scores.content == {name: value for name, value in content.items() if name != "sha256"}
    assert scores.exact_match == content["sets"]["validation"]["exact_match"] == best
    saved = content["scores"]["rows"]
    for set, table in (("standard", scores.slices), ("held_out", scores.held_out)):
        assert table.column("slice") == [row["slice"] for row in saved if row["set"] == set]
    assert scores.worst_slice["exact_match"] == min(row["exact_match"] for row in scores.slices)
    assert scores.worst_held_out == scores[scores.worst_held_out["slice"]]
    assert scores.worst_held_out["exact_match"] == min(row["exact_match"] for row in scores.held_out) < 1
    assert "held_out  two-chains" in repr(scores)
    assert scores["equal"] == next(row for row in scores.slices if row["slice"] == "equal")
    assert "slices without a mistake" in repr(scores).splitlines()[1]
    assert (small.hints, small.exact_match) == ("reversed question", best)
    assert "validation set" in repr(scores)
    assert "<table>" in scores._repr_html_()


def test_mistakes_are_those_of_the_validation_set(small, data):
    mistakes = small.mistakes(3)
    right = dict(zip(*data.table("validation").select(["question", "answer"]).to_pydict().values(), strict=True))
    assert len(mistakes) == 3
    for row in mistakes:
        assert right[row["question"]] == row["answer"] != row["prediction"]
        assert small.predict([row["question"]]) == [row["prediction"]]
    assert "of 100 validation answers are wrong" in repr(mistakes)


def test_weights_that_a_training_has_replaced_are_not_used(small, tmp_path):
    run = sa.open_run(shutil.copytree(small.folder, tmp_path / "run"))
    before = run.predict(QUESTIONS)
    arrays, state = checkpoints.load(run.run.best)
    checkpoints.save(run.run.best, {name: np.zeros_like(array) for name, array in arrays.items()}, state)
    assert run.predict(QUESTIONS) != before


def test_the_model_is_the_best_one_and_reads_what_the_dataset_gives(small, data):
    assert isinstance(small.model, keras.Model)
    assert small.model is small.model
    questions, answers = data.arrays("validation")
    predicted = small.model.predict(questions.astype(np.int32), verbose=0).argmax(axis=2)
    exact = float(np.mean(np.all(predicted == answers, axis=1)))
    assert exact == pytest.approx(max(row["val_exact_match"] for row in small.history))


def test_it_is_pickled_after_it_was_used(small):
    before = small.predict(QUESTIONS)
    again = pickle.loads(pickle.dumps(small))
    assert again == small and again.predict(QUESTIONS) == before


def test_it_opens_again_and_shows_itself(small):
    assert [(row["epoch"], row["steps"]) for row in small.history] == [(1, 8), (2, 16)]
    assert small.history == checkpoints.load(small.run.last)[1]["history"]
    again = sa.open_run(small.folder)
    assert (again.folder, again.task, again.history) == (small.folder, small.task, small.history)
    assert "2 of at most 2" in repr(again)
    assert "simple_rnn, input format plain" in again._repr_html_()


def test_a_run_without_its_data_says_so(small, data, tmp_path, input_error):
    lost = sa.TrainedRun(dataclasses.replace(small.run, data_dir=str(tmp_path)))
    with input_error(InputError):
        lost.mistakes()
    assert lost.predict(QUESTIONS) == small.predict(QUESTIONS)
