"""Measures the trainer beside Keras's ``fit``: examples per second, with one replica and with two.

``fit`` runs on TensorFlow, and on JAX and PyTorch if they are installed (``pip install jax torch``).

Then, with one replica, the speed of three more networks, the seconds of their first round, and their losses, which must
be similar: all methods train the same layers on the same examples with the same optimizer, from the same weights. Only
our loop has another order of the examples, and each framework draws its own noise.

Run it on an idle machine: ``make bench-train``. Every measurement runs in processes of its own, because TensorFlow sets
its threads once per process, and shows their median, because one process may be much faster than the next.
"""

import argparse
import importlib.util
import os
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
PROCESSES, ROUNDS, CALLS = 3, 5, 7  # processes per measurement, rounds, calls per round
# The other networks have the sizes and input formats of ``best``, of benchmarks/gru_boxes.toml, and of ``causal`` in
# benchmarks/plain_strings.toml. All are trained in batches of 256 by Adam with a constant rate, without weight decay or
# clipping.
NETWORKS: dict[str, dict[str, Any]] = {
    "latch_tagger": {"input_format": "aligned", "hidden": 64, "layers": 1, "learning_rate": 1e-2},
    "gru_tagger": {"input_format": "aligned", "hidden": 5, "layers": 1, "learning_rate": 1e-2},
    "causal": {"input_format": "reversed", "hidden": 64, "layers": 2, "learning_rate": 1e-3},
}
ROUND_STEPS = 100  # of these networks
FITS = {"Keras fit": "tensorflow", "Keras fit, JAX": "jax", "Keras fit, PyTorch": "torch"}  # rows, and Keras's backends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--networks", nargs="*", choices=["lstm", *NETWORKS], default=["lstm", *NETWORKS])
    parser.add_argument("--round-steps", type=int, default=ROUND_STEPS, help="steps per round, of all but the lstm")
    arguments = parser.parse_args()
    assert arith_data(["generate", "addition", "--data-dir", arguments.data_dir]) == 0
    if "lstm" in arguments.networks:
        compare_lstm(arguments.data_dir)
    for name in arguments.networks:
        if name in NETWORKS:
            compare_network(arguments.data_dir, name, arguments.round_steps)


def compare_lstm(data_dir: str) -> None:
    """Prints how fast the notebook's LSTM trains, also on two replicas."""
    rates = {name: median(fit_rate, data_dir, backend=backend) for name, backend in installed_fits().items()}
    for replicas in (1, 2):
        for xla in (False, True):
            name = f"our loop, {replicas} replica{'s' * (replicas - 1)}{', XLA' * xla}"
            rates[name] = median(loop_rate, data_dir, replicas, xla)
    rows = [[name, f"{rate:,.0f}", f"{rate / rates['Keras fit']:.2f}"] for name, rate in rates.items()]
    say(f"\nThe notebook's LSTM on addition, batch {BATCH}")
    say(table(["", "examples per second", "times fit"], rows))
    single, double = (max(rate for name, rate in rates.items() if part in name) for part in ("1 replica", "2 replicas"))
    say(f"2 replicas beside the best single one: {double / single:.2f} times")


def compare_network(data_dir: str, name: str, round_steps: int) -> None:
    """Prints how fast a network of the registry trains, the seconds of round 1, and the mean loss of the last round."""
    arguments = (data_dir, name, round_steps, in_process(initial_weights, name))
    results = {method: median(network_fit, *arguments, backend=backend) for method, backend in installed_fits().items()}
    for method, xla in (("our loop", False), ("our loop, XLA", True)):
        results[method] = median(network_loop, *arguments, xla)
    fit, _, _ = results["Keras fit"]
    rows = [
        [method, f"{rate:,.0f}", f"{rate / fit:.2f}", f"{first:.1f}", f"{loss:.3f}"]
        for method, (rate, first, loss) in results.items()
    ]
    say(f"\n{name} on addition, {round_steps} steps per round")
    say(table(["", "examples per second", "times fit", "seconds of round 1", f"loss of round {ROUNDS + 1}"], rows))


