"""Measures the trainer beside Keras's ``fit``: examples per second, with one replica and with two.

Run it on an idle machine: ``make bench-train``. Every measurement runs in a process of its own, because TensorFlow sets
its threads once per process.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import timing

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.quiet import import_tensorflow

BATCH = 128
ROUNDS, CALLS = 5, 7  # rounds, calls per round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    data_dir = parser.parse_args().data_dir
    assert arith_data(["generate", "addition", "--data-dir", data_dir]) == 0
    rates = {"Keras fit": measure(fit_rate, data_dir)}
    for replicas in (1, 2):
        for xla in (False, True):
            name = f"our loop, {replicas} replica{'s' * (replicas - 1)}{', XLA' * xla}"
            rates[name] = measure(loop_rate, data_dir, replicas, xla)
    rows = [[name, f"{rate:,.0f}", f"{rate / rates['Keras fit']:.2f}"] for name, rate in rates.items()]
    say(f"\nThe notebook's LSTM on addition, batch {BATCH}")
    say(table(["", "examples per second", "times fit"], rows))
    single, double = (max(rate for name, rate in rates.items() if part in name) for part in ("1 replica", "2 replicas"))
    say(f"2 replicas beside the best single one: {double / single:.2f} times")


def measure(way: Callable, *arguments: Any) -> Any:
    """Calls a function of this file in a process of its own, and returns its result."""
    return timing.call(in_tensorflow, way, arguments)[0]


def in_tensorflow(way: Callable, arguments: tuple) -> Any:
    """Calls a function after TensorFlow has been imported quietly."""
    import_tensorflow()
    return way(*arguments)


def rate_of(work: Callable[[], object], examples: int) -> float:
    """Examples per second: the median of ``ROUNDS`` rounds, after one to warm up."""
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return examples / statistics.median(seconds[1:])


def fit_rate(data_dir: str) -> float:
    """Examples per second of the notebook's model under ``fit``."""
    import keras

    from seq2seq_arith.trainer.data import input_formats, records

    keras.utils.set_random_seed(0)
    input_format = input_formats.make_input_format("plain", Task("addition"))
    split = records.open_source(Task("addition"), data_dir).splits["train"]
    rows, examples = np.eye(12, dtype=bool), split.head(len(split))
    questions = rows[input_format.encode_question(examples.questions).numpy()]
    answers = rows[input_format.encode_answer(examples.answers).numpy()]
    model = notebook_model(questions.shape[1], answers.shape[1], 12)
    return rate_of(lambda: model.fit(questions, answers, batch_size=BATCH, epochs=1, verbose=0), len(questions))


def loop_rate(data_dir: str, replicas: int, xla: bool) -> float:
    """Examples per second of the same model in our loop."""
    import tensorflow as tf

    from seq2seq_arith.trainer.config import TrainConfig
    from seq2seq_arith.trainer.data import input_formats, records
    from seq2seq_arith.trainer.data.lanes import Lanes
    from seq2seq_arith.trainer.training import devices
    from seq2seq_arith.trainer.training.learner import Learner

    task, config = Task("addition"), TrainConfig(replicas=replicas, xla=xla)
    strategy = devices.make_strategy(config.replicas)
    tf.config.experimental.enable_op_determinism()
    input_format = input_formats.make_input_format(config.model.input_format, task)
    learner = Learner(config=config, input_format=input_format, strategy=strategy, total_steps=10_000)
    train = records.open_source(task, data_dir).splits["train"]
    batches = Lanes(train, config.batch_size, learner.replicas, 0)
    steps = learner.steps_per_call(batches)
    work = [(call * steps, steps) for call in range(CALLS)]
    return rate_of(lambda: [learner.train(batches, *call) for call in work], CALLS * steps * config.batch_size)


def notebook_model(width: int, steps: int, depth: int) -> Any:
    """The notebook's model as the notebook writes it."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((width, depth)),
            keras.layers.LSTM(128),
            keras.layers.RepeatVector(steps),
            keras.layers.LSTM(128, return_sequences=True),
            keras.layers.TimeDistributed(keras.layers.Dense(depth, activation="softmax")),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    main()
