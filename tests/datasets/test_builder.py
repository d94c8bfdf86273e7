"""The builder: what it makes, that TFDS reads it, and what it does where something stands already."""

import json
import pickle
import shlex
from pathlib import Path

import programs
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig, Builder

pytestmark = pytest.mark.usefixtures("copied")
SMALL = ArithConfig(num_examples=120)
MODE = tfds.download.GenerateMode


def builder(config, data_dir) -> tfds.core.DatasetBuilder:
    return tfds.builder("seq2seq_arith", config=config, data_dir=data_dir)


def prepare(config, data_dir, **options) -> tfds.core.DatasetBuilder:
    """A builder of ours that has its dataset; options are those of ``DownloadConfig``."""
    prepared = builder(config, data_dir)
    prepared.download_and_prepare(download_config=tfds.download.DownloadConfig(**options))
    return prepared


def stamps(directory) -> dict:
    """Inode, bytes and time of every file and folder: they change if one is touched."""
    status = {path: path.stat() for path in directory.rglob("*")}
    return {path: (status.st_ino, status.st_size, status.st_mtime_ns) for path, status in status.items()}


def test_load_with_nothing_on_disk(python, tmp_path):
    """A dataset is made, and nothing heavy is imported; TFDS reads one with TensorFlow."""
    output = python(
        """
import json, os, sys
import seq2seq_arith.datasets
heavy = {"tensorflow", "keras", "seq2seq_arith.trainer"}
first = [name for name in (*heavy, "apache_beam", "pandas", "datasets") if name in sys.modules]
import tensorflow_datasets as tfds
config = seq2seq_arith.datasets.ArithConfig(num_examples=10)
tfds.builder("seq2seq_arith", config=config, data_dir=sys.argv[1]).download_and_prepare()
then = [name for name in heavy if name in sys.modules]
dataset, info = tfds.load("seq2seq_arith", split="train", as_supervised=True, with_info=True)
question, answer = next(iter(dataset.take(1)))
print(json.dumps([info.full_name, question.numpy().decode(), answer.numpy().decode(), len(dataset), info.data_dir]))
print(json.dumps([os.path.expanduser("~"), first, then]))
""",
        tmp_path / "data",
    )
    facts, end = map(json.loads, output.splitlines()[-2:])
    assert end[1:] == [[], []]
    directory = f"{end[0]}/tensorflow_datasets/seq2seq_arith/addition/1.0.0"
    assert facts == ["seq2seq_arith/addition/1.0.0", "271+792", "469 ", 45_000, directory]


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        (
            {"task": "subtraction", "num_examples": 77, "seed": 2**64 - 1, "ordered": True, "num_shards": 3},
            ["subtraction", "--num-examples=77", f"--seed={2**64 - 1}", "--ordered", "--num-shards=3"],
        ),
        # Most of the shards have no example in validation.
        (
            {"task": "pq", "digits": 9, "num_examples": 20, "reverse": True, "parquet": False},
            ["pq", "--digits=9", "--num-examples=20", "--reverse", "--no-parquet"],
        ),
    ],
)
def test_both_ways_give_the_same_directory(parameters, arguments, tmp_path):
    prepare(ArithConfig(**parameters), tmp_path / "builder")
    result = programs.run_here("generate", *arguments, f"--data-dir={tmp_path / 'program'}")
    assert result.returncode == 0, result.stderr
    content = programs.tree(tmp_path / "builder")
    assert content == programs.tree(tmp_path / "program")
    assert content["seq2seq_arith/.config/metadata.json"] == b'{"default_config_name": "addition"}'
    assert sum(path.endswith("metadata.json") for path in content) == 2


