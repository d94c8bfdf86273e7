"""How the networks of the package are stored: an epoch has 16 bits only where that changes no answer."""

import shutil

import numpy as np
import pretrained
import pytest

from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, open_run
from seq2seq_arith.trainer.training.opened import OpenRun


@pytest.mark.models
def test_an_epoch_is_rounded_only_where_that_changes_no_answer(tmp_path, capsys):
    opened = OpenRun(open_run(shutil.copytree(PRETRAINED_RUNS / "subtraction-random-pairs", tmp_path / "run")))
    run, stored = opened.run, tmp_path / "stored.npz"
    epoch = run.kept_epochs[-1]
    arrays, state = checkpoints.load(run.of_epoch(epoch))
    exact = {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}
    # The highest logit stays the highest, but 16 bits hold none of them.
    small = exact | {name: array * np.float32(1e-12) for name, array in exact.items() if name.startswith("logits/")}
    for weights, is_rounded in ((exact, True), (small, False)):
        checkpoints.save(run.of_epoch(epoch), weights, state)
        pretrained.save_epoch(opened, epoch, stored)
        found, found_state = checkpoints.load(stored)
        assert {array.dtype.name for array in found.values() if array.dtype.kind == "f"} == {
            "float16" if is_rounded else "float32"
        }
        assert found_state == state and all(np.array_equal(found[name], weights[name]) for name in weights)
        assert ("stays in 32 bits" in capsys.readouterr().out) != is_rounded
