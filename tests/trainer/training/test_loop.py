"""The outer loop: it resumes bitwise after any stop, keeps the best epoch, and stops at what is not a number."""

import contextlib
import csv
import dataclasses
import json
import types

import configs
import numpy as np
import pytest
from run_files import learned

from seq2seq_arith.base import files
from seq2seq_arith.base.errors import DivergedError, InputError
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.runs import checkpoints, history, samples
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.training import loop as loop_module
from seq2seq_arith.trainer.training.loop import Loop
from seq2seq_arith.trainer.training.observers import Observer, Printer
from seq2seq_arith.trainer.training.stages import Stages

CONFIG = override(configs.SMALL, epochs=3, steps_per_epoch=25)
CALL = 4


class StoppedError(Exception):
    pass


class Stop(Observer):
    """Ends a training before the call that would take this step, counted from the first call."""

    def __init__(self, step: int) -> None:
        self.left = step

    def on_call(self, first):
        if self.left <= 0:
            raise StoppedError

    def on_steps(self, first, outcomes):
        self.left -= len(outcomes["loss"])


@pytest.fixture(scope="module")
def shared(ready):
    """One learner for all loops of this file: tracing a new one takes seconds."""
    made = ready("addition", CONFIG, total_steps=75)
    return made, [np.asarray(variable) for variable in made.learner.variables]


@pytest.fixture(scope="module")
def constant(ready):
    """The same with a constant learning rate, and its configuration, for which no epoch is progress."""
    config = dataclasses.replace(CONFIG, schedule="constant", warmup=0.0, min_delta=100.0)
    made = ready("addition", config, total_steps=75)
    return (made, [np.asarray(variable) for variable in made.learner.variables]), config


@pytest.fixture
def new_loop(shared, monkeypatch):
    """Makes loops whose learner is as it was built, and trains a few steps per call."""

    def new(folder, *observers, config=CONFIG, learner=shared):
        made, first = learner
        for variable, value in zip(made.learner.variables, first, strict=True):
            variable.assign(value)
        run = Run(folder, made.source.task, made.source.sha256, "data", config)
        run.write_config()
        monkeypatch.setattr(made.learner, "steps_per_call", lambda batches: CALL)
        stages = Stages(made.learner, made.batches)
        loop = Loop(run=run, stages=stages, validation=made.validation)
        loop.observers = observers
        return loop

    return new


@pytest.fixture
def spoil(new_loop, monkeypatch):
    """Makes loops whose learner spoils its outcomes or its weights in the call that begins with step 33."""

    def spoiled(folder, harm):
        loop = new_loop(folder)
        train = loop.learner.train

        def spoiling(batches, first, count):
            outcomes = train(batches, first, count)
            return harm(loop.learner, outcomes) if first == 33 else outcomes

        monkeypatch.setattr(loop.learner, "train", spoiling)
        return loop

    return spoiled


ONCE = {}  # what is trained once for all tests of this file


@pytest.fixture
def unstopped(new_loop, monkeypatch, tmp_path_factory):
    """A run that was never stopped; it is trained once for all tests of this file."""
    if "unstopped" not in ONCE:
        written, whole_file = [], files.whole_file
        with monkeypatch.context() as patch:
            patch.setattr(files, "whole_file", lambda path: written.append(path.name) or whole_file(path))
            loop = new_loop(tmp_path_factory.mktemp("whole"))
            loop.train()
        ONCE["unstopped"] = types.SimpleNamespace(learned=learned(loop.run.folder), files=written[1:])
    return ONCE["unstopped"]


@pytest.mark.parametrize("stop_at", [0, pytest.param(13, marks=pytest.mark.smoke), 25, 60])
def test_a_stopped_run_goes_on_bitwise(new_loop, ready, unstopped, tmp_path, stop_at):
    """Once also with a learner that was built again, as in another process."""
    with pytest.raises(StoppedError):
        new_loop(tmp_path / "run", Stop(stop_at)).train()
    options = {}
    if stop_at == 13:
        made = ready("addition", CONFIG, total_steps=75, fresh=True)
        options["learner"] = made, [np.asarray(variable) for variable in made.learner.variables]
    again = new_loop(tmp_path / "run", **options)
    assert again.restore() == (stop_at > 0)
    again.train()
    assert learned(again.run.folder) == unstopped.learned
    assert checkpoints.load(again.run.last)[1]["stopped"] == "all 3 epochs are done"


