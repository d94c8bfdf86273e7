"""The learner: what a step does, on any number of replicas, for every model; and answers in parts."""

import collections
import dataclasses
import random
import sys
import threading

import configs
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.data.input_formats import InputFormat, make_input_format
from seq2seq_arith.trainer.data.lanes import Lanes
from seq2seq_arith.trainer.evaluation.answering import evaluate
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.training import costs, learner
from seq2seq_arith.trainer.training.learner import Learner

STEPS = 50
# 30 divides among 1 and 2 replicas, not among 4; 100 validation examples divide into no call of any.
TAGGER = override(configs.TAGGER, hidden=16, layers=1, batch_size=30)
LSTM = TrainConfig(model=ModelConfig(hidden=16), batch_size=30)
COUNTER = TrainConfig(model=ModelConfig(name="counter", hidden=8), batch_size=7, schedule="cosine", warmup=0.2)


def first_steps(ready, name, config):
    """The losses of the first steps, and the scores of the weights before and after them."""
    made = ready(name, config)
    fresh = evaluate(made.learner, made.validation)
    losses = np.concatenate([made.learner.train(made.batches, step, 10)["loss"] for step in range(0, STEPS, 10)])
    trained = evaluate(made.learner, made.validation)
    return losses, fresh, trained


ALONE = {}  # what each learns on one device
CAUSAL = override(LSTM, name="causal", input_format="reversed", positional_encoding="coupled_relative_bias")
COMPARED = {"tagger": TAGGER, "lstm": LSTM, "counter": COUNTER, "causal": CAUSAL}
# XLA compiles for many seconds, and each replica for itself.
SLOW = [("tagger", 4, False), ("lstm", 2, True), ("causal", 2, False), ("counter", 1, True)]
SAME = [("tagger", 2, False), ("counter", 2, False), *(pytest.param(*case, marks=pytest.mark.release) for case in SLOW)]


@pytest.mark.parametrize(("model", "replicas", "xla"), SAME)
def test_replicas_and_xla_change_nothing(ready, model, replicas, xla):
    config = COMPARED[model]
    name = "pq" if config.model.name == "counter" else "addition"
    if model not in ALONE:
        ALONE[model] = first_steps(ready, name, override(config, replicas=1))
    losses, fresh, trained = first_steps(ready, name, override(config, replicas=replicas, xla=xla))
    np.testing.assert_allclose(losses, ALONE[model][0], atol=1e-4, rtol=0)
    assert losses[-1] < losses[0]
    for score, expected in ((fresh, ALONE[model][1]), (trained, ALONE[model][2])):
        assert (score.exact_match, score.character_accuracy) == (expected.exact_match, expected.character_accuracy)
        assert score.loss == pytest.approx(expected.loss, abs=1e-5)


def test_the_same_steps_give_the_same_bits(ready):
    """A tape, or the rewriting of arithmetic, would sum three and more parts of a gradient in an order of chance."""
    made = ready("addition", LSTM)
    fresh = [np.array(variable) for variable in made.learner.variables]
    outcomes = set()
    for _ in range(5):
        for variable, value in zip(made.learner.variables, fresh, strict=True):
            variable.assign(value)
        for step in range(0, 150, STEPS):
            made.learner.train(made.batches, step, STEPS)
        outcomes.add(b"".join(np.asarray(variable).tobytes() for variable in made.learner.variables))
    assert len(outcomes) == 1


def test_the_loss_is_that_of_keras(ready, monkeypatch):
    made = ready("addition", LSTM)
    monkeypatch.setattr(learner, "DECODED", 3)
    input_format = made.learner.input_format
    logits = made.learner.model(input_format.encode_question(made.validation.questions))
    right = input_format.encode_answer(made.validation.answers)
    reference = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(right, logits)
    answers, losses = made.learner.answer(made.validation)
    assert float(np.mean(losses)) == pytest.approx(float(reference), rel=1e-5)
    predicted, confidences = made.learner.predict(made.validation.questions)
    np.testing.assert_array_equal(answers, input_format.decode_answer(np.argmax(logits, axis=2)))
    np.testing.assert_array_equal(predicted, answers)
    likely = np.prod(np.max(tf.nn.softmax(logits), axis=2), axis=1)
    np.testing.assert_allclose(confidences, likely, rtol=1e-4)


def test_random_numbers_of_others_go_on(ready):
    random.seed(1)
    expected = random.Random(1).random()
    ready("addition", TAGGER, fresh=True)
    assert random.random() == expected


