"""What only a GPU can show: ``make gpu`` runs it, and prints what it measures. It has not been run yet."""

import subprocess
import sys
import time

import pytest
import tensorflow as tf

from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.recipes import recipe
from seq2seq_arith.trainer.training import session

pytestmark = pytest.mark.gpu
RECURRENT = ("lstm", "gru", "bilstm_tagger", "lstm_transformer")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("name", RECURRENT)
def test_models_learn_on_all_gpus(data_dir, tasks, tmp_path, name, xla, precision):
    """As the program trains: cuDNN without XLA, and a replica on every GPU."""
    model = ModelConfig(name=name, view="aligned", hidden=16)
    config = TrainConfig(model=model, learning_rate=0.01, epochs=3, precision=precision, xla=xla)
    history = session.train(tasks["addition"], str(data_dir), str(tmp_path), config).state.history
    assert session.devices.make_strategy().num_replicas_in_sync == len(tf.config.list_logical_devices("GPU")) > 0
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize(
    ("replicas", "shown"), [("2", "[]"), ("None", f"{[True] * len(tf.config.list_physical_devices('GPU'))}")]
)
def test_gpus_are_hidden_or_their_memory_is_taken_as_needed(replicas, shown):
    """In a process of its own, because TensorFlow keeps the devices that it has started with."""
    code = f"""
import tensorflow as tf
from seq2seq_arith.trainer.training import devices
devices.make_strategy({replicas})
gpus = tf.config.get_visible_devices("GPU")
assert len(tf.config.list_logical_devices("GPU")) == len(gpus)
print([tf.config.experimental.get_memory_growth(gpu) for gpu in gpus])
"""
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == shown


def seconds_per_step(ready, config):
    """The best of three calls, after one that traces."""
    made, best = ready("addition", config), float("inf")
    for call in range(4):
        started = time.perf_counter()
        made.learner.train(made.batches, 50 * call, 50)
        if call:
            best = min(best, time.perf_counter() - started)
    return best / 50


def test_a_small_batch_takes_as_long_as_a_large_one(ready):
    """Measures where ``costs.GPU_STEP`` lies: the time of a step for batches per GPU of 16 to 8,192."""
    config, gpus = override(recipe("best", "subtraction")), len(tf.config.list_physical_devices("GPU"))
    measured = {
        rows: seconds_per_step(ready, override(config, batch_size=rows * gpus)) for rows in (16, 128, 1024, 8192)
    }
    for rows, seconds in measured.items():
        print(f"\n{gpus} GPUs, {rows} examples each: {1e3 * seconds:.2f} ms per step")
    assert measured[128] < 2 * measured[16]


@pytest.mark.parametrize("name", RECURRENT)
def test_what_xla_and_precision_cost(ready, name):
    """Measures a step with cuDNN, with XLA, and with bfloat16, all deterministic, for a batch of 1,024."""
    plain = TrainConfig(model=ModelConfig(name=name, view="aligned", hidden=128), batch_size=1024, clip_norm=1.0)
    for changes in ({}, {"xla": True}, {"precision": "mixed_bfloat16"}):
        seconds = seconds_per_step(ready, override(plain, **changes))
        print(f"\n{name} {changes or 'with cuDNN'}: {1e3 * seconds:.2f} ms per step")
        assert seconds > 0


def test_what_determinism_costs(data_dir, tmp_path):
    """Measures the examples per second of the last epoch without and with deterministic kernels."""
    for word in ("--no-deterministic", "--deterministic"):
        command = [sys.executable, "-m", "seq2seq_arith.trainer", "train", "addition", "--recipe", "notebook"]
        command += ["--num-examples", "1003", "--epochs", "3", "--steps-per-epoch", "500", "--batch-size", "1024", word]
        command += ["--data-dir", str(data_dir), "--run-dir", str(tmp_path / word)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"\n{word}: {next(line for line in printed.splitlines() if line.startswith('epoch 3/3'))}")
        assert ("note: on GPUs, the last bits" in printed) == (word == "--no-deterministic")
