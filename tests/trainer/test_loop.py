import csv
import dataclasses

import numpy as np
import pytest

from seq2seq_arith.trainer import checkpoints
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.errors import DivergedError
from seq2seq_arith.trainer.loop import Loop, State, reason_to_stop, stalled_epochs
from seq2seq_arith.trainer.recipes import recipe
from seq2seq_arith.trainer.runs import Run

CONFIG = override(
    recipe("best", "addition"), hidden=8, layers=1, batch_size=32, epochs=3, steps_per_epoch=25, checkpoint_seconds=0.0
)
CALL = 4


class StoppedError(Exception):
    pass


@pytest.fixture
def new_loop(ready, monkeypatch):
    """Makes loops whose learner trains a few steps a call, and which may be stopped before a call."""

    def make(folder, config=CONFIG, stop_at=None):
        made = ready("addition", config, total_steps=75)
        run = Run(folder, made.source.task, made.source.sha256, "data", config)
        run.claim()
        train = made.learner.train

        def stopping(batches, first, count):
            if stop_at is not None and first >= stop_at:
                raise StoppedError
            return train(batches, first, count)

        monkeypatch.setattr(made.learner, "steps_a_call", lambda batches: CALL)
        monkeypatch.setattr(made.learner, "train", stopping)
        return Loop(
            run=run,
            learner=made.learner,
            batches=made.batches,
            validation=made.validation,
            validation_examples=made.examples,
        )

    return make


def learned(loop):
    """Everything but the times: weights, optimizer, history and what early stopping knows."""
    state = dataclasses.asdict(loop.state)
    history = [
        {k: v for k, v in row.items() if k not in ("examples_per_second", "seconds")} for row in state["history"]
    ]
    rest = {k: v for k, v in state.items() if k not in ("history", "seconds", "epoch_seconds")}
    return [np.asarray(variable).tobytes() for variable in loop.learner.variables], history, rest


@pytest.fixture(scope="module")
def once():
    """What is made once for all tests of this file."""
    return {}


@pytest.fixture
def unstopped(new_loop, once, monkeypatch, tmp_path_factory):
    """A run that was never stopped, and the names of the files that it wrote, in order."""
    if not once:
        written, whole = [], checkpoints._whole
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "_whole", lambda path: written.append(path.name) or whole(path))
            once["run"] = new_loop(tmp_path_factory.mktemp("whole")), written
            once["run"][0].train()
    return once["run"]


@pytest.mark.parametrize("stop_at", [0, 13, 25, 60])
def test_a_stopped_run_goes_on_bitwise(new_loop, unstopped, tmp_path, stop_at):
    unstopped, _ = unstopped
    with pytest.raises(StoppedError):
        new_loop(tmp_path / "run", stop_at=stop_at).train()
    again = new_loop(tmp_path / "run")
    assert again.restore() == (stop_at > 0)
    again.train()
    assert learned(again) == learned(unstopped)
    best, last = (checkpoints.load(path) for path in (again.run.best, again.run.last))
    assert all(map(np.array_equal, best[0], checkpoints.load(unstopped.run.best)[0]))
    assert last[1]["stopped"] == "3 epochs were asked for"


@pytest.mark.parametrize("before_end", [1, 2, 3, 4, 5, 11])
def test_a_run_that_dies_before_any_of_its_writes_goes_on_bitwise(
    new_loop, unstopped, tmp_path, monkeypatch, before_end
):
    """The last ones are a checkpoint within the last epoch, perhaps the best one, the last one, and the history."""
    unstopped, written = unstopped
    left, whole = iter(written[:-before_end]), checkpoints._whole

    def dies(path):
        if next(left, None) is None:
            raise StoppedError
        return whole(path)

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(checkpoints, "_whole", dies)
        new_loop(tmp_path / "run").train()
    again = new_loop(tmp_path / "run")
    again.restore()
    again.train()
    assert learned(again) == learned(unstopped)
    for name in ("best.npz", "last.npz"):
        arrays = [checkpoints.load(loop.run.folder / name)[0] for loop in (again, unstopped)]
        assert all(map(np.array_equal, *arrays))
    with again.run.history.open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3]


