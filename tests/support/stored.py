"""Datasets in object stores: what the tests of several modules make and look at."""

import functools
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from programs import Content, files

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines import run_records
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.create import create, default_threads, write_dataset
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.steps.job import RunFacts
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath
from seq2seq_arith.pipelines.storage.staging import REPORT, StagedDirectory, Staging

TASK = Task(num_examples=200)
LAYOUTS = {"three": Layout(3), "two": Layout(2, ("tfrecord",))}
GENERATE = ("generate", "addition", "--num-examples", "200")
THREE, TWO = ("--num-shards", "3"), ("--num-shards", "2", "--no-parquet")


def make(task: Task, layout: Layout, data_dir: AnyPath, overwrite: bool = False) -> dict[str, Any]:
    """Makes a dataset, and returns its metadata."""
    return create(Request(task, layout, data_dir, None, overwrite)).metadata


def write(layout: Layout, staging: Staging) -> None:
    """Writes the files of TASK's dataset."""
    copy(TASK, layout, staging)


def copy(task: Task, layout: Layout, staging: Staging, *_: object) -> tuple[dict[str, Any], RunFacts]:
    """As ``create.write_dataset``, but Beam makes the files only once: how they are published does not depend on it."""
    contents = _made(task, layout)
    for name, content in contents.items():
        if name.endswith(".json"):
            (staging.catalog / name).write_bytes(content)
        else:
            with staging.whole_file(name) as file:
                file.write(content)
            staging.expect({name: file.version})
    return json.loads(contents["metadata.json"]), RunFacts()


@functools.cache
def _made(task: Task, layout: Layout) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        options = pipeline_options([])
        write_dataset(task, layout, StagedDirectory(Path(name)), options, default_threads(options))
        (Path(name) / REPORT).unlink()  # publishing removes it
        return files(Path(name))


def objects(path: ObjectPath) -> dict[str, bytes]:
    """Every object below, with its bytes; without the records of runs."""
    names = [entry.name for entry in path.entries() if run_records.FOLDER not in entry.name]
    return {name: Content(paths.read_bytes(path / name)) for name in names}


def nothing_or_all(path: ObjectPath) -> bool:
    """Whether a dataset is visible, for TFDS and for us; fails if one is that is not whole."""
    contents = objects(path)
    if "dataset_info.json" not in contents:
        return False
    digests = json.loads(contents["metadata.json"])["files"]
    assert {name: hashlib.sha256(contents.get(name, b"")).hexdigest() for name in digests} == digests
    return True