def test_training_reports_what_evaluation_finds(ready):
    """One step without learning: its outcome is the score of that batch."""
    made = ready("addition", override(LSTM, learning_rate=0.0, batch_size=200))
    outcome = made.learner.train(made.batches, 0, 1)
    block, input_format = made.batches.block(0, 1), made.learner.input_format
    logits = made.learner.model(input_format.encode_question(block.questions[0]))
    right = np.argmax(logits, axis=2) == input_format.encode_answer(block.answers[0]).numpy()
    assert outcome["character_accuracy"] == pytest.approx([right.mean()], abs=1e-6)
    assert outcome["exact_match"] == pytest.approx([right.all(axis=1).mean()], abs=1e-6)


def test_the_norm_of_the_gradients_is_bounded_over_all_replicas(ready):
    """A bound that no gradient reaches changes nothing."""
    losses = []
    for clip, replicas in ((1e6, 2), (1e6, 1), (1e-6, 2)):
        made = ready("addition", override(TAGGER, clip_norm=clip, replicas=replicas))
        losses.append(made.learner.train(made.batches, 0, 10)["loss"])
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-5)
    assert np.abs(losses[0] - losses[2]).max() > 1e-4


def operations(made, strategy, config, **options):
    """How often each operation of TensorFlow is in the graph of a call of a learner, outside and inside its loop."""
    learner = Learner(
        config=config, input_format=made.learner.input_format, strategy=strategy, total_steps=100, **options
    )
    batches = dataclasses.replace(made.batches, multiple=strategy.num_replicas_in_sync)
    block = learner._fed(batches, 0)
    graph = learner._train.get_concrete_function(*block, tf.constant(2)).graph.as_graph_def()
    inner = (node for function in graph.library.function for node in function.node_def)
    return collections.Counter(node.op for node in graph.node), collections.Counter(node.op for node in inner)


def test_each_replicas_rows_are_on_its_device(ready):
    made = ready("addition", override(TAGGER, batch_size=31, replicas=4))
    block = made.batches.block(0, made.learner.steps_per_call(made.batches))
    for name, part in zip(("questions", "answers", "weights"), made.learner._fed(made.batches, 0), strict=True):
        assert [tensor.device.rpartition(":")[2] for tensor in part.values] == ["0", "1", "2", "3"]
        np.testing.assert_array_equal(np.concatenate(part.values, axis=1), getattr(block, name))


@pytest.mark.parametrize(("name", "config", "replicas"), [("addition", TAGGER, 2), ("pq", COUNTER, 1)])
def test_a_score_is_that_of_all_answers_and_moves_nothing_else(ready, name, config, replicas):
    """Also where the last call is padded, with what would be a wrong answer."""
    made = ready(name, override(config, replicas=replicas, batch_size=7))
    made.learner.train(made.batches, 0, 50)
    made.learner.rows_per_call = lambda count: 16  # until it is made ready again
    done = []
    found = made.learner.score(made.validation, done.append)
    expected = evaluate(made.learner, made.validation)
    assert found["exact_match"] == expected.exact_match
    assert found["character_accuracy"] == pytest.approx(expected.character_accuracy, rel=1e-12)
    assert found["loss"] == pytest.approx(expected.loss, rel=1e-6)
    assert done[-1] == len(made.validation)
    parts = (made.validation.questions[[0] * 16], made.validation.answers[[0] * 16], np.ones(16, bool))
    rows = [made.learner._spread(part, axis=0) for part in parts]
    outputs = made.learner._score.get_concrete_function(*rows).structured_outputs
    assert outputs.shape == (3,)


@pytest.fixture(scope="module")
def two_replicas():
    """With TensorFlow's default collectives, which ``make_strategy`` replaces on CPUs."""
    return tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])


@pytest.mark.parametrize(("clip_norm", "weight_decay"), [(None, 0.0), (1.0, 0.1)])
def test_gradients_are_reduced_once_per_step_and_outcomes_once_per_call(ready, two_replicas, clip_norm, weight_decay):
    """Each of the two replicas has its node of a collective. On one machine, outcomes need only be added."""
    config = dataclasses.replace(TAGGER, clip_norm=clip_norm, weight_decay=weight_decay)
    call, steps = operations(ready("addition", config), two_replicas, config)
    assert {name: count for name, count in steps.items() if "Collective" in name} == {"CollectiveReduceV2": 2}
    assert call["AddN"] == 1, call


@pytest.mark.parametrize("xla", [None, True])
def test_cudnn_is_used_on_gpus_and_never_meets_xla(ready, monkeypatch, xla):
    monkeypatch.setattr(sys.modules["keras.src.backend.tensorflow.rnn"], "_is_gpu_available", lambda: True)
    config = override(LSTM, xla=xla)
    _, steps = operations(ready("addition", LSTM), tf.distribute.OneDeviceStrategy("/cpu:0"), config, on_gpu=True)
    assert any(name.startswith("Cudnn") for name in steps) == (not xla)