def saved_by_another_version(path, change):
    """Replaces the state of a checkpoint, a dict as JSON holds it, by what another version has there."""
    with np.load(path) as archive:
        members = dict(archive)
    state = change(json.loads(members["state"].tobytes()))
    members["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **members)


def test_a_run_that_an_older_version_has_stopped_goes_on_bitwise(new_loop, unstopped, tmp_path):
    """The first checkpoints did not say their format; and a field that has its default may have come later."""
    with pytest.raises(StoppedError):
        new_loop(tmp_path / "run", Stop(60)).train()
    first = ("step", "sums", "epoch_seconds", "seconds", "stalled", "best_epoch", "history")
    for name in ("last.npz", "previous.npz"):
        saved_by_another_version(tmp_path / "run" / name, lambda state: {key: state[key] for key in first})
    again = new_loop(tmp_path / "run")
    assert again.restore()
    again.train()
    assert learned(again.run.folder) == unstopped.learned


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state | {"format": 2},
        lambda state: state | {"momentum": 1},
        lambda state: state | {"step": "x"},
        lambda state: state | {"format": "x"},
    ],
    ids=["newer", "unknown", "step", "format"],
)
def test_the_state_of_no_training_is_refused(new_loop, tmp_path, input_error, change):
    with pytest.raises(StoppedError):
        new_loop(tmp_path, Stop(30)).train()
    for name in ("last.npz", "previous.npz"):
        saved_by_another_version(tmp_path / name, change)
    with input_error(InputError):
        new_loop(tmp_path).restore()


def test_a_newer_checkpoint_is_not_passed_over(new_loop, tmp_path):
    """Not even if the one before could be read."""
    with pytest.raises(StoppedError):
        new_loop(tmp_path, Stop(60)).train()
    saved_by_another_version(tmp_path / "last.npz", lambda state: state | {"format": 2})
    with pytest.raises(InputError):
        new_loop(tmp_path).restore()


@pytest.mark.parametrize("before_end", [pytest.param(1, marks=pytest.mark.smoke), 2, 3, 4, 5, 6, 12])
def test_a_run_that_dies_before_any_of_its_writes_goes_on_bitwise(
    new_loop, unstopped, tmp_path, monkeypatch, before_end
):
    """The last writes are those of the last epoch, and then checkpoints within it."""
    assert unstopped.files[-4] in ("best.npz", "last.npz")
    assert unstopped.files[-3:] == ["samples.jsonl", "last.npz", "history.csv"]
    left, whole_file = iter(unstopped.files[:-before_end]), files.whole_file

    def dies(path):
        if next(left, None) is None:
            raise StoppedError
        return whole_file(path)

    loop = new_loop(tmp_path / "run")
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(files, "whole_file", dies)
        loop.train()
    again = new_loop(tmp_path / "run")
    again.restore()
    again.train()
    assert learned(again.run.folder) == unstopped.learned
    with again.run.history.open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3]


def test_the_weights_of_every_epoch_are_kept_if_asked(new_loop, unstopped, tmp_path):
    """A run that was stopped has the same files, byte for byte."""
    config = dataclasses.replace(CONFIG, keep_epochs=True)
    whole = new_loop(tmp_path / "whole", config=config)
    state = whole.train()
    assert learned(whole.run.folder) == unstopped.learned
    with pytest.raises(StoppedError):
        new_loop(tmp_path / "stopped", Stop(60), config=config).train()
    again = new_loop(tmp_path / "stopped", config=config)
    again.restore()
    again.train()
    assert again.run.kept_epochs == whole.run.kept_epochs == [1, 2, 3]
    for epoch in whole.run.kept_epochs:
        assert again.run.of_epoch(epoch).read_bytes() == whole.run.of_epoch(epoch).read_bytes()
        assert checkpoints.load(whole.run.of_epoch(epoch))[1] == {"epoch": epoch}
    best, of_epoch = whole.run.best, whole.run.of_epoch(state.best_epoch)
    np.testing.assert_equal(checkpoints.load(of_epoch)[0], checkpoints.load(best)[0])
    assert Run(tmp_path, whole.run.task, "", "", CONFIG).kept_epochs == []


