"""The files that TensorFlow Datasets reads to load a dataset: its description, its features, and its metadata.

TFDS itself writes these files, for the program and for the TFDS builder alike. TensorFlow is not imported: TFDS imports
it only to read examples.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core import dataset_info, splits

from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.pipelines.formats.layout import (
    ARRAY_RECORD,
    DATASET_INFO,
    FEATURES,
    NAME,
    SPLITS,
    TFRECORD,
    Layout,
    ShardLengths,
)
from seq2seq_arith.pipelines.formats.metadata import metadata_of
from seq2seq_arith.pipelines.formats.shards import ShardReport
from seq2seq_arith.pipelines.formats.tfrecord import record_format

BUILDER_MODULE = "seq2seq_arith.datasets.seq2seq_arith.seq2seq_arith_dataset_builder"
RELEASE_NOTES = {VERSION: "First release."}
HOMEPAGE = "https://keras.io/examples/nlp/addition_rnn/"
DESCRIPTION = """\
Arithmetic as a sequence-to-sequence task: questions such as `39+3` and answers such as `42`, as fixed-width strings
of characters. Addition, subtraction, multiplication, and Hofstadter's pq-system, in which `---p--` is answered by
`q-----`. The examples are a pure function of the parameters in the metadata; no two of them have the same operands."""
CITATION = """\
@article{sutskever2014sequence,
  title={Sequence to Sequence Learning with Neural Networks},
  author={Sutskever, Ilya and Vinyals, Oriol and Le, Quoc V},
  journal={Advances in Neural Information Processing Systems},
  volume={27},
  year={2014}
}
@book{hofstadter1979godel,
  title={G{\\"o}del, Escher, Bach: an Eternal Golden Braid},
  author={Hofstadter, Douglas R},
  publisher={Basic Books},
  year={1979}
}"""


def config_description(task: Task) -> str:
    """One line that distinguishes a config from the others."""
    newer = {name: value for name, value in task.parameters().items() if name in ("draws", "num_validation")}
    return (
        f"{task.name}, operands of {task.notation.describe(task.size)}, {task.num_examples} examples, "
        f"seed {task.seed}, questions {'reversed' if task.reverse else 'as they are read'}, "
        f"{'ordered' if task.ordered else 'unordered'} pairs distinct"
    ) + "".join(f", {name} {value}" for name, value in newer.items())


def describe(builder: Any, formats: Sequence[str] = ()) -> tfds.core.DatasetInfo:
    """The TFDS info of a builder or a ``DatasetIdentity``, with those of its formats that TFDS can read."""
    return tfds.core.DatasetInfo(
        builder=builder,
        description=DESCRIPTION,
        features=tfds.features.FeaturesDict({"question": tfds.features.Text(), "answer": tfds.features.Text()}),
        supervised_keys=("question", "answer"),
        disable_shuffling=True,
        homepage=HOMEPAGE,
        citation=CITATION,
        metadata=tfds.core.MetadataDict(),
        # Not "parquet": that of TFDS is another format, of serialized Examples.
        alternative_file_formats=[name for name in formats if name == ARRAY_RECORD],
    )


def write_description(
    task: Task, directory: Path, lengths: ShardLengths, formats: Sequence[str] = ()
) -> dict[str, bytes]:
    """Writes ``dataset_info.json`` and ``features.json``; returns their bytes, by name."""
    identity = dataset_info.DatasetIdentity(
        name=NAME,
        version=tfds.core.Version(VERSION),
        data_dir=str(directory),
        module_name=BUILDER_MODULE,
        config_name=task.config_name,
        config_description=config_description(task),
        config_tags=[],
        release_notes=RELEASE_NOTES,
    )
    info = describe(identity, formats=formats)
    info.set_file_format(TFRECORD)
    infos = [
        splits.SplitInfo(
            name=split,
            shard_lengths=list(lengths[split]),
            num_bytes=sum(lengths[split]) * record_format(task).length,
            filename_template=tfds.core.ShardedFileTemplate(
                dataset_name=NAME, data_dir=epath.Path(directory), split=split, filetype_suffix=TFRECORD
            ),
        )
        for split in SPLITS
    ]
    info.set_splits(splits.SplitDict(infos))
    info.write_to_directory(directory)
    return {name: (directory / name).read_bytes() for name in (DATASET_INFO, FEATURES)}


def write_catalog(
    task: Task, layout: Layout, directory: Path, draws_used: int, reports: Sequence[ShardReport]
) -> dict[str, Any]:
    """Writes TFDS's files and ``metadata.json``, from a report per split and shard; returns the metadata."""
    in_order = sorted(reports, key=lambda report: report.shard)
    lengths = {split: [report.num_examples for report in in_order if report.split == split] for split in SPLITS}
    files = {path: digest for report in reports for path, digest in report.files.items()}
    for name, content in write_description(task, directory, lengths, layout.formats).items():
        files[name] = hashlib.sha256(content).hexdigest()
    metadata = metadata_of(task, layout, draws_used, files)
    tfds.core.MetadataDict(metadata).save_metadata(directory)
    return metadata
