"""Inspections: every network shows its probabilities, and its attention and recurrent states if it has any."""

import json

import numpy as np
import pytest
from configs import learner_of
from layout import ROOT

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer import figures, plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.interpretability import inspection
from seq2seq_arith.trainer.registry import MODELS

ADDITION = Task("addition")
# Names of layers, and of those the number of steps: 7 characters of the question, 4 of the answer.
STATES = {
    "lstm": {"encoder": 7, "decoder_0": 4},
    "lstm_transformer": {"reader": 7, "writer_0": 4, "writer_1": 4, "writer_2": 4},
    "lstm_attention": {"encoder_0": 7, "decoder_0": 4},
    "counter": {"encoder": 7, "decoder": 4},
    "bilstm_tagger": {"both_0": 4},
    "wave_tagger": {"layer_0": 4},
    "latch_tagger": {"latches_0": 4},
}
ATTENTION = {"lstm_transformer": [(4, 11, 11)], "causal": [(4, 4, 11)], "lstm_attention": [(1, 4, 7)]}


def inspected(name, question="12+345", **options):
    learner = learner_of(name, **options)
    return learner, inspection.inspect(learner, text.parse(question, learner.input_format.task))


@pytest.mark.parametrize("name", [*STATES, "causal"])
def test_what_every_network_shows(name):
    in_place = MODELS[name].writes_in_place
    _, shown = inspected(name, input_format="aligned" if in_place else "reversed")
    assert shown.read == (["25", "14", "␣3", "␣␣"] if in_place else list("␣543+21"))
    assert shown.labels(len(shown.read)) == shown.read
    assert shown.probabilities.shape == (4, 12)
    np.testing.assert_allclose(shown.probabilities.sum(axis=1), 1, atol=1e-5)
    ids = shown.probabilities.argmax(axis=1)
    assert [shown.alphabet[token].replace(" ", "␣") for token in ids] == shown.written
    assert {layer: len(states) for layer, states in shown.states.items()} == STATES.get(name, {})
    assert [shares.shape for shares in shown.attention.values()] == ATTENTION.get(name, [])
    for shares in shown.attention.values():
        np.testing.assert_allclose(shares.sum(axis=2), 1, atol=1e-5)
    assert json.loads(json.dumps(shown.to_json()))["answer"] == shown.answer


@pytest.mark.parametrize(
    ("name", "task", "question"),
    [(name, ADDITION, "12+345") for name in ATTENTION] + [("lstm_attention", Task("pq", size=5), "--p---")],
    ids=str,
)
def test_a_row_of_attention_is_the_step_that_writes(name, task, question):
    """Also where question and answer have as many steps."""
    _, shown = inspected(name, question, task=task, input_format="plain")
    rows = [line.split() for line in shown.text().split("\n\n")[1].splitlines()[2:]]
    assert [row[1] for row in rows] == shown.written
    for number, heat_map in enumerate(shown.maps_of_attention()):
        names, shares = heat_map.rows[-len(rows) :], heat_map.values[-len(rows) :]
        assert names == [f"writes {character}" for character in shown.written]
        keys = [
            f"{key}:{heat_map.columns[key]} {row[key]:.2f}" for row, key in zip(shares, shares.argmax(1), strict=True)
        ]
        assert [" ".join(row[5 + 2 * number : 7 + 2 * number]) for row in rows] == keys
    drawn = figures.maps([*shown.maps_of_attention(), shown.map_of_probabilities()]).axes
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in drawn if axes.get_title())
    assert {label.get_fontsize() for axes in drawn[:1] for label in axes.get_yticklabels()} == {10}


def test_the_last_state_is_that_of_the_model():
    """An encoder that returns only its last state shows all of them, with the same weights."""
    learner, shown = inspected("lstm")
    ids = learner.input_format.encode_question(np.frombuffer(b" 543+21", np.uint8)[None])
    encoder = learner.model.get_layer("encoder")
    last = encoder(learner.model.layers[1](ids))
    np.testing.assert_allclose(shown.states["encoder"][-1], np.asarray(last)[0], atol=1e-5)


BACKWARD = """from keras import Model, layers, ops
def backward(spec):
    ids = spec.question()
    read = layers.LSTM(4, return_sequences=True, go_backwards=True, name="layer_0")(ops.one_hot(ids[..., 0], 20))
    return Model(ids, layers.Dense(spec.depth, name="logits")(ops.flip(read, 1)))"""


