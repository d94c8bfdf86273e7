import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.pipelines import Task
from seq2seq_arith.trainer import inputs, learner, memory, metrics, probes, session
from seq2seq_arith.trainer.codec import make_view
from seq2seq_arith.trainer.config import MODELS, ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.recipes import recipe

STEPS = 50
# 30 divides among 1 and 2 replicas, not among 4; 100 validation examples divide into no call of any.
TAGGER = override(recipe("best", "addition"), hidden=16, layers=1, batch_size=30)
LSTM = TrainConfig(model=ModelConfig(hidden=16), batch_size=30)
COUNTER = TrainConfig(model=ModelConfig(name="counter", hidden=8), batch_size=7, schedule="cosine", warmup=0.2)


def first_steps(ready, name, config):
    """Losses of the first steps, and the score of the same weights before and after them."""
    made = ready(name, config)
    fresh, _ = metrics.evaluate(made.learner, made.validation, made.examples)
    outcomes = np.concatenate([made.learner.train(made.batches, step, 10) for step in range(0, STEPS, 10)])
    trained, _ = metrics.evaluate(made.learner, made.validation, made.examples)
    return outcomes, fresh, trained


@pytest.fixture(scope="module")
def alone():
    return {}


SAME = [(1, True), (2, False), (4, False), pytest.param(2, True, marks=pytest.mark.slow)]
SAME.append(pytest.param(4, True, marks=pytest.mark.slow))


@pytest.mark.parametrize(("replicas", "xla"), SAME)
@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("addition", TAGGER),
        pytest.param("addition", LSTM, marks=pytest.mark.slow),
        ("pq", COUNTER),
    ],
    ids=["tagger", "lstm", "counter"],
)
def test_replicas_and_xla_change_nothing(ready, alone, name, config, replicas, xla):
    key = config.model.name
    if key not in alone:
        alone[key] = first_steps(ready, name, override(config, replicas=1))
    outcomes, fresh, trained = first_steps(ready, name, override(config, replicas=replicas, xla=xla))
    np.testing.assert_allclose(outcomes[:, 0], alone[key][0][:, 0], atol=1e-4, rtol=0)
    assert outcomes[-1, 0] < outcomes[0, 0]
    for score, expected in ((fresh, alone[key][1]), (trained, alone[key][2])):
        assert (score.exact, score.characters) == (expected.exact, expected.characters)
        assert score.loss == pytest.approx(expected.loss, abs=1e-5)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_dataset_smaller_than_a_batch(ready, replicas):
    config = override(TAGGER, batch_size=64, replicas=replicas)
    made = ready("addition", config, rows=5)
    losses = made.learner.train(made.batches, 0, 40)[:, 0]
    assert made.batches.steps_per_pass == 1
    assert losses[-1] < 0.7 * losses[0]


def test_the_loss_is_that_of_keras(ready):
    made = ready("addition", LSTM)
    logits = made.learner.model(made.validation.questions)
    reference = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(made.validation.answers, logits)
    answers = made.learner.answer(made.validation)
    assert float(np.mean(answers.losses)) == pytest.approx(float(reference), rel=1e-5)
    np.testing.assert_array_equal(answers.ids, np.argmax(logits, axis=2))
    likely = np.prod(np.max(tf.nn.softmax(logits), axis=2), axis=1)
    np.testing.assert_allclose(answers.confidences, likely, rtol=1e-4)


def test_training_reports_what_evaluation_finds(ready):
    """One step without learning: its outcome is the score of that batch."""
    made = ready("addition", override(LSTM, learning_rate=0.0, batch_size=200))
    outcome = made.learner.train(made.batches, 0, 1)[0]
    questions, answers, _ = made.batches.block(0, 1, 1)
    logits = made.learner.model(questions[0])
    right = np.argmax(logits, axis=2) == answers[0]
    np.testing.assert_allclose(outcome[1:], [right.mean(), right.all(axis=1).mean()], atol=1e-6)


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_norm_of_the_gradients_is_bounded_over_all_replicas(ready, replicas):
    """A bound that no gradient reaches changes nothing."""
    free, bound, tight = (
        ready("addition", override(TAGGER, clip_norm=clip, replicas=replicas)) for clip in (1e6, 1e5, 1e-6)
    )
    losses = [made.learner.train(made.batches, 0, 10)[:, 0] for made in (free, bound, tight)]
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-5)
    assert np.abs(losses[0] - losses[2]).max() > 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_every_model_learns_a_few_examples(ready, name):
    config = TrainConfig(
        model=ModelConfig(name=name, view="aligned", hidden=32), learning_rate=0.02, batch_size=8, clip_norm=1.0
    )
    made = ready("addition", config, rows=8)
    for step in range(0, 200, 50):
        outcomes = made.learner.train(made.batches, step, 50)
    assert outcomes[-1, 0] < 0.9