def test_an_input_format_of_ones_own_needs_no_operation_that_xla_has(ready):
    class Spelled(InputFormat):
        def encode_question(self, strings):
            return tf.cast(tf.strings.to_number(tf.strings.as_string(self._to_ids(strings))), tf.uint8)

    made = ready("addition", TAGGER)
    made.learner.on_gpu, made.learner.input_format = True, Spelled("own.py:Spelled", made.source.task)
    expected = make_input_format("plain", made.source.task).encode_question(made.validation.questions)
    np.testing.assert_array_equal(tf.function(made.learner._question_ids)(made.validation.questions), expected)


@pytest.mark.parametrize(("weight_decay", "name"), [(0.0, "adam"), (0.1, "adam_w")])
def test_optimizers_have_the_same_name_each_time(weight_decay, name):
    """Keras would number the second one, and a checkpoint would not find its variables."""
    config = TrainConfig(weight_decay=weight_decay)
    assert [learner.make_optimizer(config, 10).name for _ in range(2)] == [name, name]


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"warmup": 0.2}, [0.0, 0.5, 1.0, 1.0, 1.0]),
        ({"warmup": 0.2, "schedule": "cosine", "min_lr_ratio": 0.1}, [0.0, 0.5, 1.0, 0.55, 0.1]),
    ],
)
def test_the_learning_rate_rises_and_falls(settings, rates):
    optimizer = learner.make_optimizer(TrainConfig(learning_rate=1.0, **settings), 100)
    schedule = optimizer._learning_rate
    np.testing.assert_allclose([schedule(step) for step in (0, 10, 20, 60, 100)], rates, atol=1e-6)


