"""A curriculum: it trains the same weights on longer and longer strings, and resumes bitwise after any stop."""

import dataclasses

import configs
import numpy as np
import pytest
from layout import OWN_MODEL
from run_files import learned

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.curriculum import RIGHT, WINDOW
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import building, session, state
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.stages import Stages

# Stages of 1, 2 and 3 digits.
CONFIG = override(configs.SMALL, epochs=2, steps_per_epoch=35, stream=True, curriculum="1:1.5")


class StoppedError(Exception):
    pass


@pytest.fixture(autouse=True)
def every_window_ends_a_stage(monkeypatch):
    close = state.State.close_window
    monkeypatch.setattr(
        state.State, "close_window", lambda self, stages, right, window: close(self, stages, -1.0, window)
    )


@pytest.fixture
def train(tasks, data_dir, monkeypatch, learners):
    """Trains, and notes the stage, the first step, the number of steps and the longest question of each call."""

    def run(folder, *, stop_at=None, call=10, config=CONFIG):
        calls = []

        def steps_per_call(learner, batches):
            return call

        def noted(stages, stage, first, count):
            if stop_at is not None and first >= stop_at:
                raise StoppedError
            calls.append((stages.lengths[stage], first, count))
            return original(stages, stage, first, count)

        original = Stages.train
        with monkeypatch.context() as patch:
            patch.setattr(Learner, "steps_per_call", steps_per_call)
            patch.setattr(Stages, "train", noted)
            patch.setattr(building, "make_learner", learners.of)
            if stop_at is None:
                session.train(tasks["addition"], str(data_dir), str(folder), config)
            else:
                with pytest.raises(StoppedError):
                    session.train(tasks["addition"], str(data_dir), str(folder), config)
        return calls

    return run


def test_weights_for_every_place_are_refused(data_dir, tasks, tmp_path, input_error):
    plugins.allow(OWN_MODEL)
    config = override(CONFIG, name=OWN_MODEL, input_format="reversed")
    with input_error(InputError):
        session.train(tasks["addition"], str(data_dir), str(tmp_path), config)


KEPT = {}


@pytest.fixture
def whole(train, tmp_path_factory, capsys):
    """A run that was never stopped; it is trained once for all tests of this file."""
    if not KEPT:
        folder = tmp_path_factory.mktemp("whole")
        KEPT["calls"] = train(folder)
        KEPT["learned"] = learned(folder)
        KEPT["printed"] = capsys.readouterr().out
    return KEPT


def test_strings_grow_at_the_ends_of_windows_alone(whole):
    # The first epoch ends with step 35.
    calls = [(1, 0, 10), (1, 10, 10), (1, 20, 5), (2, 25, 10), (2, 35, 10), (2, 45, 5), (3, 50, 10), (3, 60, 10)]
    assert whole["calls"] == calls
    assert whole["learned"][2]["stage"] == 2
    assert [line for line in whole["printed"].splitlines() if line.startswith("from step")] == [
        "from step 25 on: at most 2 digits per operand",
        "from step 50 on: at most 3 digits per operand",
    ]


@pytest.mark.parametrize("stop_at", [25, 60, *(pytest.param(step, marks=pytest.mark.release) for step in (10, 35))])
def test_a_stopped_run_goes_on_bitwise(train, whole, tmp_path, stop_at):
    train(tmp_path, stop_at=stop_at)
    assert checkpoints.load(tmp_path / "last.npz")[1]["step"] == stop_at
    train(tmp_path)
    assert learned(tmp_path) == whole["learned"]


NOISY = {
    "name": "causal",
    "input_format": "reversed_eos",
    "hidden": 8,
    "dropout": 0.1,
    "score_noise": 0.5,
    "ema_decay": 0.5,
}
GROWING = override(CONFIG, epochs=1, steps_per_epoch=27, batch_doublings=2)


@pytest.mark.parametrize(
    "config", [dataclasses.replace(override(CONFIG, **NOISY, epochs=1, steps_per_epoch=20), curriculum=None), GROWING]
)
def test_noise_dropout_averages_and_batches_that_grow_go_on_bitwise_too(train, data_dir, tasks, tmp_path, config):
    """Averaged weights are those that are scored, and the best ones."""
    calls = train(tmp_path / "whole", config=config)
    if config.batch_doublings:
        assert calls == [(1, 0, 9), (1, 9, 9), (1, 18, 7), (2, 25, 2)]
        assert Summary.read(tmp_path / "whole/summary.json").examples == 32 * 9 * (1 + 2 + 4)
    train(tmp_path / "stopped", config=config, stop_at=10)
    train(tmp_path / "stopped", config=config)
    whole = learned(tmp_path / "whole")
    assert learned(tmp_path / "stopped") == whole
    (best, last), rows, *_ = whole
    assert any(best[name] != last[name] for name in best) == bool(config.ema_decay)
    validation = records.open_source(tasks["addition"], str(data_dir)).splits["validation"].head(100)
    score = building.restore(open_run(tmp_path / "whole")).score(validation)
    assert score["loss"] == pytest.approx(rows[-1]["val_loss"], rel=1e-4)


def test_it_does_not_depend_on_the_steps_per_call(train, whole, tmp_path):
    train(tmp_path, call=7)
    assert learned(tmp_path) == whole["learned"]


@pytest.mark.parametrize("right", [0.0, 0.5, 0.9, 0.91, 1.0])
def test_a_stage_ends_when_the_answers_of_a_window_are_right(right, monkeypatch):
    monkeypatch.undo()
    stands = state.State()
    outcomes = {name: np.full(5, right, np.float32) for name in stands.sums}
    for step in range(5, 56, 5):
        stands.add(outcomes)
        assert stands.close_window(2, RIGHT, WINDOW) == (right > 0.9 and step == 25)
    assert stands.right == pytest.approx(5 * right)  # of the steps since the last window
