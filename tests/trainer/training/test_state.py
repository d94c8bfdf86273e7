"""Where a run stands, and the reasons to end it."""

import pytest

from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.runs.history import COLUMNS
from seq2seq_arith.trainer.training.state import State, how_to_train_longer, reason_to_stop


def row(exact: float, loss: float) -> dict:
    return dict.fromkeys(COLUMNS, 1.0) | {"val_exact_match": exact, "val_loss": loss}


def test_the_best_epoch_has_the_best_exact_match_then_the_least_loss():
    state = State()
    state.sums["loss"], state.epoch_seconds = 5.0, 9.0
    rows = [row(0.0, 2.0), row(0.0, 3.0), row(0.0, 1.0), row(0.5, 9.0), row(0.5, 9.0), row(0.4, 0.1)]
    assert [state.close_epoch(row, 0.001) for row in rows] == [True, False, True, True, False, False]
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
    state = State()
    for loss in losses:
        state.close_epoch(row(0.5, loss), 0.001)
    assert state.stalled == stalled


@pytest.mark.parametrize(
    ("exact", "epochs", "patience", "target", "stalled", "reason"),
    [
        (0.5, 3, 0, None, 9, ""),
        (0.5, 2, 0, None, 0, "all 2 epochs are done"),
        (0.5, 9, 3, None, 2, ""),
        (0.5, 9, 3, None, 3, "the validation loss hardly fell for 3 epochs in a row"),
        (1.0, 9, 0, 1.0, 0, "the exact match reached 1"),
        (0.999, 9, 0, 1.0, 0, ""),
    ],
)
def test_reasons_to_stop(exact, epochs, patience, target, stalled, reason):
    state = State(stalled=stalled, history=[{"val_exact_match": exact}] * 2)
    config = TrainConfig(epochs=epochs, patience=patience, target=target)
    assert reason_to_stop(state, config) == reason


def test_no_epoch_follows_a_round():
    state, config = State(stopped="before", best_epoch=1, history=[row(0.5, 1) | {"round": 1}]), TrainConfig(epochs=9)
    assert (reason_to_stop(state, config), how_to_train_longer(state, config)) == ("before", "")


@pytest.mark.parametrize(
    ("exact", "stalled", "changes", "advice"),
    [
        (0.5, 3, {"patience": 3}, "with --patience 0, which never stops early, or with more than --patience 3"),
        (0.5, 0, {"target": 0.4}, "run the same command without --target 0.4, or with a higher one"),
        (0.5, 0, {}, "to train longer, run the same command with --epochs 4"),
        (0.5, 0, {"schedule": "cosine"}, "depend on --epochs: to train longer, give --epochs 4 and another --run-dir"),
        (1.0, 0, {}, ""),
        (1.0, 3, {"patience": 3}, "with --patience 0"),
    ],
)
def test_how_to_train_longer(exact, stalled, changes, advice):
    config = override(TrainConfig(epochs=2), **changes)
    state = State(stalled=stalled, best_epoch=1, history=[{"val_exact_match": exact}] * 2)
    sentence = how_to_train_longer(state, config)
    assert advice in sentence
    assert bool(sentence) == bool(advice)
