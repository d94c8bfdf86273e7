"""The trainer beside Keras's ``fit``, in one run: time to learn, examples a second, replicas, and the input alone.

Run it on a machine that does nothing else: ``python tests/benchmarks/bench_train.py --data-dir data``.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from seq2seq_arith.trainer.quiet import import_tensorflow

import_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from seq2seq_arith.pipelines import Task  # noqa: E402
from seq2seq_arith.pipelines.__main__ import main as arith_data  # noqa: E402
from seq2seq_arith.trainer import devices, inputs, report, session  # noqa: E402
from seq2seq_arith.trainer.codec import make_view  # noqa: E402
from seq2seq_arith.trainer.config import TrainConfig, override  # noqa: E402
from seq2seq_arith.trainer.inputs import Batches, Encoded  # noqa: E402
from seq2seq_arith.trainer.learner import Learner  # noqa: E402
from seq2seq_arith.trainer.recipes import recipe  # noqa: E402

GOAL = 0.99
ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--tasks", default="addition,subtraction", help="those whose notebook recipe is run under fit")
    parser.add_argument("--fit-seconds", type=float, default=400.0, help="the most for each of them")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds of our own runs")
    args = parser.parse_args()
    devices.split_cpu(2)
    tf.config.experimental.enable_op_determinism()
    sets = {name: read(name, args.data_dir) for name in ("addition", "subtraction", "pq")}
    speed(sets["addition"][0], args.data_dir)
    learning(sets, args)
    return 0


def read(name: str, data_dir: str) -> tuple[Encoded, Encoded]:
    """The training and the validation set of a default dataset, in the raw view; made if it is not there."""
    assert arith_data(["generate", name, "--data-dir", data_dir]) == 0
    source, view = inputs.open_source(Task(name), data_dir), make_view("raw", Task(name))
    training, validation = (inputs.encode(view, inputs.read_split(source, split)) for split in ("train", "validation"))
    return training, validation


def speed(training: Encoded, data_dir: str) -> None:
    """Examples a second of the notebook's LSTM, and of what feeds it."""
    rates = {"Keras fit": fit_rate(training)}
    for replicas in (1, 2):
        for xla in (False, True):
            name = f"our loop, {replicas} replica{'s' * (replicas - 1)}{', XLA' * xla}"
            rates[name] = loop_rate(training, replicas, xla)
    single = max(rate for name, rate in rates.items() if "1 replica" in name)
    rows = [[name, f"{rate:,.0f}", f"{rate / rates['Keras fit']:.2f}"] for name, rate in rates.items()]
    report.say("\nThe notebook's LSTM on addition, batch 128")
    report.say(report.table(["", "examples a second", "times fit"], rows))
    double = max(rate for name, rate in rates.items() if "2 replicas" in name)
    report.say(f"2 replicas against the best single one: {double / single:.2f} times")
    batches = Batches(training, 128, 1, 0)
    fed = rate_of(lambda: [batches.block(step, 50, 50) for step in range(0, 350, 50)], 350 * 128)
    report.say(f"batches alone: {fed:,.0f} examples a second, {fed / max(rates.values()):.0f} times what is eaten")
    for name in ("addition", "pq"):
        source = inputs.open_source(Task(name), data_dir)
        size = source.task.question_width + source.task.answer_width
        read_rate = rate_of(lambda source=source: inputs.read_split(source, "train"), source.counts["train"])
        report.say(f"reading {name}: {read_rate:,.0f} examples a second, {read_rate * size / 1e6:,.0f} MB/s of strings")


def rate_of(work: Callable[[], object], examples: int) -> float:
    """Examples a second, the median of some rounds after one to warm up."""
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return examples / statistics.median(seconds[1:])


def notebook_model(width: int, steps: int, depth: int) -> keras.Model:
    """The notebook's model as the notebook writes it."""
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


def one_hot(data: Encoded, depth: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.eye(depth, dtype=bool)
    return rows[data.questions], rows[data.answers]


def fit_rate(training: Encoded) -> float:
    keras.utils.set_random_seed(0)
    questions, answers = one_hot(training, 12)
    model = notebook_model(questions.shape[1], answers.shape[1], 12)
    return rate_of(lambda: model.fit(questions, answers, batch_size=128, epochs=1, verbose=0), len(questions))


def loop_rate(training: Encoded, replicas: int, xla: bool) -> float:
    config = TrainConfig(replicas=replicas, xla=xla)
    view = make_view("raw", Task("addition"))
    learner = Learner(config=config, view=view, strategy=devices.make_strategy(replicas), total_steps=1)
    batches = Batches(training, config.batch_size, replicas, 0)
    return rate_of(lambda: [learner.train(batches, step, 50) for step in range(0, 350, 50)], 350 * 128)


def learning(sets: dict[str, tuple[Encoded, Encoded]], args: argparse.Namespace) -> None:
    """Seconds to the goal, and the best exact match reached."""
    rows = [
        [name, "the notebook's, fit", *fit_to_the_goal(name, *sets[name], args.fit_seconds)]
        for name in args.tasks.split(",")
    ]
    for name in sets:
        runs = [ours(name, args.data_dir, seed) for seed in range(args.seeds)]
        reached, best, seconds = (statistics.median(column) for column in zip(*runs, strict=True))
        rows.append([name, f"best, median of {args.seeds}", f"{reached:.1f}", f"{best:.4f}", f"{seconds:.1f}"])
    report.say(f"\nLearning: seconds to an exact match of {GOAL} on the validation set, evaluations included")
    report.say(report.table(["task", "recipe", f"seconds to {GOAL}", "best exact match", "seconds in all"], rows))


def fit_to_the_goal(name: str, training: Encoded, validation: Encoded, most: float) -> tuple[str, str, str]:
    """The notebook's recipe under ``fit``, its early stopping left out, for at most 50 epochs."""
    keras.utils.set_random_seed(0)
    depth = len(Task(name).alphabet)
    questions, answers = one_hot(training, depth)
    validation_questions, _ = one_hot(validation, depth)
    model = notebook_model(questions.shape[1], answers.shape[1], depth)
    started, reached, best = time.perf_counter(), "never", 0.0
    with report.progress(f"{name}, fit", 50, "epochs") as tell:
        for epoch in range(50):
            model.fit(questions, answers, batch_size=128, epochs=1, verbose=0)
            predicted = model.predict(validation_questions, batch_size=1000, verbose=0).argmax(axis=2)
            exact = float(np.mean(np.all(predicted == validation.answers, axis=1)))
            seconds, best = time.perf_counter() - started, max(best, exact)
            tell(epoch + 1, f"exact match {exact:.4f}")
            if exact >= GOAL or seconds > most:
                reached = f"{seconds:.1f}" if exact >= GOAL else "never"
                break
    return reached, f"{best:.4f}", f"{time.perf_counter() - started:.1f}"


def ours(name: str, data_dir: str, seed: int) -> tuple[float, float, float]:
    """Seconds to the goal (infinite if it is not reached), the best exact match, and seconds in all."""
    with tempfile.TemporaryDirectory() as folder:
        config = override(recipe("best", name), seed=seed, replicas=1)
        state = session.train(Task(name), data_dir, str(Path(folder) / "run"), config).state
    reached = [row["seconds"] for row in state.history if row["val_exact_match"] >= GOAL]
    return min(reached, default=float("inf")), max(row["val_exact_match"] for row in state.history), state.seconds


if __name__ == "__main__":
    sys.exit(main())
