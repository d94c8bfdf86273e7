"""TensorFlow Datasets' own test of a builder, for every config."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.datasets import ArithConfig, Builder
from seq2seq_arith.pipelines import OPERATIONS

# Where downloads would be faked. Nothing is downloaded, so any directory does.
NOTHING = str(Path(__file__).parent)


class SmallTest(tfds.testing.DatasetBuilderTestCase):
    """Each task with few examples, in TFDS's eager and graph modes."""

    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [ArithConfig(task, num_examples=230) for task in OPERATIONS]  # noqa: RUF012
    SPLITS = {"train": 207, "validation": 23}  # noqa: RUF012
    EXAMPLE_DIR = NOTHING


@pytest.mark.slow
class BuiltInTest(tfds.testing.DatasetBuilderTestCase):
    """The built-in configs as they are; TFDS reads each of them eight times, and pq has 200 MB."""

    DATASET_CLASS = Builder
    SPLITS = {"train": 45_000, "validation": 5_000}  # noqa: RUF012
    EXAMPLE_DIR = NOTHING