def test_load_makes_what_the_name_says(tmp_path):
    examples = tfds.load("seq2seq_arith/addition-d6-n120-s7", split="train", data_dir=tmp_path)
    assert len(examples) == 108
    assert programs.run_here("verify", tmp_path / "seq2seq_arith/addition-d6-n120-s7/1.0.0").returncode == 0
    with pytest.raises(InputError, match="k120"):
        tfds.load("seq2seq_arith/addition-d6-k120", data_dir=tmp_path)


def test_files_can_be_shuffled(tmp_path):
    """Files of a built-in config and of another one, with a ``ReadConfig`` and without."""
    tf.random.set_seed(0)  # in one process with the trainer's tests, TensorFlow is deterministic and wants one
    prepare(SMALL, tmp_path)
    read_config = tfds.ReadConfig(shuffle_seed=1)
    for options in ({}, {"read_config": read_config}):
        shuffled = tfds.load(f"seq2seq_arith/{SMALL.name}", data_dir=tmp_path, shuffle_files=True, **options)
        in_order = tfds.load(f"seq2seq_arith/{SMALL.name}", data_dir=tmp_path)
        for split in ("train", "validation"):
            questions = [
                [example["question"] for example in data[split].as_numpy_iterator()] for data in (shuffled, in_order)
            ]
            assert sorted(questions[0]) == sorted(questions[1])
            assert split == "validation" or questions[0] != questions[1]
    assert read_config.enable_ordering_guard


@pytest.mark.slow
def test_a_directory_of_the_program_needs_no_import_of_ours(python, tmp_path):
    assert programs.run("generate", "addition", "--data-dir", tmp_path).returncode == 0
    prepare(ArithConfig("pq", digits=9, num_examples=20), tmp_path)
    output = python(
        """
import json, sys
import tensorflow_datasets as tfds
examples, info = tfds.load("seq2seq_arith", data_dir=sys.argv[1], split="validation", with_info=True)
few = tfds.load("seq2seq_arith/pq-d9-n20", data_dir=sys.argv[1], split="train", as_supervised=True)
ours = [name for name in sys.modules if name.startswith("seq2seq_arith")]
question, answer = next(iter(few))
print(json.dumps([len(examples), info.full_name, info.metadata["draws_used"], len(question.numpy()), ours]))
""",
        tmp_path,
    )
    assert json.loads(output.splitlines()[-1]) == [5_000, "seq2seq_arith/addition/1.0.0", 141_861, 19, []]


def test_info_is_the_same_when_made_when_reopened_and_when_read_by_tfds_alone(tmp_path):
    prepared = prepare(SMALL, tmp_path)
    opened = builder(SMALL, tmp_path)
    alone = tfds.builder_from_directory(prepared.data_dir)
    metadata = json.loads((tmp_path / "seq2seq_arith/addition-n120/1.0.0/metadata.json").read_text())
    for reader in (prepared, opened, alone):
        # Where it has no code, TFDS shows one more field, and that empty.
        assert json.loads(reader.info.as_json) | {"redistributionInfo": {}} == json.loads(alone.info.as_json)
        assert reader.info.supervised_keys == ("question", "answer")
        assert reader.info.metadata == metadata
        assert {name: split.num_examples for name, split in reader.info.splits.items()} == metadata["splits"]
        assert [path.name for path in reader.info.splits["train"].filepaths] == [
            f"seq2seq_arith-train.tfrecord-{shard:05d}-of-00008" for shard in range(8)
        ]
        assert all(path.exists() for path in reader.info.splits["validation"].filepaths)
    assert opened.info.metadata.get("parameters") == metadata["parameters"] == SMALL.task.parameters()


@pytest.mark.parametrize(
    "options", [{"builder_kwargs": {"file_format": "array_record"}}, {}], ids=["argument", "config"]
)
def test_a_data_source_has_the_examples_of_the_dataset(options, tmp_path):
    if not options:
        prepare(ArithConfig(num_examples=120, array_record=True), tmp_path)
    sources = tfds.data_source("seq2seq_arith/addition-n120", data_dir=tmp_path, **options)
    examples = tfds.load("seq2seq_arith/addition-n120", data_dir=tmp_path)
    for split, count in (("train", 108), ("validation", 12)):
        assert len(sources[split]) == count
        in_order = [sources[split][number] for number in range(count)]
        assert in_order == list(examples[split].as_numpy_iterator())


