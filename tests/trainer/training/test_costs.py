"""Costs: memory and time that a training needs, against what was measured, and the refusals."""

import configs
import pytest

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.recipes import recipe, recipe_data
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.training import costs

PQ = make_view("raw", Task("pq"))
NOTEBOOK = recipe("notebook", "pq")
GIB = 1 << 30
WEIGHTS = 200_000  # of the notebook's network


def check(config, view, weights=WEIGHTS):
    costs.check_memory(config, view, weights, on_gpu=False)


def test_the_notebooks_recipe_on_pq_is_what_was_measured():
    """Peak of one process in its first step: 1,290 MiB. Of gated recurrent units, all states are kept."""
    assert costs.training_memory(NOTEBOOK, PQ, WEIGHTS) == pytest.approx(1290 << 20, rel=0.15)
    assert costs.training_memory(override(NOTEBOOK, name="gru"), PQ, WEIGHTS) > 3 * GIB


def test_short_lstms_keep_all_states():
    short, long = (make_view("raw", Task("pq", digits=dashes)) for dashes in (31, 32))
    kept = [(costs.training_memory(NOTEBOOK, view) - costs.PROCESS) / view.longest for view in (short, long)]
    assert kept[0] / kept[1] == pytest.approx(12 / 2.5)


def test_it_says_what_it_needs(monkeypatch, capsys):
    monkeypatch.setattr(costs, "free_memory", lambda: 20 * GIB)
    check(NOTEBOOK, PQ)
    check(NOTEBOOK, make_view("aligned", Task("addition")))  # a small one goes without saying
    costs.check_memory(NOTEBOOK, PQ, WEIGHTS, on_gpu=True)  # whose memory is not known
    sentence = "model lstm on pq, batch 128: about 1.3 GiB of memory; 20.0 GiB are free\n"
    assert capsys.readouterr().out == sentence


def test_it_refuses_what_does_not_fit_and_says_what_does(monkeypatch):
    monkeypatch.setattr(costs, "free_memory", lambda: GIB)
    sentence = r"200,000 weights needs about 1.3 GiB of memory; 1.0 GiB are free; give --batch-size \d+ or less"
    with pytest.raises(InputError, match=sentence) as caught:
        check(NOTEBOOK, PQ)
    batch = int(str(caught.value).partition("--batch-size ")[2].split()[0])
    check(override(NOTEBOOK, batch_size=batch), PQ)
    with pytest.raises(InputError):
        check(override(NOTEBOOK, batch_size=batch + 1), PQ)


def test_weights_count_with_their_gradients_and_averages_on_every_replica(monkeypatch):
    small = configs.COUNTER
    plain = costs.training_memory(small, PQ)
    assert costs.training_memory(small, PQ, 1000) == plain + 16_000
    assert costs.training_memory(override(small, replicas=4), PQ, 1000) == plain + 64_000
    monkeypatch.setattr(costs, "free_memory", lambda: 2 * GIB)
    with pytest.raises(InputError, match="give fewer --hidden units or --layers"):
        check(small, PQ, weights=10**9)


def test_two_directions_take_twice_as_much_as_one(monkeypatch):
    view, config = make_view("aligned", Task("addition")), override(TrainConfig(), name="bilstm_tagger")
    two = costs.training_memory(config, view) - costs.PROCESS, costs.operations(config, view, 10)
    monkeypatch.setitem(vars(MODELS["bilstm_tagger"].cost), "directions", 1)
    one = costs.training_memory(config, view) - costs.PROCESS, costs.operations(config, view, 10)
    assert two == (2 * one[0], 2 * one[1])


@pytest.mark.parametrize(
    ("task", "model", "values"),
    [
        (Task("addition", digits=300), {"name": "causal", "view": "raw"}, 4 * 902**2),
        (Task("multiplication", digits=100), {"name": "bilstm_tagger", "view": "crossed"}, 200 * 100 * 12**2),
    ],
    ids=str,
)
def test_the_largest_tensor_of_an_answer(task, model, values):
    config = override(TrainConfig(), **model)
    assert costs.largest_tensor(config, make_view(model["view"], task)) == values


def test_an_example_that_sees_others_costs_more():
    view, found = make_view("backward", Task("addition")), []
    for settings in ({"positions": "rope"}, *({"positions": "coupled", "others": others} for others in (0, 4, None))):
        config = override(TrainConfig(), name="causal", view="backward", **settings)
        found.append((costs.training_memory(config, view), costs.operations(config, view, 10)))
    assert found[0] == found[1] and found == sorted(found) and len(set(found)) == 3


def test_a_training_of_many_hours_says_what_to_try_instead():
    note = costs.remarks(NOTEBOOK, PQ)
    assert note.startswith("50 epochs of model lstm take up to 7e+15 operations, which is hours; try --recipe best")
    for task in OPERATIONS:
        best = recipe("best", task)
        assert costs.remarks(best, make_view(best.model.view, recipe_data("best", task))) == ""


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


def test_attention_on_pq_is_what_was_measured():
    """Peak of one process in its first step, 401 characters and as many queries: 1,967 MiB."""
    config = override(configs.COUNTER, name="lstm_transformer")
    short = make_view("raw", Task("pq", digits=200))
    assert costs.training_memory(config, short) == pytest.approx(1967 << 20, rel=0.15)


@pytest.mark.parametrize(
    ("digits", "hidden", "dense", "layers", "weights", "batch", "measured"),
    [
        (100, 64, None, 1, 50_944, 256, 1324),
        (100, 64, None, 3, 149_504, 128, 2032),
        (20, 256, None, 3, 2_367_488, 128, 1448),
        (50, 64, 64, 2, 53_248, 512, 1861),
        (50, 64, 2048, 2, 561_152, 512, 5685),
    ],
)
def test_the_blocks_of_transformers_are_estimated_within_a_quarter_above(
    digits, hidden, dense, layers, weights, batch, measured
):
    """Measured: the peak of one process in its first step of addition, in MiB."""
    model = ModelConfig(name="causal", hidden=hidden, layers=layers, dense_width=dense)
    view = make_view("raw", Task("addition", digits=digits))
    found = costs.training_memory(TrainConfig(model=model, batch_size=batch), view, weights) / 2**20
    assert measured <= found <= 1.25 * measured
