import importlib.util

import pytest
import tensorflow as tf

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer import session
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.recipes import recipe


@pytest.fixture
def train(data_dir, tasks, tmp_path):
    config = override(recipe("best", "pq"), epochs=2, steps_per_epoch=60, hidden=4)
    return lambda **how: session.train(tasks["pq"], str(data_dir), str(tmp_path / "run"), config, **how)


def test_without_tensorboard_it_is_refused(train, monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install seq2seq_arith\[tensorboard\]"):
        train(tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_what_tensorboard_reads(train, tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    history = train(tensorboard=True, profiled_steps=3).state.history
    for split, prefix in (("train", ""), ("validation", "val_")):
        events = accumulators.EventAccumulator(str(tmp_path / "run" / "tensorboard" / split))
        events.Reload()
        for title, key in (("loss", "loss"), ("exact match", "exact_match")):
            found = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events.Tensors(title)]
            assert found == [(row["steps"], pytest.approx(row[prefix + key])) for row in history]
    assert "question" in events.Tensors("samples")[0].tensor_proto.string_val[0].decode()
    assert list((tmp_path / "run" / "tensorboard").rglob("*.xplane.pb"))


def test_a_profile_that_could_not_be_taken_is_said_to_be_missing(data_dir, tasks, tmp_path, capsys):
    pytest.importorskip("tensorboard")
    config = override(recipe("best", "pq"), epochs=1, steps_per_epoch=1, hidden=4)
    session.train(tasks["pq"], str(data_dir), str(tmp_path / "run"), config, tensorboard=True, profiled_steps=3)
    assert "note: no step was profiled: the run was finished, or ended with its first call" in capsys.readouterr().out
