"""A run is opened once: its files are read again, and its model is restored again, only when they have changed."""

import dataclasses
import shutil

import numpy as np
import pytest
import run_files

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.runs import checkpoints, evaluated, files, history, proofs
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import building
from seq2seq_arith.trainer.training.opened import OpenRun


@pytest.fixture
def opened(tmp_path):
    """A run with the files of a training, but without a model."""
    return OpenRun(run_files.write_run(tmp_path / "run"))


@pytest.fixture
def counted(monkeypatch):
    """Counts how often a function is called."""

    def count(module, name):
        calls, function = [], getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: calls.append(given) or function(*given))
        return calls

    return count


def test_it_says_what_the_files_say(opened):
    run = opened.run
    assert opened.history == history.of_run(run) == run_files.ROWS
    assert (opened.best, opened.best_epoch) == (run_files.ROWS[1], 2)
    assert (opened.summary, opened.proof) == (Summary.read(run.summary), None)
    assert opened.scores == evaluated.read(run, 2)


CHANGES = {
    "history": (history, "of_run", lambda run: history.write_csv(run.history, run_files.ROWS)),
    "summary": (Summary, "read", lambda run: run_files.summary_of(1, None).write(run.summary)),
    "proof": (proofs, "read", lambda run: files.write_json(run.proof, {})),
    "scores": (evaluated, "read", lambda run: files.write_json(run.evaluation, {})),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_is_read_once_until_it_changes(opened, counted, name):
    module, function, change = CHANGES[name]
    calls = counted(module, function)
    for expected in (1, 2):
        for _ in range(2):
            getattr(opened, name)
            assert len(calls) == expected
        change(opened.run)


def test_a_damaged_file_is_told_each_time_until_it_is_whole(opened):
    whole = opened.run.history.read_bytes()
    opened.run.history.write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(InputError):
            _ = opened.history
    opened.run.history.write_bytes(whole)
    assert opened.history == run_files.ROWS


def test_its_dataset(trained, tmp_path, input_error):
    run = OpenRun(trained)
    assert run.source is run.source
    assert run.source.sha256 == trained.sha256
    with input_error(InputError):
        _ = OpenRun(dataclasses.replace(trained, sha256="abc")).source
    with pytest.raises(InputError):
        _ = OpenRun(trained, data_dir=str(tmp_path)).source


@pytest.mark.models
def test_its_model_is_restored_once_per_task_until_its_weights_change(trained, tmp_path, counted):
    run = OpenRun(open_run(shutil.copytree(trained.folder, tmp_path / "run")))
    calls, longer = counted(building, "restore"), run.run.task_of_length(run.run.task.size + 1)
    assert run.learner() is run.learner(run.run.task) is not run.learner(longer)
    assert run.learner(longer) is run.learner(longer)
    assert len(calls) == 2
    arrays, state = checkpoints.load(run.run.best)
    before = run.learner()
    checkpoints.save(run.run.best, {name: np.zeros_like(array) for name, array in arrays.items()}, state)
    assert run.learner() is not before
    assert not any(np.any(np.asarray(variable)) for variable in run.learner().model.trainable_variables)


@pytest.mark.models
def test_one_model_has_the_weights_of_the_epoch_that_is_asked(trained, tmp_path, counted, input_error):
    run = OpenRun(open_run(shutil.copytree(trained.folder, tmp_path / "run")))
    arrays, _ = checkpoints.load(run.run.best)
    for epoch in (1, 2):
        checkpoints.save(run.run.of_epoch(epoch), {name: epoch * array for name, array in arrays.items()}, {})
    calls = counted(building, "restore")
    for epoch in (1, 2, 1):
        learner = run.learner_of_epoch(epoch)
        for name, value in checkpoints.values(learner.model.variables).items():
            np.testing.assert_array_equal(value, epoch * arrays[name])
    assert len(calls) == 1
    with input_error(InputError):
        run.learner_of_epoch(3)
