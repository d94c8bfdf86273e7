"""What TensorFlow Datasets must know of a dataset to load it: its description, its features and its files.

TFDS writes these files itself, whichever of the pipeline's program and the TFDS builder made the dataset. TensorFlow is
not imported: TFDS does so only to read examples.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core import dataset_info, splits

from seq2seq_arith.pipelines.shards import NAME, SPLITS, Layout, ShardReport
from seq2seq_arith.pipelines.tasks import VERSION, Task

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

DATASET_INFO, FEATURES = "dataset_info.json", "features.json"


def config_description(task: Task) -> str:
    """One line that tells a config from the others."""
    unit = "dashes" if task.operation.notation == "dashes" else "digits"
    return (
        f"{task.name}, operands of at most {task.digits} {unit}, {task.num_examples} examples, seed {task.seed}, "
        f"questions {'reversed' if task.reverse else 'as they are read'}, "
        f"{'ordered' if task.ordered else 'unordered'} pairs distinct"
    )


def describe(builder: Any, metadata: dict[str, Any] | None = None) -> tfds.core.DatasetInfo:
    """The dataset's TFDS info.

    Args:
      builder: A TFDS builder, or the ``DatasetIdentity`` of one.
      metadata: What ``metadata.json`` holds, once it is known.
    """
    return tfds.core.DatasetInfo(
        builder=builder,
        description=DESCRIPTION,
        features=tfds.features.FeaturesDict({"question": tfds.features.Text(), "answer": tfds.features.Text()}),
        supervised_keys=("question", "answer"),
        disable_shuffling=True,
        homepage=HOMEPAGE,
        citation=CITATION,
        metadata=tfds.core.MetadataDict(metadata or {}),
    )


def identity(task: Task, directory: Path) -> dataset_info.DatasetIdentity:
    """Who the builder of a task's dataset is, without the builder."""
    return dataset_info.DatasetIdentity(
        name=NAME,
        version=tfds.core.Version(VERSION),
        data_dir=str(directory),
        module_name=BUILDER_MODULE,
        config_name=task.config_name,
        config_description=config_description(task),
        config_tags=[],
        release_notes=RELEASE_NOTES,
    )


def split_infos(directory: Path, reports: list[ShardReport]) -> list[splits.SplitInfo]:
    """TFDS's view of the splits: the examples in each file, and the bytes of all."""
    by_split = {split: [report for report in reports if report.split == split] for split in SPLITS}
    return [
        splits.SplitInfo(
            name=split,
            shard_lengths=[report.num_examples for report in sorted(written, key=lambda report: report.shard)],
            num_bytes=sum(report.num_bytes for report in written),
            filename_template=tfds.core.ShardedFileTemplate(
                dataset_name=NAME, data_dir=epath.Path(directory), split=split, filetype_suffix="tfrecord"
            ),
        )
        for split, written in by_split.items()
    ]


def write_catalog(
    task: Task, layout: Layout, directory: Path, draws_used: int, reports: list[ShardReport]
) -> dict[str, Any]:
    """Writes ``dataset_info.json``, ``features.json`` and ``metadata.json``, and returns what the last one holds."""
    info = describe(identity(task, directory))
    info.set_file_format("tfrecord")
    info.set_splits(splits.SplitDict(split_infos(directory, reports)))
    info.write_to_directory(directory)
    files = {path: digest for report in reports for path, digest in report.files.items()}
    for name in (DATASET_INFO, FEATURES):
        files[name] = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    metadata = _metadata(task, layout, draws_used, files)
    tfds.core.MetadataDict(metadata).save_metadata(directory)
    return metadata


def metadata_digest(metadata: dict[str, Any]) -> str:
    """sha256 of the metadata's JSON as it is written, less its entry ``sha256``."""
    content = {key: value for key, value in metadata.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _metadata(task: Task, layout: Layout, draws_used: int, files: dict[str, str]) -> dict[str, Any]:
    metadata = {
        "parameters": task.parameters(),
        "question_width": task.question_width,
        "answer_width": task.answer_width,
        "alphabet": task.alphabet,
        "num_shards": layout.num_shards,
        "draws_used": draws_used,
        "duplicates": draws_used - task.num_examples,
        "splits": {"train": task.num_train, "validation": task.num_validation},
        "files": dict(sorted(files.items())),
    }
    return metadata | {"sha256": metadata_digest(metadata)}
