"""What only a GPU can show: ``make gpu`` runs it, and prints what it measures. It has not been run yet."""

import pytest
import tensorflow as tf

from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
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
