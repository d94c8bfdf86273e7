"""The compared ways to make and to read arithmetic data.

Each is a function of an empty directory that returns the number of examples and the seconds.
"""

import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NUM_EXAMPLES, DIGITS = 50_000, 3


def in_new_directory(way: Callable, parameters: dict) -> dict:
    """Runs a way in a directory that is removed afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        return way(Path(directory), **parameters)


def pipeline(directory: Path, task: str = "addition", parquet: bool = False, **parameters) -> dict:
    """This project, from the start of the pipeline to the published directory."""
    from seq2seq_arith.arithmetic.task import Task
    from seq2seq_arith.pipelines.beam.options import pipeline_options
    from seq2seq_arith.pipelines.create import create
    from seq2seq_arith.pipelines.formats.layout import Layout, choose_formats
    from seq2seq_arith.pipelines.request import Request

    dataset = Task(task, **parameters)
    start = time.perf_counter()
    layout = Layout.from_task(dataset, formats=choose_formats({"parquet": parquet}))
    create(Request(dataset, layout, directory, pipeline_options([])))
    return {"examples": dataset.num_examples, "seconds": time.perf_counter() - start}


def copy(directory: Path, **parameters) -> dict:
    """``cp`` of a finished dataset, then a wait for the disk: no program that writes the dataset can be faster."""
    measured = pipeline(directory / "made", **parameters)
    start = time.perf_counter()
    subprocess.run(["cp", "-r", directory / "made", directory / "copied"], check=True)
    subprocess.run(["sync", "-f", directory / "copied"], check=True)
    return measured | {"seconds": time.perf_counter() - start}


def beam_elements(directory: Path) -> dict:
    """Beam as its guides show it: one element per example."""
    import apache_beam as beam
    import pyarrow as pa
    from apache_beam.io.parquetio import WriteToParquet

    draws, chunks = 142_000, 50
    schema = pa.schema([("question", pa.string()), ("answer", pa.string())])
    start = time.perf_counter()
    with beam.Pipeline(runner="FnApiRunner") as p:
        _ = (
            p
            | beam.Create(range(chunks))
            | beam.FlatMap(lambda _: [(_number(), _number()) for _ in range(draws // chunks)])
            | beam.Map(lambda pair: tuple(sorted(pair)))
            | beam.Distinct()
            | beam.MapTuple(lambda left, right: dict(zip(("question", "answer"), _example(left, right), strict=True)))
            | WriteToParquet(str(directory / "addition"), schema)
        )
    seconds = time.perf_counter() - start
    import pyarrow.parquet as pq

    return {"examples": sum(pq.read_metadata(file).num_rows for file in directory.iterdir()), "seconds": seconds}


def tfds_generator(directory: Path) -> dict:
    """A TFDS builder that yields one example after another."""
    import tensorflow_datasets as tfds

    class Addition(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = directory

        def _info(self):
            features = tfds.features.FeaturesDict({"question": tfds.features.Text(), "answer": tfds.features.Text()})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            return _distinct()

    start = time.perf_counter()
    builder = Addition(data_dir=directory / "tfds")
    builder.download_and_prepare()
    return {"examples": builder.info.splits["train"].num_examples, "seconds": time.perf_counter() - start}


def _distinct() -> Iterator[tuple[str, dict[str, str]]]:
    seen = set()
    while len(seen) < NUM_EXAMPLES:
        left, right = _number(), _number()
        pair = (min(left, right), max(left, right))
        if pair not in seen:
            seen.add(pair)
            question, answer = _example(left, right)
            yield question, {"question": question, "answer": answer}


def _number() -> int:
    return int("".join(random.choice("0123456789") for _ in range(random.randint(1, DIGITS))))


def _example(left: int, right: int) -> tuple[str, str]:
    question = f"{left}+{right}".ljust(2 * DIGITS + 1)
    return question[::-1], str(left + right).ljust(DIGITS + 1)
