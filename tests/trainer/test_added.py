"""A network, an encoding and an input format are one entry each: one of each is added here, and goes all the way."""

import dataclasses

import keras
import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig
from seq2seq_arith.trainer.data.input_formats import ReversedFormat, make_input_format
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.layers import OneHot, ops
from seq2seq_arith.trainer.models.network import Autoregressive
from seq2seq_arith.trainer.models.positional_encodings import PositionalEncoding
from seq2seq_arith.trainer.registry import (
    BOTH_REVERSED,
    HINTS,
    INPUT_FORMATS,
    MODELS,
    POSITIONAL_ENCODINGS,
    REVERSED,
    REVERSED_QUESTION,
    InputFormatEntry,
    ModelEntry,
    PositionalEncodingEntry,
    hints,
)
from seq2seq_arith.trainer.runs.run import open_run

TRAIN = ["train", "addition", "--num-examples", "1003", "--draws", "digits", "--recipe", "notebook", "--no-suite"]


class Alibi(PositionalEncoding, name="by_distance"):
    """A bias that falls with the distance, by a slope of each head's own (Press, Smith, Lewis, ICLR 2022)."""

    def bias(self, query, key):
        slopes = 2.0 ** (-8.0 * ops.arange(1, self.heads + 1, dtype="float32") / self.heads)  # [heads]
        distance = ops.abs(query.index[:, None] - key.index[None, :])  # [queries, keys]
        return -slopes[None, :, None, None] * ops.cast(distance, "float32")


def bag(spec):
    """Dense layers over the whole question, which write all characters at once."""
    question = spec.question()
    hidden = keras.layers.Dense(spec.hidden, "relu", name="hidden")(
        keras.layers.Flatten()(OneHot(spec.depth)(question))
    )
    logits = keras.layers.Dense(spec.steps * spec.depth, name="logits")(hidden)
    return keras.Model(question, keras.layers.Reshape((spec.steps, spec.depth))(logits), name=spec.name)


class Mirrored(ReversedFormat):
    """The question, too, from its last character to its first."""

    def encode_question(self, strings):
        return self._to_ids(strings)[:, ::-1]

    def decode_question(self, ids):
        return self._to_codes(ids[:, ::-1])


BAG = ModelEntry(build=bag, help="dense layers over the whole question", any_length=False)
ADDED = {
    "--model": (MODELS, "bag", BAG),
    "--positional-encoding": (
        POSITIONAL_ENCODINGS,
        "by_distance",
        PositionalEncodingEntry(help="a bias of the distance, by head"),
    ),
    "--input-format": (
        INPUT_FORMATS,
        "mirrored",
        InputFormatEntry(build=Mirrored, help="all from its end", hints=REVERSED, question_as_stored=False),
    ),
}
MORE = {"--positional-encoding": ["--model", "causal"]}


@pytest.mark.models
@pytest.mark.parametrize("option", ADDED)
def test_an_entry_is_trained_asked_and_described(option, data_dir, tmp_path, monkeypatch, capsys):
    """From the command line on, where the option and its help know it by themselves."""
    entries, name, entry = ADDED[option]
    with pytest.raises(InputError):
        ModelConfig(
            **{
                option[2:].replace("model", "name").replace("-", "_"): name,
                **({"name": "causal"} if option in MORE else {}),
            }
        )
    monkeypatch.setitem(entries, name, entry)
    with pytest.raises(SystemExit):
        main(["train", "--help-all"])
    assert f"- {name}: {entry.help}" in capsys.readouterr().out
    run = str(tmp_path / "run")
    chosen = [option, name, *MORE.get(option, []), "--hidden", "12", "--epochs", "1", "--interim-examples", "32"]
    assert main([*TRAIN, *chosen, "--data-dir", str(data_dir), "--run-dir", run]) == 0
    for words in (["predict", run, "12+34"], ["evaluate", run, "--per-slice", "1"], ["describe", run]):
        assert main(words) == 0, words
    printed = capsys.readouterr().out
    assert "12+34 = " in printed
    assert f"{name}: {entry.help}" in printed or f"{option} " in printed
    assert getattr(open_run(run).config.model, option[2:].replace("model", "name").replace("-", "_")) == name


@pytest.mark.models
def test_an_added_encoding_decodes_with_the_keys_that_it_keeps(monkeypatch):
    """As the same network that keeps nothing, and runs the whole model for each character."""
    monkeypatch.setitem(POSITIONAL_ENCODINGS, "by_distance", ADDED["--positional-encoding"][2])
    config = ModelConfig(
        name="causal", input_format="reversed", positional_encoding="by_distance", hidden=12, heads=4, layers=2
    )
    task = Task("addition", size=2)
    assert (config.any_length, config.hints(task), config.has("rope_base")) == (True, BOTH_REVERSED, False)
    input_format = make_input_format("reversed", task)
    keras.utils.set_random_seed(0)
    network = build_network(config, input_format)
    questions = input_format.encode_question(to_codes(["12+34", "99+1 ", "5+5  "], input_format.task.question_width))
    ids, confidences = network.answer(questions)
    kept_nothing = Autoregressive(network.model).answer(questions)
    np.testing.assert_array_equal(ids, kept_nothing[0])
    np.testing.assert_allclose(confidences, kept_nothing[1], rtol=1e-4)
    without = build_network(dataclasses.replace(config, positional_encoding="nope"), input_format)
    without.model.set_weights(network.model.get_weights())
    logits = (each.logits(questions, ids, training=False) for each in (network, without))
    assert np.abs(np.subtract(*logits)).max() > 1e-4  # the bias matters


def test_every_entry_names_existing_code():
    """And options that a configuration has, and hints in words that are explained."""
    entries = [*MODELS.values(), *POSITIONAL_ENCODINGS.values()]
    assert {name for entry in entries for name in entry.options} == NETWORK_OPTIONS.keys()
    built_in = {name for name in PositionalEncoding.kinds if ".py:" not in name}  # other tests have built custom ones
    assert POSITIONAL_ENCODINGS.keys() == built_in - {"by_distance"}
    for name, entry in INPUT_FORMATS.items():
        assert entry.build(name, Task("addition")).name == name
    given = [
        *(entry.hints for entry in INPUT_FORMATS.values()),
        *(entry.hints or REVERSED for entry in POSITIONAL_ENCODINGS.values()),
    ]
    assert {part for each in given for part in each.split(" + ")} <= HINTS.keys()


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("name", INPUT_FORMATS)
def test_hints_name_what_is_reversed(name, reverse):
    """As the input format shows 12 + 7 = 19: in which order the digits of 12 and of 19 come."""
    entry, task = INPUT_FORMATS[name], Task("addition", reverse=reverse)
    input_format, width = entry.build(name, task), task.question_width
    stored = "7+21".rjust(width) if reverse else "12+7"
    ids = (
        input_format.encode_question(to_codes([stored], width)),
        input_format.encode_answer(to_codes(["19"], task.answer_width)),
    )
    question, answer = ("".join(input_format.alphabet[number] for number in np.ravel(each)) for each in ids)
    begin_with_units = question.index("2") < question.index("1"), answer.index("9") < answer.index("1")
    if entry.question_as_stored:
        first, *_ = hints(task, entry, "").split(" + ")
        told = first in (REVERSED_QUESTION, BOTH_REVERSED), first in (REVERSED, BOTH_REVERSED)
    else:
        told = True, True  # all others align digits from the units, and so is their answer
    assert begin_with_units == told