def installed_fits() -> dict[str, str]:
    """The backends of Keras that are installed, by what the row of ``fit`` on each is called."""
    return {name: backend for name, backend in FITS.items() if importlib.util.find_spec(backend)}


def median(function: Callable, *arguments: Any, backend: str = "tensorflow") -> Any:
    """The median of a number that a function of this file returns, or of each of several, over some processes."""
    return np.median([in_process(function, *arguments, backend=backend) for _ in range(PROCESSES)], axis=0)


def in_process(function: Callable, *arguments: Any, backend: str = "tensorflow") -> Any:
    """Calls a function of this file in a process of its own, with this backend of Keras, and returns its result."""
    return timing.call(on_backend, backend, function, arguments)[0]


def on_backend(backend: str, function: Callable, arguments: tuple) -> Any:
    """Calls a function after Keras has been imported with a backend, which it chooses once per process."""
    os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = backend, "3"
    if backend == "tensorflow":
        import_tensorflow()  # quietly
    import keras

    if keras.config.backend() != backend:
        raise RuntimeError(f"Keras runs on {keras.config.backend()}, and not on {backend}")
    return function(*arguments)


def rate_of(work: Callable[[], object], examples: int) -> float:
    """Examples per second: the median of ``ROUNDS`` rounds, after one to warm up."""
    rate, _, _ = rounds_of(work, examples)
    return rate


def rounds_of(work: Callable[[], Any], examples: int) -> tuple[float, float, Any]:
    """Examples per second, the seconds of the first round, in which functions are compiled, and the last result."""
    seconds, result = [], None
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return examples / statistics.median(seconds[1:]), seconds[0], result


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
    from seq2seq_arith.trainer.config import TrainConfig

    config = TrainConfig(replicas=replicas, xla=xla)
    learner, batches = learner_and_batches(data_dir, config)
    steps = learner.steps_per_call(batches)
    work = [(call * steps, steps) for call in range(CALLS)]
    return rate_of(lambda: [learner.train(batches, *call) for call in work], CALLS * steps * config.batch_size)


def learner_and_batches(data_dir: str, config: Any) -> tuple[Any, Any]:
    """What our loop trains by a ``TrainConfig``, and the training split of addition in its batches."""
    from seq2seq_arith.trainer.data import input_formats, records
    from seq2seq_arith.trainer.data.lanes import Lanes
    from seq2seq_arith.trainer.training import devices
    from seq2seq_arith.trainer.training.learner import Learner

    task, strategy = Task("addition"), devices.make_strategy(config.replicas)
    devices.make_deterministic()
    input_format = input_formats.make_input_format(config.model.input_format, task)
    learner = Learner(config=config, input_format=input_format, strategy=strategy, total_steps=10_000)
    train = records.open_source(task, data_dir).splits["train"]
    return learner, Lanes(train, config.batch_size, learner.replicas, 0)


def network_config(name: str, xla: bool = False) -> Any:
    """The configuration of one of ``NETWORKS``."""
    from seq2seq_arith.trainer.config import TrainConfig, override

    return override(TrainConfig(replicas=1, xla=xla), name=name, batch_size=2 * BATCH, **NETWORKS[name])


def format_and_network(name: str) -> tuple[Any, Any]:
    """The input format of one of ``NETWORKS``, and the network with random weights."""
    import keras

    from seq2seq_arith.trainer.data import input_formats
    from seq2seq_arith.trainer.models.build import build_network

    keras.utils.set_random_seed(0)
    config = network_config(name).model
    input_format = input_formats.make_input_format(config.input_format, Task("addition"))
    return input_format, build_network(config, input_format)


def initial_weights(name: str) -> list[np.ndarray]:
    """Random weights of one of ``NETWORKS``, in the order of Keras's ``get_weights``."""
    _, network = format_and_network(name)
    return network.model.get_weights()


