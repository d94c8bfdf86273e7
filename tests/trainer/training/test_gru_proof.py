"""Proofs of a real GRU: its float32 is within the intervals of the prover, and the proof is that of its weights."""

import functools

import handmade
import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.proving.boxes import SIGMOID, GatedUnits
from seq2seq_arith.trainer.proving.questions import symbols
from seq2seq_arith.trainer.proving.tables import TANH
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.training import answerers, building, proof, proof_checks

TASK = Task("addition", size=3)
Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def few_check_questions(monkeypatch):
    monkeypatch.setattr(proof_checks, "CHECK_DIGITS", (12,))


def run_of(folder, arrays: Arrays, **options) -> Run:
    model = {"name": "gru_tagger", "input_format": "aligned", "hidden": 1, "layers": 1} | options
    run = Run(folder, TASK, "abc", "/data", override(TrainConfig(), **model))
    run.write_config()
    checkpoints.save(run.best, arrays, {})
    return open_run(run.folder)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_float32_sigmoid_and_tanh_are_as_exact_as_assumed(jit_compile):
    """Every 2,039th float32 up to 128, of both signs, and in small tensors, whose ends are computed apart."""
    bits = np.arange(0, np.float32(128).view(np.uint32), 2039, dtype=np.uint32)
    values = np.concatenate([bits.view(np.float32), -bits.view(np.float32), np.float32([1e30, -1e30, 3e38, -3e38])])
    exact = values.astype(np.float64)
    for function, expected, most in (
        (tf.sigmoid, 0.5 + 0.5 * np.tanh(exact / 2), SIGMOID),
        (tf.tanh, np.tanh(exact), TANH),
    ):
        compiled = tf.function(function, jit_compile=jit_compile)
        assert np.abs(np.asarray(compiled(values)) - expected).max() < most / 2
        for size in (1, 5, 15):
            assert np.abs(np.asarray(compiled(values[-size:])) - expected[-size:]).max() < most / 2


@pytest.mark.parametrize(("scale", "layers"), [(1.0, 1), (1.0, 3), (8.0, 1), (1e-36, 1), (0.0, 2)])
def test_no_logit_of_the_network_is_outside_of_the_interval_of_its_question(tmp_path, scale, layers):
    keras.utils.set_random_seed(2)
    run = run_of(tmp_path / "run", {}, hidden=4, layers=layers)
    network = build_network(run.config.model, make_input_format("aligned", TASK))
    arrays = {variable.path: np.float32(scale) * np.asarray(variable) for variable in network.model.weights}
    checkpoints.save(run.best, arrays, {})
    tables, restored = GatedUnits(arrays, TASK.alphabet), building.restore(run)
    examples = proof_checks.check_questions(TASK, 1)
    ids = restored.input_format.encode_question(examples.questions)
    answers = np.zeros(ids.shape[:2], np.uint8)
    logits = np.asarray(restored.network.logits(ids, answers, training=False)).astype(np.float64)
    low, high = tables.intervals(symbols(np.asarray(ids), TASK.alphabet))
    assert ((low <= logits) & (logits <= high)).all()
    if scale <= 1:
        assert (high - low).max() < 0.05


def test_a_gru_made_by_hand_is_proved_and_answers_without_tensorflow(tmp_path):
    run = run_of(tmp_path / "run", handmade.gru())
    proved = proof.prove(run, functools.partial(building.restore, run))
    assert proved.proof.holds and (proved.proof.states, proved.proof.cases) == (153, 15_709)
    assert proved.certificate and "any length" in str(proved.proof)
    evaluate = answerers.evaluator(run, handmade.gru(), is_proved=True)
    assert evaluate is not None
    answerer = answerers.TablesAnswerer(answerers.Columns(TASK), evaluate, network=lambda: pytest.fail("not needed"))
    examples = proof_checks.short_questions(TASK, 2)
    answers, confidences = answerer.predict(examples.questions)
    np.testing.assert_array_equal(answers, examples.answers)
    np.testing.assert_allclose(confidences, building.restore(run).predict(examples.questions)[1], atol=1e-4)


def test_a_carry_that_fades_is_a_question_that_the_network_itself_answers_wrong(tmp_path):
    arrays = handmade.gru()
    arrays["recurrence/cell/kernel"][0, 2] = 3.2
    run = run_of(tmp_path / "run", arrays)
    proved = proof.prove(run, functools.partial(building.restore, run))
    wrong = proved.proof.counterexample
    assert wrong is not None and not wrong.right and proved.certificate is None
    assert "a shorter one may exist" in str(proved.proof) and "1,210 wrong, 0 open)" in str(proved.proof)
    left, right = map(int, wrong.question.split("+"))
    assert wrong.answer == str(left + right) != wrong.prediction
    assert len(wrong.question) >= 8  # the carry is lost after several places


def test_another_function_of_the_same_weights_is_not_proved(tmp_path, input_error):
    run, changed = run_of(tmp_path / "run", handmade.gru()), handmade.gru()
    changed["logits/bias"][3] += 0.01

    def restore(task: Task):
        learner = building.restore(run, task)
        checkpoints.assign(learner.model.variables, changed, run.best)
        return learner

    with input_error(InputError):
        proof.prove(run, restore)


def test_a_state_that_is_only_held_is_refused_in_one_sentence(tmp_path, input_error):
    arrays = handmade.gru()
    arrays["gates/table"][arrays["gates/table"][:, 2] == -2, 1] = 60.0
    run = run_of(tmp_path / "run", arrays)
    with input_error(InputError):
        proof.prove(run, functools.partial(building.restore, run))