def exact_counters(learner):
    """How many units count the dashes of the question, skip its blanks, and count down while the answer is written."""
    alphabet = learner.view.alphabet
    dash, blank = np.eye(len(alphabet), dtype=np.float32)[[alphabet.index("-"), alphabet.index(" ")]]
    encoder, decoder = (learner.model.get_layer(name) for name in ("encoder", "decoder"))
    read, skipped = encoder(np.stack([dash, blank])[:, None])
    tick = decoder(np.array([[[0, 1]]], np.float32))[0, 0]
    return int(np.sum((read == -tick) & (np.abs(read) > 0.5) & (skipped == 0)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_counter_learns_pq_and_carries_it_to_longer_strings(ready, seed):
    config = override(recipe("lengths", "pq"), seed=seed)
    made = ready("pq", config, total_steps=300)
    assert not exact_counters(made.learner)
    for step in range(0, 300, 50):
        made.learner.train(made.batches, step, 50)
    trained, _ = metrics.evaluate(made.learner, made.validation, made.examples)
    assert trained.exact == 1
    assert exact_counters(made.learner)
    longer = Task("pq", digits=500)
    view = make_view("raw", longer)
    learner = Learner(config=config, view=view, strategy=made.learner.strategy, total_steps=1)
    learner.model.set_weights(made.learner.model.get_weights())
    examples = probes.examples(longer, probes.of_length(longer, 500, 50))
    carried, _ = metrics.evaluate(learner, inputs.encode(view, examples), examples)
    assert carried.exact == 1


@pytest.mark.parametrize("name", [name for name in MODELS if name != "counter"])
def test_mixed_precision_learns_as_well(ready, name):
    model = ModelConfig(name=name, view="aligned", hidden=16)
    config = TrainConfig(model=model, learning_rate=0.01, batch_size=16, clip_norm=1.0, precision="mixed_bfloat16")
    made = ready("addition", config, rows=16)
    assert {variable.dtype for variable in made.learner.model.trainable_variables} == {"float32"}
    assert made.learner.model.layers[-2].compute_dtype == "bfloat16"
    losses = made.learner.train(made.batches, 0, 50)[:, 0]
    assert losses[-1] < 0.9 * losses[0]


def test_steps_of_a_call(ready, monkeypatch):
    """As many as take some seconds: the same for all machines, which have the same configuration."""
    made = ready("addition", TAGGER)
    assert made.learner.steps_a_call(made.batches) == learner.MAX_STEPS_A_CALL
    a_step = memory.operations(TAGGER, made.learner.view, made.batches.rows)
    monkeypatch.setattr(learner, "CALL_OPERATIONS", 7.5 * a_step)
    assert made.learner.steps_a_call(made.batches) == 7
    monkeypatch.setattr(learner, "CALL_OPERATIONS", 0.5 * a_step)
    assert made.learner.steps_a_call(made.batches) == 1


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["lstm", "gru", "bilstm_tagger", "transformer"])
def test_on_whatever_gpus_are_here(data_dir, tasks, tmp_path, name, precision):
    """As the program trains: layers that cuDNN may take, a replica on every GPU."""
    model = ModelConfig(name=name, view="aligned", hidden=16)
    config = TrainConfig(model=model, learning_rate=0.01, epochs=3, precision=precision)
    history = session.train(tasks["addition"], str(data_dir), str(tmp_path), config).state.history
    assert session.devices.make_strategy().num_replicas_in_sync == len(tf.config.list_logical_devices("GPU")) > 0
    assert history[-1]["loss"] < history[0]["loss"]
