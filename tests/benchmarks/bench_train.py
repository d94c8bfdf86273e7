"""The trainer beside Keras's ``fit``, in one run: time to learn, examples a second, replicas, and the input alone.

Run it on a machine that does nothing else: ``make bench-train``. Every way runs in a process of its own, for
TensorFlow's threads are set once a process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer import report
from seq2seq_arith.trainer.quiet import import_tensorflow

GOAL = 0.99
BATCH = 128
ROUNDS, CALLS, STEPS = 5, 7, 50  # rounds of so many calls of so many steps
NOTEBOOK_EPOCHS = 50
TASKS = ("addition", "subtraction", "pq")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds of our own runs")
    parser.add_argument("--fit-seconds", type=float, default=400.0, help="the most for the notebook's recipe, a task")
    parser.add_argument("--way", help=argparse.SUPPRESS)  # what a child process is to run
    args = parser.parse_args()
    if args.way:
        run_way(**json.loads(args.way))
        return
    for task in TASKS:
        assert arith_data(["generate", task, "--data-dir", args.data_dir]) == 0
    speed(args.data_dir)
    feed(args.data_dir)
    learning(args)


def measure(way: Callable, **given: Any) -> Any:
    """What a way returns, run in a process of its own."""
    call = json.dumps({"name": way.__name__, "given": given})
    child = subprocess.run([sys.executable, __file__, "--way", call], capture_output=True, text=True)
    if child.returncode:
        sys.exit(f"{child.stderr}\n{way.__name__} failed; run: python {__file__} --way '{call}'")
    return json.loads(child.stdout.splitlines()[-1])


def run_way(name: str, given: dict) -> None:
    import_tensorflow()
    print(json.dumps(globals()[name](**given)))


def speed(data_dir: str) -> None:
    """Examples a second of the notebook's LSTM on addition."""
    rates = {"Keras fit": measure(fit_rate, data_dir=data_dir)}
    for replicas in (1, 2):
        for xla in (False, True):
            name = f"our loop, {replicas} replica{'s' * (replicas - 1)}{', XLA' * xla}"
            rates[name] = measure(loop_rate, data_dir=data_dir, replicas=replicas, xla=xla)
    rows = [[name, f"{rate:,.0f}", f"{rate / rates['Keras fit']:.2f}"] for name, rate in rates.items()]
    report.say(f"\nThe notebook's LSTM on addition, batch {BATCH}")
    report.say(report.table(["", "examples a second", "times fit"], rows))
    single, double = (max(rate for name, rate in rates.items() if part in name) for part in ("1 replica", "2 replicas"))
    report.say(f"2 replicas against the best single one: {double / single:.2f} times")


def feed(data_dir: str) -> None:
    """What feeds the models, alone, as a multiple of what they eat."""
    rows = []
    for task in TASKS:
        fed = measure(batches_rate, data_dir=data_dir, name=task)
        eaten = measure(best_rate, data_dir=data_dir, name=task)
        read = measure(reading_rate, data_dir=data_dir, name=task)
        rows.append([task, f"{read:,.0f}", f"{fed:,.0f}", f"{eaten:,.0f}", f"{fed / eaten:.0f}", f"{read / eaten:.0f}"])
    report.say("\nThe input, examples a second: read from disk, fed as batches, eaten by the best recipe's model")
    header = ["task", "read", "fed", "eaten", "fed, times eaten", "read, times eaten"]
    report.say(report.table(header, rows))


def learning(args: argparse.Namespace) -> None:
    """Seconds to the goal and the best exact match, for the notebook's recipe under ``fit`` and for ours."""
    rows = []
    for task in ("addition", "subtraction"):
        told = measure(notebook_under_fit, data_dir=args.data_dir, name=task, most=args.fit_seconds)
        rows.append(_row(task, "the notebook's, fit", [told]))
    for task in TASKS:
        runs = [measure(ours, data_dir=args.data_dir, name=task, seed=seed) for seed in range(args.seeds)]
        rows.append(_row(task, f"best, median of {args.seeds}", runs))
    report.say(f"\nLearning: seconds to an exact match of {GOAL} on the validation set, evaluations included")
    report.say(report.table(["task", "recipe", f"seconds to {GOAL}", "best exact match", "seconds in all"], rows))


def _row(task: str, recipe: str, runs: list[list[float]]) -> list[str]:
    reached, best, seconds = (statistics.median(column) for column in zip(*runs, strict=True))
    return [task, recipe, "never" if reached == float("inf") else f"{reached:.1f}", f"{best:.4f}", f"{seconds:.1f}"]


