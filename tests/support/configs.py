"""Configurations from which tests of the trainer begin. Recipes may change; these do not."""

from seq2seq_arith.trainer.config import ModelConfig, TrainConfig

TAGGER = TrainConfig(
    model=ModelConfig(name="bilstm_tagger", view="aligned", hidden=64, layers=1),
    epochs=8,
    learning_rate=5e-3,
    schedule="cosine",
    warmup=0.05,
    clip_norm=1.0,
)
COUNTER = TrainConfig(
    model=ModelConfig(name="counter", view="raw", hidden=32),
    epochs=5,
    steps_per_epoch=100,
    batch_size=32,
    learning_rate=3e-2,
    schedule="cosine",
    warmup=0.04,
    clip_norm=1.0,
)
