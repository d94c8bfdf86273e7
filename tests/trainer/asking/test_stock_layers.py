"""A model in Keras's own layers answers as the one in ours, with the same weights."""

import ast
import json
import re

import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.asking import portable
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import build_model
from seq2seq_arith.trainer.registry import MODELS

# Those of which nothing of ours is left.
STOCK = {"lstm", "gru", "simple_rnn", "lstm_tagger", "bilstm_tagger", "returning_tagger", "convolution"}


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_same_function(name):
    """The aligned view has two channels per step, which are put side by side; and the notebook's network repeats.

    The source of the other layers has all of them, those inside of others too, and imports nothing of this package.
    """
    view = make_view("aligned", Task("addition"))
    model = build_model(ModelConfig(name=name, view=view.name, hidden=8, layers=2), view)
    stock = portable.in_stock_layers(model)
    source = portable.layers_source(stock)
    assert (source == "") == (name in STOCK)
    classes = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
    described = json.dumps(stock.get_config(), default=str)
    assert set(re.findall(r'"registered_name": "seq2seq_arith>(\w+)"', described)) <= classes
    assert not re.search("^(from|import) seq2seq_arith", source, re.MULTILINE)
    draw = np.random.default_rng(0)
    ids = [draw.integers(0, len(view.alphabet), (3, *put.shape[1:])).astype(np.int32) for put in model.inputs]
    ids = ids if len(ids) > 1 else ids[0]
    np.testing.assert_allclose(stock(ids), model(ids), atol=1e-5)
    assert [weight.name for weight in stock.weights] == [weight.name for weight in model.weights]


def test_a_model_of_other_layers_is_kept():
    view = make_view("crossed", Task())
    model = build_model(ModelConfig(name="latch_tagger", view="crossed", hidden=8, layers=2), view)
    assert portable.in_stock_layers(model) is model