def test_averaged_weights_are_scored_and_training_goes_on_without_them(ready):
    made = ready("addition", override(TAGGER, ema_decay=0.5, label_smoothing=0.1, beta_2=0.98))
    weights = made.learner.model.trainable_variables
    made.learner.train(made.batches, 0, 1)
    first = [np.asarray(weight) for weight in weights]
    made.learner.train(made.batches, 1, 1)
    second = [np.asarray(weight) for weight in weights]
    with made.learner.averaged():
        for weight, *both in zip(weights, first, second, strict=True):
            np.testing.assert_allclose(weight, np.mean(both, axis=0), atol=1e-6)
    for weight, value in zip(weights, second, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_batch_without_a_mistake_has_an_exact_match_of_one(ready, monkeypatch):
    made = ready("addition", override(TAGGER, batch_size=200), fresh=True)
    monkeypatch.setattr(made.learner, "_is_right", lambda answers, _: tf.ones_like(answers, tf.bool))
    assert made.learner.train(made.batches, 0, 3)["exact_match"].tolist() == [1.0, 1.0, 1.0]


def test_what_stands_behind_the_end_does_not_count(ready):
    config = override(CAUSAL, input_format="reversed_eos", batch_size=200, learning_rate=0.0)
    made = ready("addition", config)
    block = made.batches.block(0, 1)
    right = np.asarray(made.learner._answer_ids(block.questions[0], block.answers[0]))
    logits = made.learner.network.logits(made.learner._question_ids(block.questions[0]), right, training=False)
    counted = np.cumsum(right == made.learner.input_format.end, axis=1) - (right == made.learner.input_format.end) == 0
    losses = -np.take_along_axis(np.asarray(tf.nn.log_softmax(logits)), right[..., None].astype(int), axis=2)[..., 0]
    outcome = made.learner.train(made.batches, 0, 1)
    assert outcome["loss"] == pytest.approx([np.mean((losses * counted).sum(1) / counted.sum(1))], rel=1e-4)
    assert made.learner.score(made.validation)["exact_match"] == evaluate(made.learner, made.validation).exact_match


def test_partial_results_must_be_right_too_in_the_score_of_an_epoch(ready, monkeypatch):
    """Here the first of them is always wrong, and every answer right."""
    made = ready("addition", override(CAUSAL, input_format="scratchpad", positional_encoding="rope"), fresh=True)
    depth = len(made.learner.input_format.alphabet)

    def logits(ids, written, training):
        return tf.one_hot(tf.concat([(written[:, :1] + 1) % depth, written[:, 1:]], axis=1), depth)

    monkeypatch.setattr(made.learner.network, "logits", logits)
    score = made.learner.score(made.validation)
    assert (score["exact_match"], score["character_accuracy"]) == (0, 1)


def test_rows_per_call(ready):
    """The characters of one call are bounded, and so are its examples."""
    addition, pq = ready("addition", LSTM).learner, ready("pq", override(COUNTER, replicas=2)).learner
    assert addition.rows_per_call(1000) == 1024
    addition.on_gpu, addition.replicas = True, 2  # until it is made ready again
    assert addition.rows_per_call(1000) == 2048  # each GPU answers as many questions as one alone
    pq.input_format = make_input_format("plain", Task("pq", size=1000))
    assert pq.rows_per_call(1000) == 262
    assert pq.rows_per_call(1000) * pq.input_format.answer_steps <= learner.EVALUATED_CHARACTERS
    pq.config = override(COUNTER, batch_size=301)
    assert pq.rows_per_call(1000) == 302  # at least a batch, and as many rows on each replica
    assert pq.rows_per_call(16) == 16 < pq.rows_per_call(17)  # a sample, or a person's question
    addition.config, addition.input_format = (
        override(LSTM, name="causal", input_format="plain"),
        make_input_format("plain", Task(size=1000)),
    )
    addition.on_gpu, addition.replicas = False, 1
    assert addition.rows_per_call(1000) == 7  # of a tensor of attention, 4 * 3002^2 values each
    pq.config, pq.replicas, pq.input_format = (
        override(COUNTER, batch_size=1),
        1,
        make_input_format("plain", Task("pq", size=100_000)),
    )
    assert pq.rows_per_call(1) == 2  # and never more characters than of many questions


LEARNING = [pytest.param(name, marks=() if name in ("lstm", "causal") else pytest.mark.release) for name in MODELS]


@pytest.mark.parametrize("name", LEARNING)
def test_every_model_learns_a_few_examples(ready, name):
    config = TrainConfig(
        model=ModelConfig(name=name, input_format="aligned", hidden=32), learning_rate=0.02, batch_size=8, clip_norm=1.0
    )
    made = ready("addition", config, rows=8)
    for step in range(0, 200, 50):
        losses = made.learner.train(made.batches, step, 50)["loss"]
    assert losses[-1] < 0.9


# One of each kind of arithmetic: recurrent, latches, attention. The others have the same layers.
MIXED = [
    pytest.param(name, marks=() if name == "latch_tagger" else pytest.mark.release)
    for name in MODELS
    if name != "counter"
]


@pytest.mark.parametrize("name", MIXED)
def test_mixed_precision_learns_as_well(ready, name):
    model = ModelConfig(name=name, input_format="aligned", hidden=16)
    config = TrainConfig(model=model, learning_rate=0.01, batch_size=16, clip_norm=1.0, precision="mixed_bfloat16")
    made = ready("addition", config, rows=16)
    assert {variable.dtype for variable in made.learner.model.trainable_variables} == {"float32"}
    assert made.learner.model.layers[-2].compute_dtype == "bfloat16"
    losses = made.learner.train(made.batches, 0, 50)["loss"]
    assert losses[-1] < 0.9 * losses[0]
    # Also decoded, nearly all answers are those of teacher forcing.
    ids = made.learner.input_format.encode_question(made.validation.questions)
    predicted, _ = made.learner.network.answer(ids)
    forced = made.learner.network.logits(ids, predicted, training=False)
    assert np.mean(np.argmax(forced, axis=2) == predicted) > 0.95


def test_steps_of_a_call(ready, monkeypatch):
    """As many as take some seconds: the same for all machines, which have the same configuration."""
    made = ready("addition", TAGGER)
    assert made.learner.steps_per_call(made.batches) == learner.MAX_STEPS_PER_CALL
    a_step = costs.flops(TAGGER, made.learner.input_format, made.learner.size, made.batches.rows)
    monkeypatch.setattr(learner, "CALL_OPERATIONS", 7.5 * a_step)
    assert made.learner.steps_per_call(made.batches) == 7
    monkeypatch.setattr(learner, "CALL_OPERATIONS", 0.5 * a_step)
    assert made.learner.steps_per_call(made.batches) == 1


def test_the_next_block_is_read_while_the_caller_is_busy(ready):
    """The caller waits here until it is read; if nothing were read ahead, that would never end."""
    made, done, steps = ready("addition", TAGGER), threading.Event(), []

    class Noted(Lanes):
        def block(self, first, *how):
            steps.append(first)
            if first == 5:
                done.set()
            return super().block(first, *how)

    batches = Noted(made.batches.split, TAGGER.batch_size, 1, seed=0)
    made.learner.train(batches, 0, 5)
    assert done.wait(60)
    made.learner.train(batches, 5, 5)
    assert steps[:2] == [0, 5] and steps.count(5) == 1
