"""Optuna looks for the width and the learning rate of a small network, and prunes trials that fall behind.

``pip install optuna``, then ``python examples/optuna_search.py 20``. Each trial is a run in ``runs/optuna``.
"""

import sys

import keras
import optuna

import seq2seq_arith as sa


class Pruning(keras.callbacks.Callback):
    """Reports the validation loss of each epoch, and ends a trial that Optuna's pruner gives up."""

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch, logs):
        self.trial.report(logs["val_loss"], epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def objective(trial: optuna.Trial) -> float:
    run = sa.train(
        "addition-d2-n4000",
        recipe="notebook",
        model="simple_rnn",
        hidden=trial.suggest_int("hidden", 8, 64, log=True),
        learning_rate=trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True),
        steps_per_epoch=20,
        epochs=3,
        run_dir=f"runs/optuna/{trial.number}",
        callbacks=Pruning(trial),
        verbose=0,
    )
    return min(row["val_loss"] for row in run.history)


sampler, pruner = optuna.samplers.TPESampler(seed=0), optuna.pruners.MedianPruner(n_startup_trials=2)
study = optuna.create_study(sampler=sampler, pruner=pruner)
study.optimize(objective, n_trials=int(sys.argv[1]))
print(f"best: {study.best_params}, in runs/optuna/{study.best_trial.number}")
