"""The export for LiteRT: it answers as the network does, in every input format, and refuses what is no question."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from layout import ROOT

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import parse, to_codes
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.evaluation import prediction
from seq2seq_arith.trainer.export import answer, litert, saved_model
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.registry import INPUT_FORMATS
from seq2seq_arith.trainer.training import building

QUESTIONS = [f"{left}+{right}" for left in (0, 7, 63, 999) for right in (5, 48, 250, 999)]


@pytest.fixture
def no_package(monkeypatch):
    """The interpreter is that of TensorFlow, whether ai-edge-litert is installed or not."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)


@pytest.mark.usefixtures("no_package")
def test_the_exported_file_answers_as_the_network(trained, tmp_path, monkeypatch, capsys):
    run = dataclasses.replace(trained, folder=shutil.copytree(trained.folder, tmp_path / "run"))
    folder = saved_model.export(run, str(tmp_path / "out"), with_litert=True)
    assert (folder / "answer.py").read_text() == (ROOT / "trainer/export/answer.py").read_text()
    stored = [parse(question, trained.task).stored for question in QUESTIONS]
    texts, confidences = prediction.answer(building.restore(trained), stored)
    model = answer.Model(folder)
    for count in (len(QUESTIONS), 3, 0):  # any number of questions
        answered = model.answer([" + ".join(question.split("+")) for question in QUESTIONS[:count]])
        assert answered[0] == texts[:count]
        np.testing.assert_allclose(answered[1], confidences[:count], rtol=1e-4)
    monkeypatch.setattr(answer, "FOLDER", folder)
    assert answer.main(QUESTIONS[:2]) is None
    assert capsys.readouterr().out.split("\n")[:2] == texts[:2]
    assert answer.main(["39-3"]) == "not a question of this task: '39-3'"
    assert answer.main([]) == "give at least one question: python answer.py QUESTION ..."
    monkeypatch.setattr(answer, "FOLDER", folder / "nowhere")
    assert "nowhere" in str(answer.main(QUESTIONS[:1]))


@pytest.mark.parametrize(
    ("name", "input_format"), [*(("lstm", name) for name in INPUT_FORMATS), ("causal", "reversed_eos")]
)
def test_a_network_in_every_input_format(name, input_format):
    task = Task("addition")
    built = make_input_format(input_format, task)
    network = build_network(ModelConfig(name=name, input_format=input_format, hidden=8, layers=1), built)
    content = litert.convert(network, built)
    codes = to_codes([parse(question, task).stored for question in QUESTIONS], task.question_width)
    outputs = tf.lite.Interpreter(model_content=content).get_signature_runner()(question=codes)
    ids, confidences = network.answer(built.encode_question(codes))
    np.testing.assert_array_equal(outputs["answer"], built.decode_answer(tf.cast(ids, tf.uint8)))
    np.testing.assert_allclose(outputs["confidence"], confidences, rtol=1e-4)


@pytest.mark.parametrize(
    ("task", "questions"),
    [
        (Task("addition"), ["0+0", "7+48", "999+999"]),
        (Task("subtraction", reverse=False), ["0-0", "7-48"]),
        (Task("modular_addition"), ["96+1", "0+96"]),
        (Task("pq"), ["-p-", "---p--"]),
    ],
    ids=lambda value: value.name if isinstance(value, Task) else "",
)
def test_questions_are_encoded_as_the_dataset_stores_them(task, questions):
    about = json.loads(json.dumps(litert.question_strings(task)))
    stored = to_codes([parse(question, task).stored for question in questions], task.question_width)
    np.testing.assert_array_equal(answer.encode(questions, about), stored)


@pytest.mark.parametrize(
    ("name", "question", "sentence"),
    [
        ("addition", "39-3", "not a question"),
        ("addition", "1+2+3", "not a question"),
        ("addition", "039+3", "not a question"),
        ("addition", "1234+5", "more than 3 characters"),
        ("modular_addition", "97+1", "not below 97"),
    ],
)
def test_what_is_no_question_is_refused(name, question, sentence):
    with pytest.raises(ValueError, match=sentence):
        answer.encode(["1+1", question], litert.question_strings(Task(name)))


def test_an_operation_that_litert_lacks(monkeypatch, input_error):
    def convert(converter):
        raise ValueError("no such operation\nat node 1")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "convert", convert)
    built = make_input_format("plain", Task("addition"))
    network = build_network(ModelConfig(name="lstm", input_format="plain", hidden=8, layers=1), built)
    with input_error(InputError):
        litert.convert(network, built)
