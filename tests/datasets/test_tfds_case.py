"""TensorFlow Datasets' own test of a builder, for every config."""

from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.datasets import ArithConfig, Builder

pytestmark = pytest.mark.usefixtures("copied")
# Where downloads would be faked. Nothing is downloaded, so any directory does.
NOTHING = str(Path(__file__).parent)


class SmallTest(tfds.testing.DatasetBuilderTestCase):
    """Few examples, in TFDS's eager and graph modes."""

    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [ArithConfig(num_examples=230, num_validation=23)]  # noqa: RUF012
    SPLITS = {"train": 207, "validation": 23}  # noqa: RUF012
    EXAMPLE_DIR = NOTHING