def encoded(data_dir: str, name: str, view: str = "raw", split: str = "train") -> Any:
    from seq2seq_arith.trainer import codec, inputs

    source = inputs.open_source(Task(name), data_dir)
    return inputs.encode(codec.make_view(view, Task(name)), inputs.read_split(source, split))


def rate_of(work: Callable[[], object], examples: int) -> float:
    """Examples a second, the median of some rounds after one to warm up."""
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return examples / statistics.median(seconds[1:])


def fit_rate(data_dir: str) -> float:
    """Examples a second under ``fit``."""
    import keras

    keras.utils.set_random_seed(0)
    questions, answers = one_hot(encoded(data_dir, "addition"), 12)
    model = notebook_model(questions.shape[1], answers.shape[1], 12)
    return rate_of(lambda: model.fit(questions, answers, batch_size=BATCH, epochs=1, verbose=0), len(questions))


def loop_rate(data_dir: str, replicas: int, xla: bool) -> float:
    """Examples a second of the same model in our loop."""
    from seq2seq_arith.trainer.config import TrainConfig

    return training_rate(data_dir, "addition", TrainConfig(replicas=replicas, xla=xla))


def best_rate(data_dir: str, name: str) -> float:
    """Examples a second of the best recipe's model."""
    from seq2seq_arith.trainer.recipes import recipe

    return training_rate(data_dir, name, recipe("best", name))


def training_rate(data_dir: str, name: str, config: Any) -> float:
    import tensorflow as tf

    from seq2seq_arith.trainer import codec, devices
    from seq2seq_arith.trainer.inputs import Batches
    from seq2seq_arith.trainer.learner import Learner

    strategy = devices.make_strategy(config.replicas)
    tf.config.experimental.enable_op_determinism()
    view = codec.make_view(config.model.view, Task(name))
    learner = Learner(config=config, view=view, strategy=strategy, total_steps=10_000)
    batches = Batches(encoded(data_dir, name, view.name), config.batch_size, learner.replicas, 0)
    steps = learner.steps_a_call(batches)
    work = [(call * steps, steps) for call in range(CALLS)]
    return rate_of(lambda: [learner.train(batches, *call) for call in work], CALLS * steps * config.batch_size)


def batches_rate(data_dir: str, name: str) -> float:
    """Examples a second of the batches that the best recipe trains on, alone."""
    from seq2seq_arith.trainer.inputs import Batches
    from seq2seq_arith.trainer.recipes import recipe

    config = recipe("best", name)
    batches = Batches(encoded(data_dir, name, config.model.view), config.batch_size, 1, 0)
    blocks = range(0, CALLS * STEPS, STEPS)
    return rate_of(lambda: [batches.block(first, STEPS, STEPS) for first in blocks], CALLS * STEPS * config.batch_size)


def reading_rate(data_dir: str, name: str) -> float:
    """Examples a second from the files to arrays of characters."""
    from seq2seq_arith.trainer import inputs

    source = inputs.open_source(Task(name), data_dir)
    return rate_of(lambda: inputs.read_split(source, "train"), source.counts["train"])


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


def one_hot(data: Any, depth: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.eye(depth, dtype=bool)
    return rows[data.questions], rows[data.answers]


def notebook_under_fit(data_dir: str, name: str, most: float) -> tuple[float, float, float]:
    """The notebook's recipe, its early stopping left out: seconds to the goal, best exact match, seconds in all."""
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
        exact = float(np.mean(np.all(predicted == validation.answers, axis=1)))
        seconds, best = time.perf_counter() - started, max(best, exact)
        reached = min(reached, seconds) if exact >= GOAL else reached
        if seconds > most:
            break
    return reached, best, seconds


def ours(data_dir: str, name: str, seed: int) -> tuple[float, float, float]:
    """The best recipe: seconds to the goal, best exact match, seconds in all."""
    from seq2seq_arith.trainer import session
    from seq2seq_arith.trainer.config import override
    from seq2seq_arith.trainer.recipes import recipe

    with tempfile.TemporaryDirectory() as folder:
        config = override(recipe("best", name), seed=seed)
        state = session.train(Task(name), data_dir, str(Path(folder) / "run"), config).state
    reached = [row["seconds"] for row in state.history if row["val_exact_match"] >= GOAL]
    return min(reached, default=float("inf")), max(row["val_exact_match"] for row in state.history), state.seconds


if __name__ == "__main__":
    main()
