"""Which models can be proved, on which tasks: an entry each."""

import dataclasses

import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.proving import networks
from seq2seq_arith.trainer.proving.networks import NETWORKS, Provable, check_provable, find, why_not

OWN_MODEL, OWN_INPUT_FORMAT = "some_nets.adders:small", "some_nets.input_formats:Paired"
COSINE = TrainConfig(schedule="cosine")


WINDOWED = {"name": "causal", "input_format": "reversed_eos", "positional_encoding": "coupled_relative_bias"}


@pytest.mark.parametrize(
    ("task", "options", "can"),
    [
        ("addition", {"attention_window": 2}, True),
        ("addition", {"attention_window": 2, "heads": 2, "hidden": 16, "ffn_dim": 8}, True),
        ("subtraction", {"attention_window": 2}, False),
        ("addition", {}, False),
        ("addition", {"attention_window": 3}, False),
        ("addition", {"attention_window": 2, "layers": 2}, False),
        ("addition", {"attention_window": 2, "loops": 2}, False),
        ("addition", {"attention_window": 2, "score_scale": 2.0}, False),
        ("addition", {"attention_window": 2, "input_format": "reversed"}, False),
    ],
)
def test_a_transformer_of_one_layer_with_a_window_can_be_proved(task, options, can):
    why = why_not(Task(task), override(COSINE, **WINDOWED | options))
    assert (why == "") == can
    assert can or "attention-window 2" in why


@pytest.mark.parametrize(
    ("task", "model", "input_format", "can"),
    [
        ("addition", "latch_tagger", "aligned", True),
        ("subtraction", "latch_tagger", "aligned", True),
        ("subtraction", OWN_MODEL, "aligned", True),
        ("addition", OWN_MODEL, OWN_INPUT_FORMAT, True),
        ("addition", "latch_tagger", OWN_INPUT_FORMAT, True),
        ("addition", "gru_tagger", "aligned", True),
        ("addition", "gru", "aligned", False),
        ("pq", "counter", "plain", True),
        ("addition", "latch_tagger", "plain", False),
        ("addition", "bilstm_tagger", "aligned", False),
        ("addition", "counter", "plain", False),
        ("multiplication", "latch_tagger", "aligned", False),
        ("multiplication", OWN_MODEL, OWN_INPUT_FORMAT, False),
        ("pq", OWN_MODEL, "plain", False),
        ("pq", "counter", OWN_INPUT_FORMAT, False),
        ("pq", "latch_tagger", "aligned", False),
    ],
)
def test_what_can_be_proved(task, model, input_format, can):
    config = override(COSINE, name=model, input_format=input_format, prove=1)
    why = why_not(Task(task), config)
    assert (why == "") == can
    if can:
        check_provable(Task(task), config)
        return
    assert why.startswith(f"{task} by {model}, input format {input_format}, cannot be proved; these can: ")
    with pytest.raises(InputError):
        check_provable(Task(task), config)
    check_provable(Task(task), override(config, prove=0))


def test_nothing_is_proved_in_a_lower_precision():
    config = override(COSINE, name="latch_tagger", input_format="aligned", precision="mixed_bfloat16")
    assert "computes in mixed_bfloat16" in why_not(Task("addition"), config)


def test_code_of_ones_own_is_known_by_its_weights():
    own, task = override(COSINE, name=OWN_MODEL, input_format="aligned"), Task("addition")
    for network in NETWORKS:
        found = find(task, own, {network.variable: np.zeros(())})
        assert found == (network if network.task is None else None)
    assert find(task, own, {"dense/kernel": np.zeros(())}) is None
    adder = NETWORKS[0]
    assert find(task, override(own, name="latch_tagger"), {"carry/kernel": np.zeros(())}) is None
    shown = override(own, name="latch_tagger", input_format=OWN_INPUT_FORMAT)  # its alphabet may be another one
    assert find(task, shown, {adder.variable: np.zeros(())}) == adder


@pytest.mark.parametrize(
    "network", [network for network in NETWORKS if network.shapes], ids=lambda network: network.name
)
def test_a_network_of_the_package_is_known_by_the_shapes_of_its_weights(network):
    options = {"name": network.name, "input_format": network.input_format, "hidden": 8, "layers": 1}
    task, config = Task(network.task or "addition"), override(COSINE, **options | network.options)
    shapes = network.shapes(config.model, len(task.alphabet))
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    assert find(task, config, weights) == network
    assert find(task, config, {name: array.astype(np.float16) for name, array in weights.items()}) == network
    name = network.variable
    for edited in (
        weights | {name: weights[name].astype(np.float64)},
        weights | {name: weights[name].astype(np.int32)},
        weights | {name: weights[name][..., :-1]},
        weights | {"other": np.zeros(1, np.float32)},
        {other: array for other, array in weights.items() if other != "logits/bias" and "scale" not in other},
    ):
        assert find(task, config, edited) is None
    assert find(task, override(config, hidden=16), weights) is None


def test_another_network_is_one_entry(monkeypatch):
    config, task = override(COSINE, name="gru", input_format="aligned"), Task("subtraction")
    before = why_not(task, config)
    gru = Provable(name="gru", input_format="aligned", variable="encoder/gates", tables=lambda weights, alphabet: ...)
    monkeypatch.setattr(networks, "NETWORKS", (*NETWORKS, gru))
    assert why_not(task, config) == ""
    assert find(task, config, {gru.variable: np.zeros(())}) is gru
    assert why_not(Task("multiplication"), config) == before.replace(
        "subtraction by gru", "multiplication by gru", 1
    ) + ("; addition or subtraction by gru, input format aligned")


def test_a_task_with_a_transducer_can_be_proved(monkeypatch):
    task = Task("addition_of_three")
    config = override(COSINE, name="latch_tagger", input_format="aligned")
    assert why_not(task, config)
    with_rule = dataclasses.replace(task.operation, transducer=Task("addition").operation.transducer)
    monkeypatch.setattr(Task, "operation", with_rule)
    assert not why_not(task, config)