def network_fit(data_dir: str, name: str, round_steps: int, weights: list[np.ndarray]) -> tuple[float, float, float]:
    """``rounds_of`` a network of the registry under ``fit``, with the mean loss of its last round."""
    import keras

    from seq2seq_arith.trainer.data import records
    from seq2seq_arith.trainer.models import latches
    from seq2seq_arith.trainer.models.network import Autoregressive

    if keras.config.backend() != "tensorflow":
        latches.uniform = native_uniform(keras.config.backend())
    config, (input_format, network) = network_config(name), format_and_network(name)
    network.model.set_weights(weights)
    count = round_steps * config.batch_size
    split = records.open_source(Task("addition"), data_dir).splits["train"]
    examples = split.head(len(split))
    order = np.random.default_rng(0).permutation(np.arange(count * (ROUNDS + 1)) % len(split))
    questions = input_format.encode_question(examples.questions[order]).numpy()
    answers = input_format.encode_answer(examples.answers[order]).numpy()
    inputs = [questions, network.previous(answers).numpy()] if isinstance(network, Autoregressive) else [questions]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.model.compile(loss=loss, optimizer=dense_adam(config.learning_rate), metrics=["accuracy"])
    parts = iter(range(0, len(order), count))

    def fit() -> float:
        first = next(parts)
        part = [array[first : first + count] for array in inputs]
        history = network.model.fit(
            part if len(part) > 1 else part[0],
            answers[first : first + count],
            batch_size=config.batch_size,
            epochs=1,
            shuffle=False,
            verbose=0,
        )
        return history.history["loss"][0]

    return rounds_of(fit, count)


def dense_adam(learning_rate: float) -> Any:
    """Keras's Adam, of dense gradients.

    On TensorFlow, the gradient of an embedding is sparse (``tf.IndexedSlices``), with a row for each occurrence of a
    character. Keras 3.15 squares these rows one by one, and not their sum, so without this, ``causal`` takes other
    steps on TensorFlow than elsewhere.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        return keras.optimizers.Adam(learning_rate)
    import tensorflow as tf

    class DenseAdam(keras.optimizers.Adam):
        def apply(self, grads, trainable_variables=None):
            super().apply([tf.convert_to_tensor(gradient) for gradient in grads], trainable_variables)

    return DenseAdam(learning_rate)


def native_uniform(backend: str) -> Callable:
    """``latches.uniform``, which draws noise with TensorFlow, as users of JAX or PyTorch would write it."""
    from seq2seq_arith.trainer.models.latches import WIDTH

    def with_jax(values: Any, stddev: float, key: Any, salt: int) -> Any:
        import jax

        seed = jax.random.fold_in(jax.random.key(salt), key)
        return jax.random.uniform(seed, values.shape, minval=-1.0, maxval=1.0) * (stddev * WIDTH)

    def with_torch(values: Any, stddev: float, key: Any, salt: int) -> Any:
        import torch

        return (2.0 * torch.rand(values.shape) - 1.0) * (stddev * WIDTH)

    return {"jax": with_jax, "torch": with_torch}[backend]


def network_loop(
    data_dir: str, name: str, round_steps: int, weights: list[np.ndarray], xla: bool
) -> tuple[float, float, float]:
    """``rounds_of`` the same network in our loop, with the mean loss of its last round."""
    config = network_config(name, xla)
    learner, batches = learner_and_batches(data_dir, config)
    learner.model.set_weights(weights)
    steps = learner.steps_per_call(batches)
    rounds = iter(range(0, (ROUNDS + 1) * round_steps, round_steps))

    def train() -> float:
        first = next(rounds)
        calls = [(step, min(steps, first + round_steps - step)) for step in range(first, first + round_steps, steps)]
        return float(np.concatenate([learner.train(batches, *call)["loss"] for call in calls]).mean())

    return rounds_of(train, round_steps * config.batch_size)


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