def test_states_of_a_layer_that_runs_backward_stand_at_their_steps(tmp_path):
    """Its output at a step depends on the steps from there to the end, and on no earlier one."""
    (tmp_path / "own.py").write_text(BACKWARD)
    plugins.allow(name := f"{tmp_path}/own.py:backward")
    learner = learner_of(name, input_format="aligned")
    first, second = (
        inspection.inspect(learner, text.parse(question, ADDITION)).states["layer_0"] for question in ("125+3", "126+3")
    )
    assert np.abs(first[0] - second[0]).max() > 1e-4
    np.testing.assert_allclose(first[1:], second[1:], atol=1e-6)


TWO_WAYS = """from keras import Model, layers, ops
def two_ways(spec):
    ids = spec.question()
    characters = ops.one_hot(ids, spec.depth)
    both = layers.Bidirectional(layers.GRU(3), name="encoder")(characters)
    _, last = layers.GRU(6, return_sequences=True, return_state=True, name="layer_1")(characters)
    return Model(ids, layers.Dense(spec.depth, name="logits")(layers.RepeatVector(spec.steps)(both + last)))"""


def test_states_of_layers_that_return_the_last_one(tmp_path):
    (tmp_path / "own.py").write_text(TWO_WAYS)
    plugins.allow(name := f"{tmp_path}/own.py:two_ways")
    _, shown = inspected(name)
    assert {layer: states.shape for layer, states in shown.states.items()} == {"encoder": (7, 6), "layer_1": (7, 6)}
    assert (
        shown.course()[1] == shown.read
    )  # the second layer reads the same once more, and does not continue from there


def test_after_the_end_mark_nothing_but_a_blank_is_probable():
    learner = learner_of("causal", blanks=False)
    for variable in learner.model.variables:
        variable.assign(np.zeros(variable.shape))  # so that each character is as probable, and the first is the end
    shown = inspection.inspect(learner, text.parse("1+2", learner.input_format.task))
    assert shown.written == ["␣"] * 4
    np.testing.assert_allclose(shown.probabilities[:, learner.input_format.pad], [1 / 12, 1, 1, 1])


@pytest.mark.parametrize("noted", [True, False])
def test_a_custom_model_shows_the_attention_that_it_notes(noted, tmp_path):
    source = (ROOT / "examples/own_model.py").read_text()
    (tmp_path / "nets.py").write_text(
        source if noted else source.replace("= Attention(", "= layers.MultiHeadAttention(")
    )
    name = f"{tmp_path}/nets.py:transformer"
    plugins.allow(name)
    _, shown = inspected(name)
    assert [shares.shape for shares in shown.attention.values()] == ([(4, 11, 11)] if noted else [])
    assert ("notes no attention" in shown.text()) != noted


def test_the_program(trained, tmp_path, capsys):
    run, picture = str(trained.folder), tmp_path / "found.svg"
    assert main(["inspect", run, "12+345", "-o", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("12+345 is read as ")
    assert len(printed.split("\n\n")[1].splitlines()) == 2 + 4  # the steps of an answer
    assert picture.read_bytes().startswith(b"<?xml")


def test_a_long_run_of_one_character_is_one_row():
    """``inspect`` of a question of pq with 2,000 characters has a few rows, not 2,001."""
    task = Task("pq", size=30)
    written = list("---") + ["␣"] * 58
    probabilities = np.full((61, 4), 0.02, np.float32)
    probabilities[:, 3] = 0.94
    probabilities[20, 3] = 0.5  # the least certain step stands for its run
    shown = inspection.Inspection(
        question="-" * 30 + "p---",
        answer="---",
        confidence=0.5,
        read=["-"] * 30 + list("p---"),
        written=written,
        previous=written,
        alphabet=task.alphabet,
        probabilities=probabilities,
        attention={},
        states={},
    )
    lines = shown.text().splitlines()
    assert lines[0] == f"{'-' * 30}p--- is read as -{{30}} p - - -, and answered with ---"
    rows = [line.split() for line in lines[4:]]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert " ".join(rows[-1]).startswith("3 to 60 ␣ × 58 0.500 ")
    heat_map = shown.map_of_probabilities()
    assert heat_map.values.shape == (4, 4) and heat_map.columns[-1] == "␣ × 58"
    assert heat_map.title == "How sure the model is of each character of ---"
