"""Where a run stands, and the reasons to end it."""

import dataclasses

import pytest

from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.runs.history import COLUMNS
from seq2seq_arith.trainer.training.state import State, how_to_go_on, patience_used, reason_to_stop, stalled_epochs


def row(exact: float, loss: float) -> dict:
    return dict.fromkeys(COLUMNS, 1.0) | {"val_exact_match": exact, "val_loss": loss}


def test_a_state_comes_back():
    state = State(step=3, sums={"loss": 1.0, "character_accuracy": 0.5, "exact_match": 0.0}, history=[row(0.1, 2.0)])
    assert State.from_json(dataclasses.asdict(state)) == state


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"more": 1}, "unexpected keyword"),
        ({"sums": None}, "sums is None"),
        ({"sums": [1.0]}, "sums is"),
        ({"sums": {"loss": 1.0}}, "sums is"),
        ({"step": "x"}, "step is 'x'"),
        ({"step": -5}, "step is -5"),
        ({"step": 1e300}, "step is 1e"),
        ({"step": 10**400}, "step is 1000"),
        ({"stalled": True}, "stalled is True"),
        ({"best_epoch": 2}, "best_epoch is 2"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"stopped": None}, "stopped is None"),
        ({"history": {}}, "history is not"),
        ({"history": [{"val_loss": 1.0}]}, "history is not"),
        ({"history": [row(0.5, float("inf"))]}, "history is not"),
    ],
)
def test_a_state_that_no_run_has_is_refused(change, sentence):
    right = dataclasses.asdict(State(step=7, best_epoch=1, history=[row(0.5, 0.75)]))
    assert State.from_json(right)
    with pytest.raises((TypeError, ValueError), match=sentence):
        State.from_json(right | change)


def test_the_best_epoch_has_the_best_exact_match_then_the_least_loss():
    state = State()
    state.sums["loss"], state.epoch_seconds = 5.0, 9.0
    rows = [row(0.0, 2.0), row(0.0, 3.0), row(0.0, 1.0), row(0.5, 9.0), row(0.5, 9.0), row(0.4, 0.1)]
    assert [state.close_epoch(each, 0.001) for each in rows] == [True, False, True, True, False, False]
    assert state.best_epoch == 4
    assert state.history == rows
    assert (state.sums["loss"], state.epoch_seconds) == (0.0, 0.0)


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


@pytest.mark.parametrize(
    ("stalled", "patience", "stopped", "sentence"),
    [
        (0, 3, "", ""),
        (1, 3, "", "the validation loss hardly fell for 1 epoch; after 3 in a row, the training stops"),
        (2, 3, "", "the validation loss hardly fell for 2 epochs; after 3 in a row, the training stops"),
        (3, 3, "the validation loss hardly fell for 3 epochs in a row", ""),
        (7, 0, "", ""),
    ],
)
def test_how_much_patience_is_used_up(stalled, patience, stopped, sentence):
    assert patience_used(State(stalled=stalled, stopped=stopped), patience) == sentence


@pytest.mark.parametrize(
    ("exact", "stalled", "changes", "advice"),
    [
        (0.5, 3, {"patience": 3}, "with --patience 0, which never stops early, or with more than --patience 3"),
        (0.5, 0, {"target": 0.4}, "run the same command without --target 0.4, or with a higher one"),
        (0.5, 0, {}, "to train further, run the same command with --epochs 4"),
        (0.5, 0, {"schedule": "cosine"}, "has fallen to zero: to train longer, give --epochs 4 and another --run-dir"),
        (1.0, 0, {}, ""),
        (1.0, 3, {"patience": 3}, "with --patience 0"),
    ],
)
def test_how_to_go_on(exact, stalled, changes, advice):
    config = override(TrainConfig(epochs=2), **changes)
    state = State(stalled=stalled, best_epoch=1, history=[{"val_exact_match": exact}] * 2)
    said = how_to_go_on(state, config)
    assert advice in said
    assert bool(said) == bool(advice)
