"""The export: it answers where the package is not, and refuses what the package refuses."""

import ast
import dataclasses
import json
import re
import shutil

import keras
import numpy as np
import pytest
import run_files
import tensorflow as tf
import yaml
from layout import OWN_MODEL, ROOT, SMALL_ADDER
from programs import python

from seq2seq_arith.arithmetic.scoring import Scores, SliceScore
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import parse, to_codes
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.evaluation import prediction
from seq2seq_arith.trainer.export import saved_model
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import checkpoints, history
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import building

QUESTIONS = [f"{left}+{right}" for left in (0, 7, 63, 999) for right in (5, 48, 250, 999)]
# No package of ours and no GPU: what a serving machine has.
ELSEWHERE = """
import os, sys
sys.dont_write_bytecode = True
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "seq2seq_arith":
            raise ImportError(name)
sys.meta_path.insert(0, Hidden())
import json
import tensorflow as tf
try:
    import seq2seq_arith
    sys.exit("our package is here")
except ImportError:
    pass
model = tf.saved_model.load(sys.argv[1])
answers = model.answer(tf.constant(json.loads(sys.argv[2])))
print(json.dumps([text.decode() for text in answers["answer"].numpy().tolist()]))
print(json.dumps(answers["confidence"].numpy().tolist()))
import keras
sys.path.insert(0, sys.argv[1].removesuffix("saved_model"))
import seq2seq_arith_layers
print(keras.saving.load_model(sys.argv[1].replace("saved_model", "model.keras")).count_params())
"""


@pytest.fixture(scope="module")
def out(trained, tmp_path_factory):
    """An exported model without an evaluation, whatever other tests have evaluated."""
    folder = tmp_path_factory.mktemp("export")
    shutil.copytree(trained.folder, folder / "run", ignore=shutil.ignore_patterns("evaluation*.json"))
    saved_model.export(dataclasses.replace(trained, folder=folder / "run"), str(folder / "out"))
    return folder / "out"


@pytest.fixture(scope="module")
def expected(trained):
    return prediction.answer(building.restore(trained), [parse(q, trained.task).stored for q in QUESTIONS])


@pytest.fixture(scope="module")
def loaded(out):
    return tf.saved_model.load(out / "saved_model")


@pytest.mark.slow
def test_it_answers_where_our_package_is_not(out, expected, tmp_path):
    printed = python(ELSEWHERE, out / "saved_model", json.dumps(QUESTIONS), cwd=tmp_path)
    texts, confidences, weights = map(json.loads, printed.splitlines())
    assert texts == expected[0]
    np.testing.assert_allclose(confidences, expected[1], rtol=1e-4)
    assert weights == keras.saving.load_model(out / "model.keras").count_params()


