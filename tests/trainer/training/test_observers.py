"""The observers of a training: TensorBoard's files, and the profile."""

import importlib.util
import types

import configs
import pytest
import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.training import observers, session


@pytest.fixture
def train(data_dir, tasks, tmp_path):
    config = override(configs.CONVOLUTION, epochs=2, steps_per_epoch=60, hidden=4)
    return lambda **how: session.train(tasks["pq"], str(data_dir), str(tmp_path / "run"), config, **how)


def test_without_tensorboard_it_is_refused(train, monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install seq2seq_arith\[tensorboard\]"):
        train(tensorboard=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
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
    config = override(configs.CONVOLUTION, epochs=1, steps_per_epoch=1, hidden=4)
    session.train(tasks["pq"], str(data_dir), str(tmp_path / "run"), config, tensorboard=True, profiled_steps=3)
    assert "note: no step was profiled: the run was finished, or ended with its first call" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (0.001, ""),
        (1.3, "a step takes 1.3 s, and each of at most 50 epochs about 22 minutes\n"),
        (6.5, "a step takes 6.5 s, and each of at most 50 epochs about 1.8 hours\n"),
    ],
)
def test_the_length_of_an_epoch_is_measured_before_it_is_said(monkeypatch, capsys, seconds, sentence):
    """By a clock that goes on in each call; the first one, which traces the model, takes an hour."""
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr(observers, "time", types.SimpleNamespace(monotonic=lambda: clock.now))
    pace = observers.Pace(epoch_steps=1000, epochs=50)
    for number in range(4):
        with pace.on_call(5 * number, 5) as count:
            clock.now += 3600 if number == 0 else seconds * count
    assert capsys.readouterr().out == sentence
