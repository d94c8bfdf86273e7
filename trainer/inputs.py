"""The input: a dataset that the first floor wrote, found and read through TFDS, and cut into batches.

A split is read once, whole, as unsigned bytes, and its batches are gathered from there: a batch is a pure
function of (seed, step), so that a run can go on at any step.
"""

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.pipelines.tasks import VERSION
from seq2seq_arith.trainer.codec import View

READ_BATCH = 4096


@dataclasses.dataclass(frozen=True)
class Source:
    """A dataset on disk.

    Attributes:
      task: Its parameters.
      data_dir: The directory under which TFDS finds it.
      sha256: Of its metadata, which hold the checksum of every file: it names the data.
      splits: Split name to its TFRecord files, in the order of the contract.
      counts: Split name to its number of examples.
    """

    task: Task
    data_dir: str
    sha256: str
    splits: dict[str, list[str]]
    counts: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Examples:
    """Strings as uint8 code points: questions [examples, question width], answers [examples, answer width]."""

    questions: np.ndarray
    answers: np.ndarray

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, rows: Any) -> "Examples":
        return Examples(self.questions[rows], self.answers[rows])


def open_source(task: Task, data_dir: str) -> Source:
    """The dataset of a task under a directory, as TFDS describes it.

    Raises:
      InputError: It is not there, or not a dataset of ours.
    """
    import tensorflow_datasets as tfds

    if not data_dir:
        raise InputError("the data directory has an empty name; give a directory, or . for this one")
    name = f"seq2seq_arith/{task.config_name}"
    path = f"{data_dir}/{name}/{VERSION}"
    try:
        builder = tfds.core.read_only_builder.builder_from_directory(path)
        metadata = builder.info.metadata or {}
    except (ValueError, json_format.ParseError) as error:
        raise InputError(
            f"{path} cannot be read ({str(error).splitlines()[0]}); check it with arith-data verify"
        ) from None
    except (tf.errors.OpError, KeyError) as error:
        # TensorFlow's and etils' word for a URL that they cannot read.
        raise InputError(
            f"{data_dir} cannot be read here ({_said(error)}); give a directory, or fetch the dataset to one"
        ) from None
    except (tfds.core.DatasetNotFoundError, OSError):
        if Path(data_dir, "dataset_info.json").exists():
            raise InputError(
                f"{data_dir} is a dataset itself; give the --data-dir under which arith-data wrote it"
            ) from None
        raise InputError(
            f"there is no dataset {name} under {data_dir}; make it with: "
            f"arith-data generate {_generate_arguments(task)} --data-dir {data_dir}"
        ) from None
    if "parameters" not in metadata or "sha256" not in metadata:
        raise InputError(f"{path} holds no metadata.json of arith-data; generate it anew")
    if Task.from_parameters(dict(metadata["parameters"])) != task:
        raise InputError(f"{path} holds other parameters than its name says; generate it anew")
    splits = {split: [str(path) for path in info.filepaths] for split, info in builder.info.splits.items()}
    counts = {split: info.num_examples for split, info in builder.info.splits.items()}
    return Source(task, str(data_dir), metadata["sha256"], splits, counts)


def read_split(source: Source, split: str) -> Examples:
    """All examples of a split, in the order of the contract.

    Raises:
      InputError: A file is missing or damaged, or does not hold what the metadata says.
    """
    task, count = source.task, source.counts[split]
    questions = np.empty((count, task.question_width), np.uint8)
    answers = np.empty((count, task.answer_width), np.uint8)
    row = 0
    try:
        for batch in parsed(source, split):
            end = row + len(batch["question"])
            questions[row:end], answers[row:end] = batch["question"], batch["answer"]
            row = end
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"the {split} split of {task.config_name} under {source.data_dir} cannot be read after {row} examples "
            f"({_said(error)}); check it with arith-data verify"
        ) from None
    if row != count:
        raise InputError(f"the {split} split of {task.config_name} has {row} examples, its metadata say {count}")
    return Examples(questions, answers)


def parsed(source: Source, split: str, batch_size: int = READ_BATCH) -> Any:
    """Batches of a split as NumPy: ``question`` and ``answer``, uint8 [batch, width]."""
    task = source.task
    widths = {"question": task.question_width, "answer": task.answer_width}
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in widths}

    def parse(records: tf.Tensor) -> dict[str, tf.Tensor]:
        strings = tf.io.parse_example(records, features)
        return {
            name: tf.ensure_shape(tf.io.decode_raw(strings[name], tf.uint8), [None, width])
            for name, width in widths.items()
        }

    records = tf.data.TFRecordDataset(source.splits[split], buffer_size=1 << 20)
    batches = records.batch(batch_size).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(4).as_numpy_iterator()


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Examples as a model sees them: uint8 ids, questions [examples, *view.question_shape], answers
    [examples, view.answer_steps]."""

    questions: np.ndarray
    answers: np.ndarray

    def __len__(self) -> int:
        return len(self.questions)


def encode(view: View, examples: Examples, rows: int = 8192) -> Encoded:
    """The view of the examples, taken ``rows`` at a time."""
    parts = [examples[start : start + rows] for start in range(0, len(examples), rows)]
    return Encoded(
        np.concatenate([view.encode_question(part.questions).numpy() for part in parts]),
        np.concatenate([view.encode_answer(part.answers).numpy() for part in parts]),
    )


@dataclasses.dataclass(frozen=True)
class Batches:
    """An endless stream of global batches, pass after pass, each pass in an order of its own.

    Attributes:
      data: What is passed over.
      batch_size: Examples of a batch; the last one of a pass may have fewer.
      multiple: What the rows of a block are padded to a multiple of: the number of replicas.
      seed: The order of pass p is a function of (seed, p).
    """

    data: Encoded
    batch_size: int
    multiple: int
    seed: int

    @property
    def steps_per_pass(self) -> int:
        return -(-len(self.data) // self.batch_size)

    @property
    def rows(self) -> int:
        """Rows of a batch, padding included."""
        return -(-self.batch_size // self.multiple) * self.multiple

    def block(self, first: int, count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps ``first`` to ``first + count`` of the stream, padded to ``size`` steps.

        Returns:
          questions and answers, uint8 [size, rows, ...], and weights, float32 [size, rows]: one over the number
          of examples of the batch, zero for padding. So the weighted sum over all replicas is the mean.
        """
        index = np.zeros((size, self.rows), np.int64)
        weights = np.zeros((size, self.rows), np.float32)
        for row, step in enumerate(range(first, first + count)):
            passes, batch = divmod(step, self.steps_per_pass)
            order = _order(self.seed, passes, len(self.data))
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            index[row, : len(chosen)] = chosen
            weights[row, : len(chosen)] = 1.0 / len(chosen)
        return self.data.questions[index], self.data.answers[index], weights


@functools.lru_cache(maxsize=2)
def _order(seed: int, passes: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, passes]).permutation(count)


def _said(error: Exception) -> str:
    """The first line of an error, without the names of TensorFlow's operations."""
    return re.sub(r"\{\{.*?\}\} | \[(?:Op:|\[).*", "", str(error).splitlines()[0])


def _generate_arguments(task: Task) -> str:
    default = Task(task.name)
    arguments = [task.name]
    for field, option in (("digits", "--digits"), ("num_examples", "--num-examples"), ("seed", "--seed")):
        if getattr(task, field) != getattr(default, field):
            arguments.append(f"{option} {getattr(task, field)}")
    if task.reverse != default.reverse:
        arguments.append("--reverse" if task.reverse else "--no-reverse")
    if task.ordered != default.ordered:
        arguments.append("--ordered")
    return " ".join(arguments)
