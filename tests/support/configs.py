"""Configurations from which tests of the trainer begin. Recipes may change; these do not."""

import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.training.learner import Learner

ADDITION = Task("addition")
TAGGER = TrainConfig(
    model=ModelConfig(name="bilstm_tagger", input_format="aligned", hidden=64, layers=1),
    epochs=8,
    learning_rate=5e-3,
    schedule="cosine",
    warmup=0.05,
    clip_norm=1.0,
)
SMALL = override(TAGGER, hidden=8, batch_size=32, checkpoint_seconds=0.0)
COUNTER = TrainConfig(
    model=ModelConfig(name="counter", input_format="plain", hidden=32),
    epochs=5,
    steps_per_epoch=100,
    batch_size=32,
    learning_rate=3e-2,
    schedule="cosine",
    warmup=0.04,
    clip_norm=1.0,
)


def learner_of(name: str, task: Task = ADDITION, input_format: str = "reversed", **settings: object) -> Learner:
    """An untrained learner of 16 units."""
    config = override(TrainConfig(), name=name, input_format=input_format, hidden=16, **settings)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    return Learner(config=config, input_format=make_input_format(input_format, task), strategy=strategy, total_steps=1)
