"""What only a GPU can show: ``make gpu`` runs it, and prints what it measures. It has not been run yet."""

import pytest
import tensorflow as tf
from programs import python

from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.training import session

pytestmark = pytest.mark.gpu
RECURRENT = ("lstm", "gru", "bilstm_tagger", "lstm_transformer")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("name", RECURRENT)
def test_models_learn_on_all_gpus(data_dir, tasks, tmp_path, name, xla, precision):
    """As the program trains: cuDNN without XLA, and a replica on every GPU."""
    model = ModelConfig(name=name, input_format="aligned", hidden=16)
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
    assert python(code).strip() == shown