def test_a_finished_run_trains_no_further(new_loop, tmp_path):
    new_loop(tmp_path).train()
    again = new_loop(tmp_path, stop_at=0)
    assert again.restore()
    assert len(again.train().history) == 3


def test_history_and_best_checkpoint(new_loop, tmp_path, capsys):
    loop = new_loop(tmp_path)
    state = loop.train()
    with loop.run.history.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [int(row["steps"]) for row in rows] == [25, 50, 75]
    assert [float(row["val_loss"]) for row in rows] == [row["val_loss"] for row in state.history]
    scores = [(row["val_exact_match"], -row["val_loss"]) for row in state.history]
    assert state.best_epoch == 1 + scores.index(max(scores))
    assert checkpoints.load(loop.run.best)[1]["row"] == state.history[state.best_epoch - 1]
    printed = capsys.readouterr().out
    assert printed.count("✓") + printed.count("✗") == 30


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(new_loop, tmp_path, monkeypatch):
    loop = new_loop(tmp_path)
    train = loop.learner.train

    def spoiled(batches, first, count):
        outcomes = train(batches, first, count).copy()
        outcomes[2:, 0] = np.nan if first == 33 else outcomes[2:, 0]
        return outcomes

    monkeypatch.setattr(loop.learner, "train", spoiled)
    with pytest.raises(DivergedError, match=r"the loss is nan at step 36, epoch 2; the last good checkpoint is"):
        loop.train()
    assert checkpoints.load(loop.run.last)[1]["step"] == 33


def test_weights_that_are_no_numbers_are_not_saved(new_loop, tmp_path, monkeypatch):
    """A step's loss is that before its update."""
    loop = new_loop(tmp_path)
    train = loop.learner.train

    def spoiled(batches, first, count):
        outcomes = train(batches, first, count)
        if first == 33:
            weights = loop.learner.model.trainable_variables[0]
            weights.assign(np.full(weights.shape, np.nan, np.float32))
        return outcomes

    monkeypatch.setattr(loop.learner, "train", spoiled)
    with pytest.raises(DivergedError, match=r"a weight is no longer a number after step 37; the last good checkpoint"):
        loop.train()
    arrays, state = checkpoints.load(loop.run.last)
    assert state["step"] == 33
    assert all(np.isfinite(array).all() for array in arrays)


def test_the_sums_of_an_epoch_do_not_depend_on_the_calls(new_loop, tmp_path, monkeypatch):
    histories = []
    for call in (CALL, 7):
        loop = new_loop(tmp_path / str(call))
        monkeypatch.setattr(loop.learner, "steps_a_call", lambda batches, call=call: call)
        loop.train()
        histories.append(learned(loop))
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    ("losses", "stalled"),
    [
        ([1.0], 0),
        ([1.0, 0.9], 0),
        ([1.0, 0.9995], 1),
        ([1.0, 1.1], 1),
        ([1.0, 1.1, 1.05], 0),  # the notebook compares with the epoch before, not with the best
        ([1.0, 0.9995, 0.999, 0.9985], 3),
        ([1.0, 0.9995, 0.9, 0.8999], 1),
    ],
)
def test_the_notebooks_early_stopping(losses, stalled):
    count, history = 0, []
    for loss in losses:
        history.append({"val_loss": loss})
        count = stalled_epochs(count, history, 0.001)
    assert count == stalled


@pytest.mark.parametrize(
    ("exact", "epochs", "patience", "target", "stalled", "reason"),
    [
        (0.5, 3, 0, None, 9, ""),
        (0.5, 2, 0, None, 0, "2 epochs were asked for"),
        (0.5, 9, 3, None, 2, ""),
        (0.5, 9, 3, None, 3, "the validation loss hardly fell for 3 epochs in a row"),
        (1.0, 9, 0, 1.0, 0, "the exact match reached 1"),
        (0.999, 9, 0, 1.0, 0, ""),
    ],
)
def test_reasons_to_stop(exact, epochs, patience, target, stalled, reason):
    state = State(stalled=stalled, history=[{"val_exact_match": exact}] * 2)
    assert reason_to_stop(state, epochs, patience, target) == reason
