"""Costs: memory and time that a training needs, against what was measured, and the input errors."""

import dataclasses

import configs
import pytest

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import sketch
from seq2seq_arith.trainer.recipes import recipe, recipe_data
from seq2seq_arith.trainer.training import costs

PQ = make_input_format("plain", Task("pq"))
NOTEBOOK = recipe("notebook", "pq")
GIB = 1 << 30


def size_of(config, input_format):
    return sketch(config.model, input_format, costs.Size.from_model)


SIZE = size_of(NOTEBOOK, PQ)


def check(config, input_format, size=SIZE):
    costs.check_memory(config, input_format, size, on_gpu=False)


def transformer(size, batch, **model):
    model = ModelConfig(name="causal", **model)
    return TrainConfig(model=model, batch_size=batch), make_input_format("plain", Task("addition", size=size))


ATTENTION = override(configs.COUNTER, name="lstm_transformer"), make_input_format("plain", Task("pq", size=200))


@pytest.mark.parametrize(
    ("config", "input_format", "measured"),
    [
        (NOTEBOOK, PQ, 1290),  # in blocks
        (*ATTENTION, 1967),
        (*transformer(100, 256, hidden=64), 1324),
        (*transformer(100, 128, hidden=64, layers=3), 2032),
        (*transformer(20, 128, hidden=256, layers=3), 1448),
        (*transformer(50, 512, hidden=64, layers=2, ffn_dim=64), 1861),
        (*transformer(50, 512, hidden=64, layers=2, ffn_dim=2048), 5685),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_the_memory_is_at_most_twice_what_was_measured(config, input_format, measured):
    """Measured: the peak of one process in its first step, in MiB."""
    estimate = costs.training_memory(config, input_format, size_of(config, input_format)) / 2**20
    assert 0.9 * measured <= estimate <= 2 * measured


def test_a_size_follows_from_the_shapes_of_the_weights():
    """Of the notebook's network on addition: two LSTMs, whose kernels give four gates, and a dense layer."""
    input_format = make_input_format("plain", Task("addition"))
    size = size_of(NOTEBOOK, input_format)
    lstms = 4 * 128 * (12 + 128) + 4 * 128 * (128 + 128)
    assert size == costs.Size(weights=lstms + 2 * 4 * 128 + 129 * 12, products=lstms + 128 * 12, values=16 * 128 + 12)
    assert costs.flops(NOTEBOOK, input_format, size, 10) == 10 * 6 * size.products * 7
    # In blocks, what it gives is kept, and the rest computed again.
    assert SIZE.values == 128 + 128 + len(PQ.alphabet)


def test_it_says_what_it_needs(monkeypatch, capsys):
    monkeypatch.setattr(costs, "free_memory", lambda: 20 * GIB)
    check(NOTEBOOK, PQ)
    check(NOTEBOOK, make_input_format("aligned", Task("addition")))  # a small one goes without saying
    costs.check_memory(NOTEBOOK, PQ, SIZE, on_gpu=True)  # whose memory is not known
    sentence = "model lstm on pq, batch 128: about 1.3 GiB of memory; 20.0 GiB are free\n"
    assert capsys.readouterr().out == sentence


def test_it_refuses_what_does_not_fit_and_says_what_does(monkeypatch, input_error):
    monkeypatch.setattr(costs, "free_memory", lambda: GIB)
    with input_error(InputError) as caught:
        check(NOTEBOOK, PQ)
    batch = int(str(caught.value).partition("--batch-size ")[2].split()[0])
    check(override(NOTEBOOK, batch_size=batch), PQ)
    with pytest.raises(InputError):
        check(override(NOTEBOOK, batch_size=batch + 1), PQ)


def test_weights_count_with_their_gradients_and_averages_on_every_replica(monkeypatch, input_error):
    small, more = configs.COUNTER, dataclasses.replace(SIZE, weights=SIZE.weights + 1000)
    plain = costs.training_memory(small, PQ, SIZE)
    assert costs.training_memory(small, PQ, more) == plain + 16_000
    four = override(small, replicas=4)
    assert costs.training_memory(four, PQ, more) == costs.training_memory(four, PQ, SIZE) + 64_000
    monkeypatch.setattr(costs, "free_memory", lambda: 2 * GIB)
    with input_error(InputError):
        check(small, PQ, dataclasses.replace(SIZE, weights=10**9))


@pytest.mark.parametrize(
    ("task", "model", "values"),
    [
        (Task("addition", size=300), {"name": "causal", "input_format": "plain"}, 4 * 902**2),
        (
            Task("multiplication", size=100),
            {"name": "bilstm_tagger", "input_format": "partial_products"},
            200 * 100 * 12**2,
        ),
    ],
    ids=str,
)
def test_the_largest_tensor_of_an_answer(task, model, values):
    config = override(TrainConfig(), **model)
    assert costs.largest_tensor(config, make_input_format(model["input_format"], task)) == values


def test_an_example_that_sees_others_costs_more():
    input_format, estimates = make_input_format("reversed", Task("addition")), []
    for settings in (
        {"positional_encoding": "rope"},
        *({"positional_encoding": "position_coupling", "distractors": distractors} for distractors in (0, 4, None)),
    ):
        config = override(TrainConfig(), name="causal", input_format="reversed", **settings)
        estimates.append(
            (costs.training_memory(config, input_format, SIZE), costs.flops(config, input_format, SIZE, 10))
        )
    assert estimates[0] == estimates[1] and estimates == sorted(estimates) and len(set(estimates)) == 3


def test_layers_that_run_twice_cost_twice_as_much():
    input_format, estimates = make_input_format("reversed", Task("addition")), []
    for loops in (1, 2):
        config = override(TrainConfig(), name="causal", input_format="reversed", loops=loops)
        estimates.append(costs.flops(config, input_format, SIZE, 10))
    assert estimates[1] == 2 * estimates[0]


def test_a_training_of_many_hours_says_what_to_try_instead():
    note = costs.remarks(NOTEBOOK, PQ, SIZE)
    assert note.startswith("50 epochs of model lstm take up to 5e+15 FLOPs, which means hours; try --recipe best")
    for task in OPERATIONS:
        best = recipe("best", task)
        input_format = make_input_format(best.model.input_format, recipe_data("best", task))
        assert costs.remarks(best, input_format, size_of(best, input_format)) == ""


@pytest.mark.parametrize(
    ("changes", "examples"),
    [
        ({}, 50 * 45_000),
        ({"epochs": 2, "epoch_examples": 1000}, 2000),
        ({"epochs": 3, "steps_per_epoch": 10}, 3 * 10 * 128),
        ({"epochs": 3, "stream": True}, 3 * 2**17),
        ({"epochs": 3, "steps_per_epoch": 10, "batch_doublings": 2}, 10 * 128 * (1 + 2 + 4)),
    ],
)
def test_the_most_examples_of_a_training(changes, examples):
    assert costs.most_examples(override(NOTEBOOK, **changes), Task("pq")) == examples
