"""What the playground shows is what the model does: probabilities, epochs and lengths."""

import numpy as np
import pytest

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.evaluation import suites
from seq2seq_arith.trainer.playground import answers, catalog
from seq2seq_arith.trainer.playground.answers import PER_SLICE, Models
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.training.opened import OpenRun


@pytest.fixture(scope="module")
def models():
    return Models()


def test_an_answer_is_that_of_predict(models, trained):
    for question in ("12+345", "9+1", "1234567+1"):
        answer = models.answer(trained, question)
        row = TrainedRun(trained).ask([question])[0]
        assert (answer["answer"], answer["right"]) == (row["prediction"], row["answer"])
        assert answer["confidence"] == pytest.approx(row["confidence"], rel=1e-4)
        most = np.array(answer["probabilities"]).argmax(axis=1)
        assert [answer["alphabet"][index] for index in most] == answer["written"]
        assert "".join(answer["wanted"]).strip("␣")[::-1] == answer["right"]
        assert answer["backwards"] and "".join(answer["written"][::-1]).strip("␣") == answer["answer"].replace(" ", "␣")


def test_every_epoch_has_its_own_weights(models, untrained, tmp_path):
    run = untrained(tmp_path / "run", Task("addition"), name="bilstm_tagger", input_format="aligned", epochs=2)
    probabilities = {epoch: models.answer(run, "12+345", epoch)["probabilities"] for epoch in (None, 1, 2)}
    assert probabilities[None] != probabilities[1] != probabilities[2]
    assert models.answer(run, "12+345")["probabilities"] == probabilities[None]
    # A resumed training has better weights.
    arrays, state = checkpoints.load(run.of_epoch(2))
    checkpoints.save(run.best, arrays, state)
    assert models.answer(run, "12+345")["probabilities"] == probabilities[2]


def test_a_length_asks_every_slice(models, trained):
    scores = models.at_length(trained, 3)
    worst = suites.evaluate_run(OpenRun(trained), SuiteOptions(per_slice=PER_SLICE)).worst()
    assert (scores["slice"], scores["worst"]) == (worst.slice, worst.exact_match)
    assert scores["worst"] < 1 and "answered" in scores["wrong"]


@pytest.mark.parametrize("name", ["pretrained:addition", "counter"])
def test_numpy_shows_what_tensorflow_shows(untrained, tmp_path, name):
    if name == "counter":
        run = untrained(tmp_path / "run", Task("pq", size=9, num_examples=50), name="counter", input_format="plain")
        typed = "--p---"
    else:
        run, typed = open_run(name), "95+78"
    question, opened = catalog.read(typed, run), OpenRun(run)
    shown = answers._of_tables(opened.tables(question.task), question)
    expected = answers._of_network(answers._built(run, question.task), question)
    assert shown is not None and shown.keys() == expected.keys()
    for key in ("confidence", "probabilities"):
        np.testing.assert_allclose(shown.pop(key), expected.pop(key), rtol=1e-4, atol=1e-5)
    assert shown == expected
