"""What the playground shows is what the model does: probabilities, epochs and lengths."""

import numpy as np
import pytest

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.evaluation import suites
from seq2seq_arith.trainer.playground.answers import PER_SLICE, Models
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.training.opened import OpenRun


@pytest.fixture(scope="module")
def models():
    return Models()


def test_an_answer_is_that_of_predict(models, trained):
    for question in ("12+345", "9+1", "1234567+1"):
        found = models.answer(trained, question)
        row = TrainedRun(trained).ask([question])[0]
        assert (found["answer"], found["right"]) == (row["prediction"], row["answer"])
        assert found["confidence"] == pytest.approx(row["confidence"], rel=1e-4)
        most = np.array(found["probabilities"]).argmax(axis=1)
        assert [found["alphabet"][each] for each in most] == found["written"]
        assert "".join(found["wanted"]).strip("␣")[::-1] == found["right"]
        assert found["backwards"] and "".join(found["written"][::-1]).strip("␣") == found["answer"].replace(" ", "␣")


def test_every_epoch_has_its_own_weights(models, untrained, tmp_path):
    run = untrained(tmp_path / "run", Task("addition"), name="bilstm_tagger", input_format="aligned", epochs=2)
    found = {epoch: models.answer(run, "12+345", epoch)["probabilities"] for epoch in (None, 1, 2)}
    assert found[None] != found[1] != found[2]
    assert models.answer(run, "12+345")["probabilities"] == found[None]
    # A training that goes on has better weights.
    arrays, state = checkpoints.load(run.of_epoch(2))
    checkpoints.save(run.best, arrays, state)
    assert models.answer(run, "12+345")["probabilities"] == found[2]


def test_a_length_asks_every_slice(models, trained):
    found = models.at_length(trained, 3)
    worst = suites.evaluate_run(OpenRun(trained), SuiteOptions(per_slice=PER_SLICE)).worst()
    assert (found["slice"], found["worst"]) == (worst.slice, worst.exact_match)
    assert found["worst"] < 1 and "answered" in found["wrong"]