def test_a_data_source_without_its_files_says_what_adds_them(tmp_path, input_error):
    prepare(SMALL, tmp_path)
    with input_error(InputError) as error:
        tfds.data_source(f"seq2seq_arith/{SMALL.name}", data_dir=tmp_path)
    _, advice = str(error.value).split(": arith-data ")
    assert programs.run_here(*shlex.split(advice)).returncode == 0
    assert len(tfds.data_source(f"seq2seq_arith/{SMALL.name}", data_dir=tmp_path)["train"]) == 108
    assert str(tmp_path) in advice


@pytest.mark.parametrize(
    "config", ["addition-x77", tfds.core.BuilderConfig(name="mine"), tfds.core.BuilderConfig(name="addition")]
)
def test_other_configs_are_refused(config, tmp_path):
    with pytest.raises(InputError):
        builder(config, tmp_path)


def test_a_builder_can_be_pickled(tmp_path):
    builder = prepare(SMALL, tmp_path)
    again = pickle.loads(pickle.dumps(builder))
    assert again.data_dir == builder.data_dir
    assert again.info.as_json == builder.info.as_json


# Where a dataset stands already


def test_a_dataset_that_stands_is_kept(tmp_path):
    first = prepare(ArithConfig(num_examples=120, num_shards=3, parquet=False), tmp_path)
    before = stamps(tmp_path)
    # Files were not asked for, so these do.
    again = prepare(SMALL, tmp_path)
    assert stamps(tmp_path) == before
    assert again.info.as_json == first.info.as_json
    assert again.info.splits["train"].num_shards == 3


@pytest.mark.parametrize(
    ("config", "options"),
    [(ArithConfig(num_examples=120, parquet=False), {}), (SMALL, {"num_shards": 2})],
    ids=["without Parquet", "2 shards"],
)
def test_a_dataset_with_other_files_is_kept_or_replaced_as_one_says(config, options, tmp_path, input_error):
    prepare(SMALL, tmp_path)
    before = programs.tree(tmp_path)
    with input_error(InputError):
        prepare(config, tmp_path, **options)
    assert programs.tree(tmp_path) == before
    replaced = prepare(config, tmp_path, download_mode=MODE.REUSE_CACHE_IF_EXISTS, **options)
    wanted = prepare(config, tmp_path / "elsewhere", **options)
    assert programs.tree(tmp_path / "seq2seq_arith") == programs.tree(tmp_path / "elsewhere/seq2seq_arith")
    assert replaced.info.as_json == wanted.info.as_json
    assert replaced.info.metadata.get("files") == wanted.info.metadata["files"]
    assert replaced.info.metadata == wanted.info.metadata
    assert len(list(tfds.as_numpy(replaced.as_dataset(split="train")))) == 108


# Options for Beam


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_options": PipelineOptions(["--no_such_flag=1"])}, "no_such_flag"),
        ({"beam_runner": "NoSuchRunner"}, "NoSuchRunner"),
    ],
)
def test_beam_options_reach_the_pipeline(options, message, tmp_path, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(Exception, match=message):
        prepare(SMALL, tmp_path, **options)
    assert programs.without_lock(tmp_path) == {}


class SmallTest(tfds.testing.DatasetBuilderTestCase):
    """TensorFlow Datasets' own test of a builder: few examples, in its eager and graph modes."""

    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [ArithConfig(num_examples=230, num_validation=23)]  # noqa: RUF012
    SPLITS = {"train": 207, "validation": 23}  # noqa: RUF012
    EXAMPLE_DIR = str(Path(__file__).parent)  # where downloads would be faked: there are none, so any directory does
