"""Answers by NumPy are those of the network, also their confidences; and the network answers what rounding decides."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from layout import SMALL_ADDER
from programs import python

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.evaluation import prediction
from seq2seq_arith.trainer.proving import networks
from seq2seq_arith.trainer.runs import checkpoints, proofs
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.training import building, proof, proof_checks
from seq2seq_arith.trainer.training.answerers import Columns, TablesAnswerer
from seq2seq_arith.trainer.training.opened import OpenRun

# Of confidences and losses: the network computes in float32, NumPy in float64.
TOLERANCE = 2e-5


@pytest.fixture
def runs(untrained, tmp_path):
    """From the name of a run of each kind of network that can be proved to the run."""

    def make(name: str) -> Run:
        if ":" in name:
            return open_run(name)
        plugins.allow(SMALL_ADDER)
        task, network, input_format = {
            "latches": (Task("subtraction", size=3), "latch_tagger", "aligned"),
            "small adder": (Task("addition", size=3), SMALL_ADDER, "aligned"),
            "counter": (Task("pq", size=20), "counter", "plain"),
        }[name]
        run = untrained(tmp_path / "run", task, epochs=2, name=network, input_format=input_format, layers=1)
        if name == "small adder":
            holds = proofs.read(open_run("pretrained:addition"))
            content = dataclasses.replace(
                holds, weights_sha256=proofs.sha256(run), config_sha256=proofs.config_sha256(run)
            )
            proof.write_json(run.proof, content.to_json())
        return run

    return make


class Asked:
    """A network that notes the questions that it is asked."""

    def __init__(self, network) -> None:
        self.network, self.questions = network, []

    def predict(self, questions):
        self.questions += [*questions]
        return self.network.predict(questions)

    def answer(self, examples):
        return self.network.answer(examples)


@pytest.mark.parametrize(
    ("name", "size"), [("pretrained:addition", 11), ("latches", 3), ("small adder", 7), ("counter", 25)]
)
def test_answers_and_confidences_are_those_of_the_network(runs, name, size):
    run = runs(name)
    task = run.task_of_length(size)
    drawn = proof_checks.check_questions(task, 1)
    answerer, network = OpenRun(run).answerer(task), building.restore(run, task)
    assert isinstance(answerer, TablesAnswerer) and answerer.task == task
    asked = Asked(network)
    answerer = dataclasses.replace(answerer, network=lambda: asked)
    predicted = network.predict(drawn.questions)
    for computed, expected in (
        (answerer.predict(drawn.questions), predicted),
        (answerer.answer(drawn), network.answer(drawn)),
    ):
        np.testing.assert_array_equal(computed[0], expected[0])
        if expected is predicted or name != "small adder":  # under teacher forcing, it reads right characters
            np.testing.assert_allclose(computed[1], expected[1], rtol=TOLERANCE, atol=1e-7)
    assert len(np.unique(predicted[1])) > 20  # a counter knows only sums
    assert len(asked.questions) <= {"latches": 0.1, "counter": 0.6}.get(name, 0) * len(drawn)


def test_the_weights_of_an_epoch_answer(runs):
    run = runs("latches")
    drawn = proof_checks.check_questions(run.task, 1)
    opened = OpenRun(run)
    confidences = [opened.answerer(epoch=epoch).predict(drawn.questions)[1] for epoch in (1, 2)]
    assert (confidences[0] != confidences[1]).all()
    for epoch, computed in enumerate(confidences, 1):
        expected = opened.learner_of_epoch(epoch).predict(drawn.questions)[1]
        np.testing.assert_allclose(computed, expected, rtol=TOLERANCE)


@pytest.mark.parametrize("edit", ["gate", "tie"])
def test_the_network_answers_what_rounding_decides(tmp_path, edit):
    """A gate so near to zero that float32 may close it; or two characters whose logits are equal."""
    run = open_run(shutil.copytree(open_run("pretrained:addition").folder, tmp_path / "run"))
    arrays, state = checkpoints.load(run.best)
    if edit == "gate":
        arrays["settings_0/kernel"][:, 0], arrays["settings_0/bias"][0] = 0, 1e-40
    else:
        # The logit of a 2 is always that of a 1.
        one, two = (run.task.alphabet.index(digit) for digit in "12")
        arrays["logits/kernel"][:, two], arrays["logits/bias"][two] = (
            arrays["logits/kernel"][:, one],
            arrays["logits/bias"][one],
        )
    checkpoints.save(run.best, arrays, state)
    drawn = proof_checks.check_questions(run.task, 1)
    answerer, network = OpenRun(run).answerer(), building.restore(run)
    asked = Asked(network)
    predicted, confidences = dataclasses.replace(answerer, network=lambda: asked).predict(drawn.questions)
    expected = network.predict(drawn.questions)
    np.testing.assert_array_equal(predicted, expected[0])
    np.testing.assert_allclose(confidences, expected[1], rtol=TOLERANCE)
    is_asked = np.isin([*map(bytes, drawn.questions)], [*map(bytes, asked.questions)])
    has_ties = (drawn.answers == ord("1")).any(axis=1)
    assert is_asked.all() if edit == "gate" else is_asked[has_ties].all() and not is_asked.all()
    assert 0 < has_ties.sum() < len(drawn)


@pytest.mark.parametrize("edit", ["of another task", "of another size", "float64", "without a layer"])
def test_a_checkpoint_that_the_network_refuses_is_not_evaluated_by_numpy(tmp_path, input_error, edit):
    folder = shutil.copytree(open_run("pretrained:addition").folder, tmp_path / "run")
    run = open_run(folder)
    arrays, state = checkpoints.load(run.best)
    if edit == "of another task":
        arrays, _ = checkpoints.load(open_run("pretrained:subtraction").best)
    elif edit == "of another size":
        wide = dataclasses.replace(run.config.model, hidden=2 * run.config.model.hidden)
        shapes = networks.NETWORKS[0].shapes(wide, len(run.task.alphabet))
        arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    elif edit == "float64":
        arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
    else:
        arrays["layer_0/kernel"] = arrays["layer_0/kernel"][:-1]
    checkpoints.save(run.best, arrays, state)
    with input_error(InputError):
        prediction.answer(OpenRun(run).answerer(), [text.stored(run.task, "39", "3")])


def test_only_a_proof_that_holds_lets_numpy_evaluate_custom_code(runs):
    run = runs("small adder")
    opened, config = OpenRun(run), run.config_path.read_bytes()
    assert isinstance(opened.answerer(), TablesAnswerer)
    content = json.loads(config)
    del content["sha256"]
    content["train"]["precision"] = "mixed_bfloat16"  # which is not what was proved
    run.config_path.write_text(json.dumps(content))
    assert not isinstance(opened.answerer(), TablesAnswerer)
    run.config_path.write_bytes(config)
    assert isinstance(opened.answerer(), TablesAnswerer)
    run.proof.unlink()
    assert not isinstance(opened.answerer(), TablesAnswerer)


@pytest.mark.parametrize("is_proved", [False, True])
def test_a_transformer_with_a_window_answers_itself_unless_it_is_proved(untrained, tmp_path, capsys, is_proved):
    """It writes one character after the other, so its losses are those of its windows only if all of them are right."""
    window = {"name": "causal", "positional_encoding": "coupled_relative_bias", "attention_window": 2, "heads": 2}
    run = untrained(tmp_path / "run", Task("addition", size=3), input_format="reversed_eos", **window)
    assert networks.find(run.task, run.config, checkpoints.load(run.best)[0]) is not None
    if is_proved:
        holds = proofs.read(open_run("pretrained:addition"))
        content = dataclasses.replace(holds, weights_sha256=proofs.sha256(run), config_sha256=proofs.config_sha256(run))
        proof.write_json(run.proof, content.to_json())
        assert OpenRun(run).proof.holds
    assert isinstance(OpenRun(run).answerer(), TablesAnswerer) == is_proved
    if is_proved:
        return
    assert main(["predict", str(run.folder), "39+3"]) == 0
    (expected,), _ = prediction.answer(building.restore(run), [text.stored(run.task, "39", "3")])
    assert capsys.readouterr().out.startswith(f"39+3 = {expected}")


@pytest.mark.parametrize("name", ["addition", "subtraction"])
@pytest.mark.parametrize("size", [1, 5])
def test_columns_are_those_of_the_input_format(name, size):
    """Also answers that no right one is: too long ones, and some with blanks within."""
    task = Task(name, size=size)
    drawn = proof_checks.check_questions(task, 1)
    ours, format = Columns(task), building.make_input_format("aligned", task)
    np.testing.assert_array_equal(ours.encode_question(drawn.questions), format.encode_question(drawn.questions))
    np.testing.assert_array_equal(ours.encode_answer(drawn.answers), format.encode_answer(drawn.answers))
    ids = np.random.default_rng(0).integers(0, len(task.alphabet), (300, format.answer_steps)).astype(np.uint8)
    np.testing.assert_array_equal(ours.decode_answer(ids), format.decode_answer(ids))


# A module without a specification, or that cannot be imported, is one that is not installed.
ALONE = """
import sys
sys.modules |= dict.fromkeys(("tensorflow", "keras", "apache_beam", "tensorflow_datasets", "matplotlib", "jinja2"))
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if sys.modules.get(name, sys) is None else find_spec(name, *rest)
import seq2seq_arith as sa
from seq2seq_arith.trainer.__main__ import main
run = sa.pretrained("addition")
print(run.ask(["39+3", "9{30}+1"]).column("right"), run.predict(["5+6"]), run.error_map(20).any())
print(sa.compare(run)[0]["wrong"])
assert main(["predict", "pretrained:addition", "39+3", "999+1"]) == 0
assert main(["evaluate", "pretrained:addition", "--per-slice", "2"]) == 0
print(main(["inspect", "pretrained:addition", "1+1"]))
"""


def test_the_shipped_networks_need_no_tensorflow(tmp_path):
    lines = python(ALONE, cwd=Path(tmp_path)).splitlines()
    assert lines[0] == "[True, True] ['11'] False"
    assert lines[1].startswith("0 of ") and lines[2:4] == ["39+3 = 42", "999+1 = 1000"]
    assert any("worst slice: each of the" in line for line in lines) and lines[-1] == "2"
