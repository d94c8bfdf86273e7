"""The exports for LiteRT and ONNX: they answer as the network does, in every input format, and refuse other strings."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from layout import ROOT

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import parse, to_codes
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.evaluation import prediction
from seq2seq_arith.trainer.export import answer, code_points, litert, onnx, saved_model
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.registry import INPUT_FORMATS
from seq2seq_arith.trainer.training import building

QUESTIONS = [f"{left}+{right}" for left in (0, 7, 63, 999) for right in (5, 48, 250, 999)]


@pytest.fixture
def no_package(monkeypatch):
    """The interpreter is that of TensorFlow, whether ai-edge-litert is installed or not."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)


@pytest.mark.usefixtures("no_package")
def test_the_exported_files_answer_as_the_network(trained, tmp_path, monkeypatch, capsys):
    run = dataclasses.replace(trained, folder=shutil.copytree(trained.folder, tmp_path / "run"))
    folder = saved_model.export(run, str(tmp_path / "out"), with_litert=True, with_onnx=True)
    assert (folder / "answer.py").read_text() == (ROOT / "trainer/export/answer.py").read_text()
    stored = [parse(question, trained.task).stored for question in QUESTIONS]
    texts, confidences = prediction.answer(building.restore(trained), stored)
    networks = {}
    monkeypatch.setattr(answer, "network", lambda folder: networks[folder.name])
    for name, path in (("onnx", answer.ONNX), ("litert", answer.LITERT)):
        networks["out"] = getattr(answer, f"{name}_network")(folder / path)
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
    ("files", "installed", "used"),
    [
        ("onnx tflite", True, "onnx"),
        ("onnx tflite", False, "litert"),
        ("onnx", False, "onnx"),  # the error names the missing package
        ("tflite", True, "litert"),
    ],
)
def test_which_network_of_a_folder_is_used(tmp_path, monkeypatch, files, installed, used):
    for suffix in files.split():
        (tmp_path / f"model.{suffix}").touch()
    monkeypatch.setattr(answer.importlib.util, "find_spec", lambda name: name if installed else None)
    for name, path in (("onnx", answer.ONNX), ("litert", answer.LITERT)):
        monkeypatch.setattr(answer, f"{name}_network", {tmp_path / path: name}.__getitem__)
    assert answer.network(tmp_path) == used


def litert_outputs(content, codes):
    outputs = tf.lite.Interpreter(model_content=content).get_signature_runner()(question=codes)
    return outputs["answer"], outputs["confidence"]


def onnx_outputs(content, codes):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["answer", "confidence"], {"question": codes})


CONVERTERS = ((litert, litert_outputs), (onnx, onnx_outputs))
# "lstm_transformer" has a GELU, and "causal" decodes in a loop. The others differ in their input format, which each
# converter converts: one of them here, and the other one before a release.
NETWORKS = [
    pytest.param(name, input_format, converter, marks=() if is_quick else pytest.mark.release)
    for place, (name, input_format) in enumerate(
        [("causal", "reversed_eos"), ("lstm_transformer", "reversed"), *(("lstm", name) for name in INPUT_FORMATS)]
    )
    for number, converter in enumerate(CONVERTERS)
    for is_quick in [name != "lstm" or place % 2 == number]
]


@pytest.mark.parametrize(
    ("name", "input_format", "converter"),
    NETWORKS,
    ids=lambda value: value if isinstance(value, str) else value[0].MODEL,
)
def test_a_network_in_every_input_format(name, input_format, converter):
    task = Task("addition", size=2)
    built = make_input_format(input_format, task)
    network = build_network(ModelConfig(name=name, input_format=input_format, hidden=8, layers=1), built)
    questions = [f"{left}+{right}" for left in (0, 7, 63, 99) for right in (5, 48, 99)]
    codes = to_codes([parse(question, task).stored for question in questions], task.question_width)
    ids, confidences = network.answer(built.encode_question(codes))
    module, outputs = converter
    answers, probabilities = outputs(module.convert(network, built), codes)
    np.testing.assert_array_equal(answers, built.decode_answer(tf.cast(ids, tf.uint8)))
    np.testing.assert_allclose(probabilities, confidences, rtol=1e-4)


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
    about = json.loads(json.dumps(code_points.question_strings(task)))
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
        answer.encode(["1+1", question], code_points.question_strings(Task(name)))


def plain_lstm():
    """A network without trained weights, and its input format."""
    built = make_input_format("plain", Task("addition"))
    return build_network(ModelConfig(name="lstm", input_format="plain", hidden=8, layers=1), built), built


def test_an_operation_that_litert_lacks(monkeypatch, input_error):
    def convert(converter):
        raise ValueError("no such operation\nat node 1")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "convert", convert)
    with input_error(InputError):
        litert.convert(*plain_lstm())


def test_an_operation_that_onnx_lacks(monkeypatch, input_error):
    def convert(*arguments, **options):
        raise ValueError("no such operation\nat node 1")

    monkeypatch.setattr("tf2onnx.convert.from_function", convert)
    with input_error(InputError):
        onnx.convert(*plain_lstm())


def test_the_extra_for_onnx_is_not_installed(monkeypatch):
    monkeypatch.setattr(packages, "is_installed", lambda module: module != "tf2onnx")
    with pytest.raises(InputError, match=r"^arith-model export --onnx needs tf2onnx, which is not installed: .*onnx"):
        onnx.convert(*plain_lstm())
