"""Measures the trainer beside Keras's ``fit``: time to learn, examples per second, replicas, and the input alone.

Run it on an idle machine: ``make bench-train``. Every measurement runs in a process of its own, because TensorFlow sets
its threads once per process.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import timing

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.quiet import import_tensorflow

GOAL = 0.99
BATCH = 128
ROUNDS, CALLS, STEPS = 5, 7, 50  # rounds, calls per round, steps per call
NOTEBOOK_EPOCHS = 50
TASKS = ("addition", "subtraction", "pq")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds per task")
    parser.add_argument(
        "--fit-seconds", type=float, default=400.0, help="most seconds per task for the notebook's recipe"
    )
    args = parser.parse_args()
    for task in TASKS:
        assert arith_data(["generate", task, "--data-dir", args.data_dir]) == 0
    speed(args.data_dir)
    feed(args.data_dir)
    learning(args)


def measure(way: Callable, **given: Any) -> Any:
    """Calls a function of this file in a process of its own, and returns its result."""
    return timing.call(in_tensorflow, way=way.__name__, given=given)[0]


def in_tensorflow(way: str, given: dict) -> Any:
    """Calls a function of this file, by its name, after TensorFlow has been imported quietly."""
    import_tensorflow()
    return globals()[way](**given)


def speed(data_dir: str) -> None:
    """Prints examples per second of the notebook's LSTM on addition."""
    rates = {"Keras fit": measure(fit_rate, data_dir=data_dir)}
    for replicas in (1, 2):
        for xla in (False, True):
            name = f"our loop, {replicas} replica{'s' * (replicas - 1)}{', XLA' * xla}"
            rates[name] = measure(loop_rate, data_dir=data_dir, replicas=replicas, xla=xla)
    rows = [[name, f"{rate:,.0f}", f"{rate / rates['Keras fit']:.2f}"] for name, rate in rates.items()]
    say(f"\nThe notebook's LSTM on addition, batch {BATCH}")
    say(table(["", "examples per second", "times fit"], rows))
    single, double = (max(rate for name, rate in rates.items() if part in name) for part in ("1 replica", "2 replicas"))
    say(f"2 replicas beside the best single one: {double / single:.2f} times")


def feed(data_dir: str) -> None:
    """Prints the speed of the input alone, as a multiple of the speed at which the models train."""
    rows = []
    for task in TASKS:
        fed = measure(batches_rate, data_dir=data_dir, name=task)
        eaten = measure(best_rate, data_dir=data_dir, name=task)
        read = measure(reading_rate, data_dir=data_dir, name=task)
        rows.append([task, f"{read:,.0f}", f"{fed:,.0f}", f"{eaten:,.0f}", f"{fed / eaten:.0f}"])
    say("\nThe input, examples per second: read in order, read as batches, trained by the best recipe's model")
    header = ["task", "read", "batches", "trained", "batches / trained"]
    say(table(header, rows))


def learning(args: argparse.Namespace) -> None:
    """Prints seconds to the goal and the best exact match, of the notebook's recipe under ``fit`` and of ours."""
    rows = []
    for task in ("addition", "subtraction"):
        run = measure(notebook_under_fit, data_dir=args.data_dir, name=task, most=args.fit_seconds)
        rows.append(_row(task, "the notebook's, fit", [run]))
    for task in TASKS:
        runs = [measure(ours, data_dir=args.data_dir, name=task, seed=seed) for seed in range(args.seeds)]
        rows.append(_row(task, f"best, median of {args.seeds}", runs))
    say(f"\nLearning: seconds to an exact match of {GOAL} on the validation set, evaluations included")
    say(table(["task", "recipe", f"seconds to {GOAL}", "best exact match", "seconds in all"], rows))


def _row(task: str, recipe: str, runs: list[list[float]]) -> list[str]:
    reached, best, seconds = (statistics.median(column) for column in zip(*runs, strict=True))
    return [task, recipe, "never" if reached == float("inf") else f"{reached:.1f}", f"{best:.4f}", f"{seconds:.1f}"]


