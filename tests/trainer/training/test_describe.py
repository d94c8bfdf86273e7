"""What ``arith-model describe`` says of a recipe and of a run."""

import dataclasses
import math
import re

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import outline, sketch
from seq2seq_arith.trainer.recipes import recipe, recipe_data
from seq2seq_arith.trainer.registry import HINTS, INPUT_FORMATS
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.training import describe


def described(name: str, task: str) -> str:
    return describe.describe(recipe_data(name, task), recipe(name, task))


def test_the_notebooks_network_has_the_names_that_people_know():
    """And the weights that Keras counts."""
    shown = described("notebook", "addition")
    rows = [re.split(r" {2,}", line) for line in shown.splitlines()]
    network = rows[rows.index(["layer", "kind", "output", "weights"]) + 2 :][:7]
    assert network == [
        ["question", "Input", "7", "0"],
        ["one_hot", "OneHot", "7 × 12", "0"],
        ["encoder", "LSTM", "128", "72,192"],
        ["repeat_vector", "RepeatVector", "4 × 128", "0"],
        ["decoder_0", "LSTM", "4 × 128", "131,584"],
        ["logits", "Dense", "4 × 12", "1,548"],
        ["all", "205,324"],
    ]


@pytest.mark.parametrize("name", ["lstm", "wave_tagger", "lstm_transformer", "causal", "counter"])
def test_every_network_is_drawn(name):
    """With all of its weights; every layer reads layers above it."""
    input_format = make_input_format("aligned", Task("addition"))
    config = ModelConfig(name=name, input_format="aligned", hidden=8)
    found = sketch(config, input_format, describe.layers, cudnn=True)
    variables = [each for each in outline(config, input_format) if each.trainable]
    assert sum(layer.weights for layer in found) == sum(math.prod(variable.shape) for variable in variables)
    above: set[str] = set()
    for layer in found:
        assert set(layer.reads) <= above
        above.add(layer.name)
    assert found[-1].shape == f"{input_format.answer_steps} × {len(input_format.alphabet)}"
    assert {layer.kind for layer in found}.isdisjoint({"PlainLSTM"})


@pytest.mark.parametrize(
    ("name", "task", "sentences"),
    [
        (
            "best",
            "addition",
            [
                "arith-data generate addition --num-examples 250000 --draws structured --data-dir data",
                "of 12+7 = 19 it reads 27 1␣ ␣␣ ␣␣ and writes 91␣␣ (␣ is blank)",
                f"digits aligned, units first: {HINTS['digits aligned, units first']}",
                "337,500 examples in 1,319 steps of 256",
                "Latch: Units that hold a value",
            ],
        ),
        ("best", "multiplication", [f"partial_products: {INPUT_FORMATS['partial_products'].help}"]),
        ("best", "subtraction", ["pairs of digits", "Latch, backward"]),
        ("notebook", "pq", ["it reads ---p--␣{1995} and writes q-----␣{1995}", "which means hours; try --recipe best"]),
        ("plain", "subtraction", ["embedding, read, places", "BiasedAttention: Self-attention"]),
    ],
)
def test_what_a_recipe_would_train(name, task, sentences):
    shown = described(name, task)
    assert [sentence for sentence in sentences if sentence not in shown] == []


def test_every_setting_that_the_network_has_is_shown_with_its_meaning(monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    config = recipe("best", "subtraction")
    shown = describe.describe(recipe_data("best", "subtraction"), config, all_options=True)
    for instance in (config, config.model):
        for name, parameter in parameters_of(type(instance)).items():
            lines = re.findall(rf"^--{parameter.flag} .*$", shown, re.MULTILINE)
            assert [line.endswith(f"  {parameter.about.help}") for line in lines] == [True] * (
                name not in NETWORK_OPTIONS
            )
    assert re.search(r"^--learning-rate +0\.01 ", shown, re.MULTILINE)
    assert re.search(r"^--steps-per-epoch +those of --epoch-examples ", shown, re.MULTILINE)
    assert re.search(r"^--prove +6 ", shown, re.MULTILINE)


def test_a_setting_with_its_default_that_no_recipe_sets_is_shown_only_with_all_options():
    config = dataclasses.replace(recipe("notebook", "addition"), seed=3)
    shown, every = ({row[0] for row in describe.settings(config, all_options)} for all_options in (False, True))
    assert {"--model", "--learning-rate", "--prove", "--seed"} <= shown < every
    assert every - shown >= {"--beta-1", "--checkpoint-seconds"}
    assert describe.OTHERS in described("notebook", "addition")


def test_a_run_says_what_it_reached(trained):
    shown = describe.describe(trained.task, trained.config, trained)
    assert f"run           {trained.folder}\n" in shown
    assert f"--data-dir {trained.data_dir}\n" in shown
    assert re.search(r"reached in epoch \d+ of 20: exact match 0\.\d{4} on the validation set$", shown)
    shipped = open_run("pretrained:subtraction-random-pairs")
    shown = describe.describe(shipped.task, shipped.config, shipped)
    assert "exact match 1.0000 on the validation set; worst slice: equal 0.783\n" in shown
    assert "\n\nnot proved: 500-500 is 0, and the model answers 00; " in shown
