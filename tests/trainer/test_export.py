import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer import export, inputs, prediction, session
from seq2seq_arith.trainer.codec import to_codes

QUESTIONS = [f"{left}+{right}" for left in (0, 7, 63, 999) for right in (5, 48, 250, 999)]
# No package of ours and no GPU: what a serving machine has.
ELSEWHERE = """
import os, sys
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
"""


@pytest.fixture(scope="module")
def out(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "out"
    export.run(trained, str(folder))
    return folder


@pytest.fixture(scope="module")
def expected(trained):
    return prediction.answer(session.restore(trained), [prediction.stored(q, trained.task) for q in QUESTIONS])


def test_it_answers_where_our_package_is_not(out, expected, tmp_path):
    command = [sys.executable, "-c", ELSEWHERE, str(out / "saved_model"), json.dumps(QUESTIONS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    texts, confidences = map(json.loads, done.stdout.splitlines())
    assert texts == expected[0]
    np.testing.assert_allclose(confidences, expected[1], rtol=1e-4)


@pytest.mark.parametrize("question", ["39-3", "1234+5", "12", "", "1+2+3", "039+3"])
def test_it_refuses_what_is_no_question(out, question):
    loaded = tf.saved_model.load(out / "saved_model")
    with pytest.raises(tf.errors.InvalidArgumentError):
        loaded.answer(tf.constant([question]))


def test_blanks_are_ignored(out, expected):
    loaded = tf.saved_model.load(out / "saved_model")
    spaced = loaded.answer(tf.constant([" + ".join(question.split("+")) for question in QUESTIONS]))
    assert [text.decode() for text in spaced["answer"].numpy()] == expected[0]


def test_the_keras_file_is_the_model(out, trained):
    learner = session.restore(trained)
    task = trained.task
    codes = to_codes([prediction.stored(question, task) for question in QUESTIONS], task.question_width)
    ids = inputs.encode(learner.view, inputs.Examples(codes, to_codes([""] * len(codes), task.answer_width))).questions
    np.testing.assert_allclose(keras.saving.load_model(out / "model.keras")(ids), learner.model(ids), atol=1e-5)


def test_nothing_is_overwritten(out, trained):
    with pytest.raises(InputError, match="is there already"):
        export.run(trained, str(out))
