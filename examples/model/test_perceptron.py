"""The perceptron: one answer per question, and weights that fit one length only."""

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import build_model


def test_each_character_of_the_answer_has_its_logits():
    view = make_view("raw", Task("addition"))
    model = build_model(ModelConfig(name="perceptron", hidden=8, layers=2), view)
    assert model.output_shape == (None, view.answer_steps, len(view.alphabet))


def test_longer_strings_need_other_weights():
    config = ModelConfig(name="perceptron", hidden=8)
    short, long = (build_model(config, make_view("raw", Task("addition", digits=digits))) for digits in (3, 4))
    assert short.count_params() < long.count_params()
