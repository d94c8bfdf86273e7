"""From a dataset to a trained run, and from a run to its best model."""

import json
import shutil

import configs
import numpy as np
import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.evaluation import answering
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.training import building, devices, session
from seq2seq_arith.trainer.training.state import State

# Learners are made and traced once for all tests of this process.
pytestmark = pytest.mark.usefixtures("quick")


def test_a_restored_model_is_the_best_one(trained):
    """Its score is that of the best epoch, on one replica and on two."""
    _, last = checkpoints.load(trained.last)
    best = last["history"][last["best_epoch"] - 1]
    source = records.open_source(trained.task, trained.data_dir)
    examples = source.splits["validation"].head(1000)
    for replicas in (1, 2):
        learner = building.restore(open_run(trained.folder), replicas=replicas)
        score = answering.evaluate(learner, examples)
        assert score.exact_match == best["val_exact_match"]
        assert score.character_accuracy == best["val_character_accuracy"]
        assert score.loss == pytest.approx(best["val_loss"], rel=1e-5)


@pytest.mark.smoke
@pytest.mark.parametrize("on_gpus", [False, True])
def test_the_same_bits_and_xla_for_some_networks_are_the_defaults_on_cpus_alone(
    data_dir, tasks, tmp_path, monkeypatch, on_gpus
):
    monkeypatch.setattr(devices, "uses_gpus", lambda replicas: on_gpus)
    monkeypatch.setattr(building, "check_memory", lambda *_, **__: None)
    causal = {"name": "causal", "input_format": "reversed", "hidden": 8, "layers": 1}
    for options, expected in (
        ({}, (not on_gpus, False)),
        ({"deterministic": False, "xla": True}, (False, True)),
        (causal, (not on_gpus, not on_gpus)),
        (causal | {"xla": False}, (not on_gpus, False)),
    ):
        config = override(configs.TAGGER, **options)
        made = session.Training(tasks["addition"], str(data_dir), str(tmp_path), config, session.TrainOptions())
        assert (made.run.config.deterministic, made.run.config.xla) == expected, options


def test_a_size_that_the_checkpoint_does_not_have_takes_no_memory(trained, tmp_path, input_error):
    """A stranger's configuration: 64 layers of 16,384 units would take 500 GiB, and their outline takes seconds."""
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    path = folder / "config.json"
    values = json.loads(path.read_text())
    values["train"]["model"] |= {"hidden": 16384, "layers": 9}
    del values["sha256"]
    path.write_text(json.dumps(values))
    with input_error(InputError):
        building.restore(open_run(folder))


def test_a_training_that_cannot_begin_leaves_no_run(data_dir, tasks, tmp_path, monkeypatch):
    config = override(configs.TAGGER, hidden=16384, layers=9)
    with pytest.raises(InputError, match=r"weights needs about .* GiB are free; give fewer --hidden units or --layers"):
        session.train(tasks["addition"], str(data_dir), str(tmp_path / "run"), config)
    assert not (tmp_path / "run").exists()
    monkeypatch.delattr(session.Training, "_make_loop")  # in which data are read that may be damaged
    with pytest.raises(AttributeError):
        session.train(tasks["addition"], str(data_dir), str(tmp_path / "run"), configs.TAGGER)
    assert not (tmp_path / "run" / "config.json").exists()


def test_machines_of_a_cluster_have_no_replicas_of_their_own(data_dir, tasks, tmp_path, monkeypatch, input_error):
    monkeypatch.setattr(devices, "cluster", lambda: {"cluster": {"worker": ["8.8.8.8:1", "127.0.0.1:2"]}})
    config = override(configs.TAGGER, replicas=2)
    for is_public in (False, True):
        options = session.TrainOptions(public_cluster=is_public)
        with input_error(InputError):
            session.train(tasks["addition"], str(data_dir), str(tmp_path / "run"), config, options)


def test_the_same_seed_learns_the_same_and_another_does_not(data_dir, tasks, tmp_path):
    def weights(name, seed):
        config = override(configs.TAGGER, hidden=8, epochs=1, steps_per_epoch=9, validation_examples=7, seed=seed)
        run = session.train(tasks["addition"], str(data_dir), str(tmp_path / name), config).run
        arrays, state = checkpoints.load(run.last)
        assert [row["val_examples"] for row in state["history"]] == [7]
        return np.concatenate([array.ravel() for array in arrays.values()])

    assert weights("a", 0).tobytes() == weights("b", 0).tobytes()
    input_format, strategy = make_input_format("aligned", tasks["addition"]), devices.make_strategy(None)
    first, other = (
        building.make_learner(override(configs.TAGGER, seed=seed), input_format, strategy, 1)
        .model.get_weights()[0]
        .copy()
        for seed in (0, 1)
    )
    assert not np.allclose(first, other)


def test_a_finished_run_says_what_it_took(trained):
    """A tagger of one layer of 32: LSTMs in both directions of two one-hot characters of 12, and an output layer."""
    _, state = checkpoints.load(trained.last)
    state = State(**state)
    best = state.history[state.best_epoch - 1]
    found = json.loads(trained.summary.read_text())
    assert found["weights"] == 2 * 4 * 32 * (2 * 12 + 32 + 1) + 12 * (2 * 32 + 1)
    assert (found["dataset"], found["hints"]) == ("addition-n1003", "digits aligned, units first")
    assert found["examples"] == 903 * len(state.history)
    products = 2 * 4 * 32 * (2 * 12 + 32) + 12 * 2 * 32  # without biases
    assert found["flops"] == found["examples"] * 6 * products * 4
    assert (found["exact_match"], found["best_epoch"]) == (best["val_exact_match"], best["epoch"])
    assert found["seconds"] == round(state.seconds, 3)