def encoded(data_dir: str, name: str, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """The ids of all questions and answers of a split in the view ``raw``, as ``fit`` needs them."""
    from seq2seq_arith.trainer.data import records, views

    view, whole = views.make_view("raw", Task(name)), records.open_source(Task(name), data_dir).splits[split]
    examples = whole.head(len(whole))
    return view.encode_question(examples.questions).numpy(), view.encode_answer(examples.answers).numpy()


def lanes(data_dir: str, name: str, batch_size: int, replicas: int = 1) -> Any:
    """The batches of the default dataset of a task."""
    from seq2seq_arith.trainer.data import records
    from seq2seq_arith.trainer.data.lanes import Lanes

    return Lanes(records.open_source(Task(name), data_dir).splits["train"], batch_size, replicas, 0)


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

    keras.utils.set_random_seed(0)
    questions, answers = one_hot(encoded(data_dir, "addition"), 12)
    model = notebook_model(questions.shape[1], answers.shape[1], 12)
    return rate_of(lambda: model.fit(questions, answers, batch_size=BATCH, epochs=1, verbose=0), len(questions))


def loop_rate(data_dir: str, replicas: int, xla: bool) -> float:
    """Examples per second of the same model in our loop."""
    from seq2seq_arith.trainer.config import TrainConfig

    return training_rate(data_dir, "addition", TrainConfig(replicas=replicas, xla=xla))


def best_rate(data_dir: str, name: str) -> float:
    """Examples per second of the best recipe's model in our loop."""
    from seq2seq_arith.trainer.recipes import recipe

    return training_rate(data_dir, name, recipe("best", name))


def training_rate(data_dir: str, name: str, config: Any) -> float:
    import tensorflow as tf

    from seq2seq_arith.trainer.data import views
    from seq2seq_arith.trainer.training import devices
    from seq2seq_arith.trainer.training.learner import Learner

    strategy = devices.make_strategy(config.replicas)
    tf.config.experimental.enable_op_determinism()
    view = views.make_view(config.model.view, Task(name))
    learner = Learner(config=config, view=view, strategy=strategy, total_steps=10_000)
    batches = lanes(data_dir, name, config.batch_size, learner.replicas)
    steps = learner.steps_per_call(batches)
    work = [(call * steps, steps) for call in range(CALLS)]
    return rate_of(lambda: [learner.train(batches, *call) for call in work], CALLS * steps * config.batch_size)


def batches_rate(data_dir: str, name: str) -> float:
    """Examples per second of reading the batches that the best recipe trains on."""
    from seq2seq_arith.trainer.recipes import recipe

    config = recipe("best", name)
    batches = lanes(data_dir, name, config.batch_size)
    blocks = range(0, CALLS * STEPS, STEPS)
    return rate_of(lambda: [batches.block(first, STEPS) for first in blocks], CALLS * STEPS * config.batch_size)


def reading_rate(data_dir: str, name: str) -> float:
    """Examples per second from the files to arrays of characters, in the files' order."""
    from seq2seq_arith.trainer.data import records

    split = records.open_source(Task(name), data_dir).splits["train"]
    size = split.rows_per_range
    firsts = range(0, len(split) - size + 1, size)
    return rate_of(lambda: [split.read(first, size) for first in firsts], len(firsts) * size)


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


def one_hot(data: tuple[np.ndarray, np.ndarray], depth: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.eye(depth, dtype=bool)
    return rows[data[0]], rows[data[1]]


def notebook_under_fit(data_dir: str, name: str, most: float) -> tuple[float, float, float]:
    """The notebook's recipe without early stopping: seconds to the goal, best exact match, seconds in all."""
    import keras

    keras.utils.set_random_seed(0)
    depth = len(Task(name).alphabet)
    questions, answers = one_hot(encoded(data_dir, name), depth)
    validation = encoded(data_dir, name, split="validation")
    validation_questions, _ = one_hot(validation, depth)
    model = notebook_model(questions.shape[1], answers.shape[1], depth)
    started, reached, best, seconds = time.perf_counter(), float("inf"), 0.0, 0.0
    for _ in range(NOTEBOOK_EPOCHS):
        model.fit(questions, answers, batch_size=BATCH, epochs=1, verbose=0)
        predicted = model.predict(validation_questions, batch_size=1000, verbose=0).argmax(axis=2)
        exact = float(np.mean(np.all(predicted == validation[1], axis=1)))
        seconds, best = time.perf_counter() - started, max(best, exact)
        reached = min(reached, seconds) if exact >= GOAL else reached
        if seconds > most:
            break
    return reached, best, seconds


def ours(data_dir: str, name: str, seed: int) -> tuple[float, float, float]:
    """The best recipe on its own data: seconds to the goal, best exact match, seconds in all."""
    from seq2seq_arith.trainer.config import override
    from seq2seq_arith.trainer.data.making import make_missing
    from seq2seq_arith.trainer.recipes import recipe, recipe_data
    from seq2seq_arith.trainer.training import session

    task = recipe_data("best", name)
    make_missing(task, data_dir)

    with tempfile.TemporaryDirectory() as folder:
        config = override(recipe("best", name), seed=seed)
        state = session.train(task, data_dir, str(Path(folder) / "run"), config).state
    reached = [row["seconds"] for row in state.history if row["val_exact_match"] >= GOAL]
    return min(reached, default=float("inf")), max(row["val_exact_match"] for row in state.history), state.seconds


if __name__ == "__main__":
    main()