def test_it_answers_questions_and_refuses_what_is_none(loaded, expected):
    spaced = loaded.answer(tf.constant([" + ".join(question.split("+")) for question in QUESTIONS]))
    assert [text.decode() for text in spaced["answer"].numpy()] == expected[0]
    for question in ("39-3", "1234+5", "12", "", "1+2+3", "039+3"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            loaded.answer(tf.constant([question]))


def test_it_refuses_numbers_that_are_not_residues():
    task = Task("modular_addition")
    stored = tf.function(lambda given: saved_model._stored(given, task))
    assert [bytes(row) for row in stored(tf.constant(["96 + 1", "0+96"])).numpy()] == [b"96+1 ", b"0+96 "]
    for question in ("97+1", "1+98", "1+100"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            stored(tf.constant([question]))


def test_the_keras_file_is_the_model(out, trained):
    learner = building.restore(trained)
    task = trained.task
    codes = to_codes([parse(question, task).stored for question in QUESTIONS], task.question_width)
    ids = learner.input_format.encode_question(codes)
    np.testing.assert_allclose(keras.saving.load_model(out / "model.keras")(ids), learner.model(ids), atol=1e-5)


def test_tensorflow_serving_can_answer_the_request_of_the_page(loaded, expected):
    """The body of the page's request has the inputs of the signature, and the reply is JSON."""
    page = (ROOT / "docs/how-to/export.md").read_text(encoding="utf-8")
    (body,) = re.findall(r"curl -d '(\{.*?\})' \S+/v1/models/\w+:predict", page)
    signature = loaded.signatures["serving_default"]  # where none is named
    _, given = signature.structured_input_signature
    assert set(json.loads(body)["inputs"]) == set(given)
    assert given["question"].shape.as_list() == [None]  # as many questions as a request has
    assert [answer.decode() for answer in signature(question=tf.constant(QUESTIONS))["answer"].numpy()] == expected[0]


ASKED = SliceScore(9, 6, slice="carry-all", set="standard", version=2, size=3, seen=5, seen_right=3)
SCORES = Scores((ASKED, dataclasses.replace(ASKED, set="held_out", slice="runs")), per_slice=1000, seed=0)


def test_the_card_says_what_was_asked(trained, tmp_path):
    """In an evaluation, or at the end of the training."""
    run = dataclasses.replace(trained, folder=tmp_path)
    best = history.best(history.read_csv(trained.history))
    saved = Summary.read(trained.summary)
    assert best and saved
    model = build_network(run.config.model, make_input_format("aligned", run.task)).model
    rows = ["| worst slice | carry-all 0.666 |", "| 3 | carry-all | 0.666 | 3 of 9 (< 66%) | 1 of 4 (< 76%) |"]
    for evaluation, at_end, sentences in (
        (None, SCORES, rows),
        (SCORES, None, rows),
        (Scores(()), None, ["| worst slice | this task has no hard questions |"]),
        (None, None, ["It was not evaluated on hard questions yet: arith-model evaluate does."]),
    ):
        dataclasses.replace(saved, scores=at_end).write(run.summary)
        run.evaluation.unlink(missing_ok=True)
        if evaluation is not None:
            run_files.write_evaluation(run, best["epoch"], evaluation)
        card = saved_model.model_card(run, model, best)
        assert [sentence for sentence in sentences if sentence not in card] == []
        assert "runs" not in card.partition("## Hard questions")[2].partition("## Use")[0]


def test_the_card_says_how_to_load_the_model(tmp_path):
    for name in (OWN_MODEL, SMALL_ADDER):
        plugins.allow(name)
    for name, seen_through, sentence in (
        ("counter", "reversed", "path and `import seq2seq_arith_layers` before `keras.saving.load_model`"),
        (OWN_MODEL, "reversed", "path and `import own_model` before `keras.saving.load_model`."),
        (SMALL_ADDER, "aligned", "path and `import seq2seq_arith_layers` before `keras.saving.load_model`."),
        ("causal", "reversed_eos", 'An answer ends at the first "$" (`end` in `task.json`)'),
    ):
        config = TrainConfig(model=ModelConfig(name=name, input_format=seen_through, hidden=8))
        run, input_format = Run(tmp_path, Task(), "abc", "data", config), make_input_format(seen_through, Task())
        network = build_network(config.model, input_format)
        end = None if network.end is None else input_format.alphabet[network.end]
        card = saved_model.model_card(run, network.model, {"val_exact_match": 0.5}, end)
        assert sentence in card and ("ends at" in card) == (seen_through == "reversed_eos")


@pytest.mark.parametrize("name", MODELS)
def test_the_source_of_its_layers_is_all_that_a_model_needs(name, monkeypatch):
    """Also those inside of others; and it imports nothing of this package."""
    input_format = make_input_format("aligned", Task("addition"))
    model = build_network(
        ModelConfig(name=name, input_format=input_format.name, hidden=8, layers=2), input_format
    ).model
    source = saved_model.layers_source(model)
    classes = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
    described = json.dumps(model.get_config(), default=str)
    assert set(re.findall(r'"registered_name": "seq2seq_arith>(\w+)"', described)) <= classes
    assert not re.search("^(from|import) seq2seq_arith", source, re.MULTILINE)
    # Where the package is not, running it is enough; here its names are taken.
    monkeypatch.setattr(keras.saving, "register_keras_serializable", lambda *args: lambda cls: cls)
    exec(compile(source, "seq2seq_arith_layers.py", "exec"), {"__name__": "seq2seq_arith_layers"})


@pytest.mark.smoke
def test_the_files_of_an_export(out, trained):
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    beside = {name for name in files if not name.startswith("saved_model/")}
    assert beside == {"README.md", "best.weights.h5", "model.keras", "seq2seq_arith_layers.py", "task.json"}
    about = json.loads((out / "task.json").read_text())
    assert set(about) == {"parameters", "alphabet", "input_format", "question", "end", "best"}
    assert about["best"] == history.best(history.read_csv(trained.history))
    _, metadata, content = (out / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(metadata)["library_name"] == "keras"
    for sentence in (
        trained.sha256,
        trained.task.config_name,
        f"| hints | {trained.config.model.hints(trained.task)} (input format `{trained.config.model.input_format}`) |",
        "exact match",
    ):
        assert sentence in content
    assert "| worst slice | not evaluated on hard questions yet: arith-model evaluate does |" in content


def test_a_checkpoint_without_scores_is_refused(trained, tmp_path, input_error):
    run = dataclasses.replace(trained, folder=shutil.copytree(trained.folder, tmp_path / "run"))
    checkpoints.save(run.best, checkpoints.load(run.best)[0], {})
    with input_error(InputError):
        saved_model.export(run, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
