"""The folder of a run as version 0.1.0 left it: it is opened, answers and is exported, but does not go on.

The folder is made from a run of this version. The configuration and the order of the variables, as version 0.1.0 had
them, are written out here.
"""

import json
import shutil
from pathlib import Path

import configs
import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.asking import export, prediction
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.history import METRICS
from seq2seq_arith.trainer.runs.run import LOCK, ORDER_BEFORE, Run, open_run
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.learner import Learner

CONFIG = override(
    configs.TAGGER,
    hidden=8,
    layers=1,
    batch_size=32,
    epochs=2,
    steps_per_epoch=6,
    deterministic=True,
    checkpoint_seconds=0.0,
)
CALL = 3
STOPPED = 9  # in the middle of the second epoch
CONFIG_JSON = """{
  "data": {
    "parameters": {
      "task": "addition",
      "digits": 3,
      "num_examples": 1003,
      "seed": 0,
      "reverse": true,
      "ordered": false
    },
    "sha256": "SHA256",
    "directory": "DIRECTORY"
  },
  "train": {
    "model": {
      "name": "lstm_tagger",
      "view": "aligned",
      "hidden": 8,
      "layers": 1
    },
    "epochs": 2,
    "steps_per_epoch": 6,
    "batch_size": 32,
    "learning_rate": 0.005,
    "schedule": "cosine",
    "warmup": 0.05,
    "weight_decay": 0.0,
    "clip_norm": 1.0,
    "patience": 0,
    "min_delta": 0.001,
    "target": null,
    "seed": 0,
    "replicas": null,
    "xla": false,
    "precision": "float32",
    "deterministic": true,
    "checkpoint_seconds": 0.0
  }
}
"""
# The variables at the positions 0, 1, ... of best.npz, and those that follow in last.npz.
MODEL = (
    "layer_0/lstm_cell/kernel",
    "layer_0/lstm_cell/recurrent_kernel",
    "layer_0/lstm_cell/bias",
    "seed_generator_0",
    "logits/kernel",
    "logits/bias",
)
OPTIMIZER = (
    "adam/iteration",
    "adam/layer_0_lstm_cell_kernel_momentum",
    "adam/layer_0_lstm_cell_kernel_velocity",
    "adam/layer_0_lstm_cell_recurrent_kernel_momentum",
    "adam/layer_0_lstm_cell_recurrent_kernel_velocity",
    "adam/layer_0_lstm_cell_bias_momentum",
    "adam/layer_0_lstm_cell_bias_velocity",
    "adam/logits_kernel_momentum",
    "adam/logits_kernel_velocity",
    "adam/logits_bias_momentum",
    "adam/logits_bias_velocity",
)
QUESTIONS = ["1+2", "39+3", "999+999"]


@pytest.fixture(scope="module")
def whole(data_dir, tasks, tmp_path_factory) -> Run:
    """A run of this version that was never stopped. Beside its folder is a copy from the moment after step 9."""
    folder, train = tmp_path_factory.mktemp("runs") / "whole", Learner.train

    def copying(learner, batches, first, count):
        if first == STOPPED:
            shutil.copytree(folder, folder.with_name("stopped"))
        return train(learner, batches, first, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "steps_per_call", lambda learner, batches: CALL)
        patch.setattr(Learner, "train", copying)
        return session.train(tasks["addition"], str(data_dir), str(folder), CONFIG).run


@pytest.fixture
def old(whole, tasks, data_dir, tmp_path) -> Path:
    """The folder of the stopped run, as version 0.1.0 wrote it."""
    folder, stopped = tmp_path / "old", whole.folder.with_name("stopped")
    folder.mkdir()
    shutil.copy(stopped / "history.csv", folder)
    sha256 = records.open_source(tasks["addition"], str(data_dir)).sha256
    (folder / "config.json").write_text(CONFIG_JSON.replace("SHA256", sha256).replace("DIRECTORY", str(data_dir)))
    arrays, state = checkpoints.load(stopped / "best.npz")
    save_by_position(folder / "best.npz", arrays, MODEL, state)
    arrays, state = checkpoints.load(stopped / "last.npz")
    best = state["history"][state["best_epoch"] - 1]
    state["sums"] = [state["sums"][name] for name in METRICS]
    state["best"] = [best["val_exact_match"], -best["val_loss"]]
    save_by_position(folder / "last.npz", arrays, MODEL + OPTIMIZER, state)
    return folder


def save_by_position(path, arrays, names, state):
    assert arrays.keys() == set(names)
    by_position = {str(position): arrays[name] for position, name in enumerate(names)}
    np.savez(path, **by_position, state=np.frombuffer(json.dumps(state).encode(), np.uint8))


def test_it_is_opened(old, whole):
    config = override(CONFIG, deterministic=True)
    assert open_run(old) == Run(old, whole.task, whole.sha256, whole.data_dir, config, ORDER_BEFORE)


def test_it_does_not_go_on_because_it_took_its_examples_in_another_order(old, data_dir, tasks):
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with pytest.raises(InputError, match=r"holds an unfinished run of an earlier version, .* in another --run-dir"):
        session.train(tasks["addition"], str(data_dir), str(old), CONFIG)
    after = {path.name: path.read_bytes() for path in old.iterdir() if path.name != LOCK}
    assert after == before


def test_a_finished_one_stays_finished(old, whole, data_dir, tasks, capsys):
    arrays, state = checkpoints.load(whole.last)
    save_by_position(old / "last.npz", arrays, MODEL + OPTIMIZER, state)
    session.train(tasks["addition"], str(data_dir), str(old), CONFIG)
    assert f"{old} is finished: 2 epochs were asked for" in capsys.readouterr().out


def test_it_answers_and_is_exported(old, tmp_path):
    run = open_run(old)
    learner = session.restore(run)
    saved = np.load(old / "best.npz")
    for position, variable in enumerate(learner.model.variables):
        assert np.asarray(variable).tobytes() == saved[str(position)].tobytes()
    stored = [prediction.parse(question, run.task).stored for question in QUESTIONS]
    texts, _ = prediction.answer(learner, stored)
    export.export(run, str(tmp_path / "out"))
    exported = tf.saved_model.load(tmp_path / "out" / "saved_model")
    assert [text.decode() for text in exported.answer(tf.constant(QUESTIONS))["answer"].numpy()] == texts
    about = json.loads((tmp_path / "out" / "task.json").read_text())
    assert about["best"] == json.loads(saved["state"].tobytes())["row"]