@pytest.mark.parametrize("first", ["last.npz", "previous.npz"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(new_loop, unstopped, tmp_path, capsys, first):
    with pytest.raises(StoppedError):
        new_loop(tmp_path, Stop(60)).train()
    before, last = (checkpoints.load(tmp_path / name)[1]["step"] for name in ("previous.npz", "last.npz"))
    path = tmp_path / first
    path.write_bytes(path.read_bytes()[:-100])
    again = new_loop(tmp_path)
    assert again.restore()
    assert again.state.step == (before if first == "last.npz" else last)
    assert (f"note: {path} is damaged" in capsys.readouterr().out) == (first == "last.npz")
    again.train()
    assert learned(again.run.folder) == unstopped.learned


def test_a_run_both_of_whose_checkpoints_are_damaged_is_refused(new_loop, tmp_path):
    with pytest.raises(StoppedError):
        new_loop(tmp_path, Stop(20)).train()
    for name in ("previous.npz", "last.npz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError):
        new_loop(tmp_path).restore()


@pytest.fixture
def longer(new_loop, constant, tmp_path_factory):
    """What a run with a constant rate learns that is asked for three epochs at first; trained once."""
    learner, config = constant
    if "longer" not in ONCE:
        loop = new_loop(tmp_path_factory.mktemp("longer"), config=config, learner=learner)
        loop.train()
        ONCE["longer"] = learned(loop.run.folder)
    return ONCE["longer"]


@pytest.mark.parametrize(("changes", "stop_at"), [({"epochs": 2}, 30), ({"patience": 1}, None)], ids=str)
def test_a_run_with_a_constant_rate_goes_on_to_more_epochs(new_loop, constant, longer, tmp_path, changes, stop_at):
    """Finished or not, it ends as if it had been asked for them at first; so does one that ended early."""
    learner, config = constant
    observers = [] if stop_at is None else [Stop(stop_at)]
    with contextlib.suppress(StoppedError):
        new_loop(tmp_path / "run", *observers, config=override(config, **changes), learner=learner).train()
    again = new_loop(tmp_path / "run", config=config, learner=learner)
    assert again.restore()
    assert not again.state.stopped
    again.train()
    assert learned(again.run.folder) == longer
    assert open_run(tmp_path / "run").config == config


def test_history_and_best_checkpoint(new_loop, tmp_path, capsys):
    loop = new_loop(tmp_path, Printer(3))
    state = loop.train()
    with loop.run.history.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [int(row["steps"]) for row in rows] == [25, 50, 75]
    assert [float(row["val_loss"]) for row in rows] == [row["val_loss"] for row in state.history]
    assert all(tuple(row) == history.COLUMNS for row in state.history)
    asked = samples.read_jsonl(loop.run.samples)
    assert [each.epoch for each in asked] == [1, 2, 3]
    assert len({tuple(sample.question for sample in each.samples) for each in asked}) == 1
    scores = [(row["val_exact_match"], -row["val_loss"]) for row in state.history]
    assert state.best_epoch == 1 + scores.index(max(scores))
    assert checkpoints.load(loop.run.best)[1]["row"] == state.history[state.best_epoch - 1]
    printed = capsys.readouterr().out
    assert printed.count("✓") + printed.count("✗") == 30
    assert printed.count("✓") == sum(sample.right for each in asked for sample in each.samples)
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("epoch ")] == ["1/3", "2/3", "3/3"]


def test_examples_per_second(new_loop, tmp_path, monkeypatch):
    """By a clock that advances by one second in each call of the learner: 25 of 29 steps in 7 s."""
    clock = types.SimpleNamespace(now=100.0, monotonic=lambda: clock.now, process_time=lambda: 3 * clock.now)
    monkeypatch.setattr(loop_module, "time", clock)
    loop = new_loop(tmp_path)
    train = loop.learner.train

    def timed(batches, first, count):
        clock.now += 1.0
        return train(batches, first, count)

    monkeypatch.setattr(loop.learner, "train", timed)
    rows = loop.train().history
    assert (loop.batches.steps_per_pass, len(loop.batches)) == (29, 903)
    # The last batch of a pass is smaller; the second and the third epoch have one such batch each.
    assert [row["examples_per_second"] for row in rows] == [round(examples / 7, 1) for examples in (800, 775, 775)]
    assert [row["seconds"] for row in rows] == [7.0, 14.0, 21.0]
    assert loop.state.cpu_seconds == 63.0


@pytest.mark.parametrize(
    ("config", "ends"),
    [
        ({"steps_per_epoch": 7}, [7, 14, 21]),
        ({"epoch_examples": 903}, [29, 58, 87]),  # passes
        ({"epoch_examples": 20}, [1, 2, 3]),  # fewer than a batch
        ({"epoch_examples": 301}, [10, 19, 29]),  # thirds of a pass, which has as many steps as one epoch of it
    ],
)
def test_epochs_end_after_passes_or_equal_parts_of_one(new_loop, tmp_path, config, ends):
    config = dataclasses.replace(CONFIG, **{"steps_per_epoch": None, "batch_size": 32} | config)
    loop = new_loop(tmp_path, config=config)
    assert [loop.epoch_end(epoch) for epoch in (1, 2, 3)] == ends


def test_only_the_last_epoch_is_scored_on_all_examples_and_it_is_the_best(new_loop, tmp_path):
    loop = new_loop(tmp_path, config=dataclasses.replace(CONFIG, interim_examples=7))
    rows = loop.train().history
    assert [row["val_examples"] for row in rows] == [7, 7, len(loop.validation)]
    assert loop.state.best_epoch == 3 == history.best(rows)["epoch"]
    perfect = rows[0] | {"val_exact_match": 1.0, "val_loss": 0.0}
    assert history.best([perfect, *rows[1:]])["epoch"] == 3
    for may_end in ({"patience": 1}, {"target": 0.9}):
        early = new_loop(tmp_path / str(may_end), config=dataclasses.replace(CONFIG, interim_examples=7, **may_end))
        assert len(early._scored()) == len(early.validation)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(spoil, tmp_path):
    def harm(learner, outcomes):
        losses = outcomes["loss"].copy()
        losses[2:] = np.nan
        return outcomes | {"loss": losses}

    loop = spoil(tmp_path, harm)
    with pytest.raises(DivergedError, match=r"the loss is nan at step 36, epoch 2; the last good checkpoint is"):
        loop.train()
    assert checkpoints.load(loop.run.last)[1]["step"] == 33


def test_a_validation_loss_that_is_no_number_stops_it(new_loop, tmp_path, monkeypatch):
    monkeypatch.setattr("seq2seq_arith.trainer.training.learner.Learner.score", lambda *_: {"loss": np.nan})
    with pytest.raises(DivergedError, match=r"the validation loss is nan after step 25; "):
        new_loop(tmp_path).train()


def test_weights_that_are_no_numbers_are_not_saved(spoil, tmp_path):
    """The loss of a step is computed before its update."""

    def harm(learner, outcomes):
        weights = learner.model.trainable_variables[0]
        weights.assign(np.full(weights.shape, np.nan, np.float32))
        return outcomes

    loop = spoil(tmp_path, harm)
    with pytest.raises(DivergedError, match=r"a weight is no longer a number after step 37; the last good checkpoint"):
        loop.train()
    arrays, state = checkpoints.load(loop.run.last)
    assert state["step"] == 33
    assert all(np.isfinite(array).all() for array in arrays.values())
