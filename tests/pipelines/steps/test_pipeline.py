"""The pipeline on a real Beam runner: the data format's vectors, the notebook's loop, the same bytes everywhere."""

import collections
import dataclasses
import itertools
import json
import random
import tempfile
from pathlib import Path

import apache_beam as beam
import pytest
import reference
from apache_beam.metrics import MetricsFilter
from apache_beam.portability import common_urns, python_urns
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import files, is_complete
from rewriting import rows
from strategies import small_tasks

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.formats.layout import SPLITS, TFRECORD, Layout, shard_file
from seq2seq_arith.pipelines.steps import cutoff, run
from seq2seq_arith.pipelines.steps.cutoff import Windows
from seq2seq_arith.pipelines.steps.job import Job
from seq2seq_arith.pipelines.steps.pipeline import build
from seq2seq_arith.pipelines.steps.run import run_pipeline, write_dataset
from seq2seq_arith.pipelines.storage.staging import REPORT, StagedDirectory


def job_of(task: Task, num_draws: int, directory: Path = Path("/nowhere")) -> Job:
    """A job of eight shards."""
    return Job(
        task=task, layout=Layout(8), staging=StagedDirectory(directory), num_draws=num_draws,
        windows=Windows.around(task),
    )  # fmt: skip


def tfrecords(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.glob("*.tfrecord-*"))}


def by_the_loop(expected: reference.Dataset, num_shards: int) -> dict[str, bytes]:
    return {
        shard_file(TFRECORD, split, shard, num_shards): expected.tfrecord(split, shard, num_shards)
        for split in SPLITS
        for shard in range(num_shards)
    }


# Another dataset of the same kind is among the others.
SLOW = (
    "subtraction", "multiplication", "pq", "modular_addition", "addition-d19-n20000", "addition-d100-n2000",
    "addition-d5-structured", "subtraction-structured",
)  # fmt: skip
VECTOR_ROWS = [pytest.param(*row, id=row[0], marks=[pytest.mark.slow] * (row[0] in SLOW)) for row in reference.VECTORS]


@pytest.mark.parametrize(("name", "draws_used", "train", "validation"), VECTOR_ROWS)
def test_the_data_formats_vectors(make, name, draws_used, train, validation):
    """The checksums are those of the data format's description; the files have them in both formats."""
    task = Task.from_name(name)
    directory = make(task, parquet=True)
    assert [reference.rows_sha256(rows(directory, split)) for split in SPLITS] == [train, validation]
    for split, shard in itertools.product(SPLITS, (0, 7)):
        records = [reference.record(*row) for row in rows(directory, f"{split}-{shard:05d}")]
        assert (directory / shard_file(TFRECORD, split, shard, 8)).read_bytes() == b"".join(records)
    metadata = json.loads((directory / "metadata.json").read_text())
    assert metadata["parameters"] == task.parameters()
    assert metadata["draws_used"] == draws_used
    assert metadata["duplicates"] == draws_used - task.num_examples
    assert metadata["splits"] == {"train": task.num_train, "validation": task.num_validation}
    assert is_complete(directory)


@given(small_tasks(), st.integers(1, 10), st.integers(1, 3))
@settings(max_examples=8)
def test_the_loop_and_the_pipeline_agree(task, num_shards, threads):
    expected = reference.dataset(task)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        metadata, _ = write_dataset(
            task, Layout.from_task(task, num_shards), StagedDirectory(directory), pipeline_options([]), threads
        )
        (directory / ".report.json").unlink()  # publishing removes it
        assert tfrecords(directory) == by_the_loop(expected, num_shards)
        assert [rows(directory, split) for split in SPLITS] == [expected.rows(split) for split in SPLITS]
        assert metadata["draws_used"] == expected.draws_used
        assert is_complete(directory)


# Ten chunks. Nearly all of their draws are duplicates, and nearly all keys are wanted.
CROWDED = Task("subtraction", size=2, num_examples=9_950, ordered=True, seed=5)
THREADS = (("--direct_running_mode=multi_threading", "--direct_num_workers=2"), 2)
REPEATED = (("--direct_runner_bundle_repeat=2",), 2)


@pytest.fixture(scope="module")
def crowded():
    return reference.dataset(CROWDED)


@pytest.fixture(scope="module")
def whole(make):
    """All files for each number of shards, made by one thread of the default runner."""
    return {num_shards: make(CROWDED, num_shards, parquet=True, threads=1) for num_shards in (3, 64)}


@pytest.mark.parametrize(("flags", "threads", "num_shards"), [(*THREADS, 3), (*REPEATED, 64)], ids=str)
def test_the_same_everywhere(make, whole, crowded, flags, threads, num_shards):
    assert tfrecords(whole[num_shards]) == by_the_loop(crowded, num_shards)
    directory = make(CROWDED, num_shards, parquet=True, flags=flags, threads=threads)
    assert files(directory) == files(whole[num_shards])


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutAnyhow(Job):
    """A job whose chunks have random sizes and a random order."""

    seed: int

    @property
    def chunks(self) -> list[tuple[int, int]]:
        random_ = random.Random(self.seed)
        cuts = sorted(random_.sample(range(1, self.num_draws), 1 + self.seed))
        chunks = list(itertools.pairwise([0, *cuts, self.num_draws]))
        random_.shuffle(chunks)
        return chunks


@pytest.mark.parametrize(
    ("seed", "flags"), [(40, ()), (10, ("--direct_runner_bundle_repeat=1",))], ids=["41", "11, repeated"]
)
def test_the_same_for_chunks_cut_anyhow_in_any_order(tmp_path, crowded, seed, flags):
    job = CutAnyhow(
        task=CROWDED, layout=Layout(8, ("tfrecord",)), staging=StagedDirectory(tmp_path),
        num_draws=coverage.num_draws(CROWDED), windows=Windows.around(CROWDED), threads=2, seed=seed,
    )  # fmt: skip
    report, _ = run_pipeline(job, pipeline_options(list(flags)))
    assert report.draws_used == crowded.draws_used
    assert shards_in(tmp_path) == by_the_loop(crowded, 8)


def shards_in(staging: Path) -> dict[str, bytes]:
    """What a job has staged, without its report, which says whether the draws were enough."""
    return {path: content for path, content in files(staging).items() if path != REPORT}


@given(st.integers(1, 2**30))
def test_chunks_cover_each_draw_once(num_draws):
    chunks = job_of(Task(), num_draws).chunks
    assert [first for first, _ in chunks] == [0, *(stop for _, stop in chunks[:-1])]
    assert chunks[-1][1] == num_draws
    assert all(0 < stop - first <= 2**20 for first, stop in chunks)


# With this seed, both places are outside the narrow windows that a test below sets.
SMALL = Task("subtraction", size=2, num_examples=1000, seed=2)


@pytest.mark.parametrize("num_draws", [1, 1000])
def test_too_few_draws_are_seen_and_nothing_is_written(tmp_path, num_draws):
    job = job_of(SMALL, num_draws, tmp_path)
    report, _ = run_pipeline(job, pipeline_options([]))
    assert (report.draws_used, report.shards) == (0, [])
    assert shards_in(tmp_path) == {}


@pytest.fixture(scope="module")
def enough(make):
    """The files of a run whose draws are enough."""
    directory = make(SMALL)
    assert tfrecords(directory) == by_the_loop(reference.dataset(SMALL), 8)
    return files(directory)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        # In one run in 10^9 there are too few draws, or a window is too narrow. Here it happens in every run.
        (coverage, "num_draws", lambda task: 1400),
        (cutoff, "DRAW_WIDTH", 0.4),
        (cutoff, "SPLIT_WIDTH", 0.2),
    ],
    ids=["draws", "window of draws", "window of hashes"],
)
def test_a_run_that_falls_short_draws_further(make, enough, monkeypatch, module, name, value):
    monkeypatch.setattr(module, name, value)
    results = []
    monkeypatch.setattr(run, "run_pipeline", lambda *job: results.append(run_pipeline(*job)) or results[-1])
    assert files(make(SMALL)) == enough
    assert len(results) > 1
    assert results[0][0].shards == []


def test_only_draw_numbers_are_shuffled():
    """The GroupByKeys carry chunk numbers, draw numbers, and small global combines."""
    pipeline = beam.Pipeline(options=pipeline_options([]))
    job = job_of(Task(), 150_000)
    build(job, pipeline)
    proto = pipeline.to_runner_api()
    transforms = proto.components.transforms
    shuffles = {
        transform.unique_name: transform
        for transform in transforms.values()
        if transform.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn
    }
    assert {name.split("/")[0] for name in shuffles} == {"Cut", "Reports", "Shuffle", "Spread"}
    (carried,) = next(step for name, step in shuffles.items() if name.startswith("Shuffle")).inputs.values()
    coder = proto.components.coders[proto.components.pcollections[carried].coder_id]
    parts = [proto.components.coders[part].spec.urn for part in coder.component_coder_ids]
    assert coder.spec.urn == common_urns.coders.KV.urn
    assert parts == [common_urns.coders.VARINT.urn, common_urns.coders.BYTES.urn]
    assert python_urns.PICKLED_CODER not in parts


def test_counters():
    """The counters of a run, which the runner's web page shows."""
    with tempfile.TemporaryDirectory() as name:
        pipeline = beam.Pipeline(options=pipeline_options([]))
        build(job_of(SMALL, 3000, Path(name)), pipeline)
        result = pipeline.run()
        result.wait_until_finish()
        counters = collections.Counter()
        # Two steps drop duplicates: Draw and Deduplicate.
        for counter in result.metrics().query(MetricsFilter().with_namespace("seq2seq_arith"))["counters"]:
            counters[counter.key.metric.name] += counter.committed
        size = sum(map(len, tfrecords(Path(name)).values()))
    distinct = len({reference.key(SMALL, *reference.draw(SMALL, i)) for i in range(3000)})
    assert counters == {"draws": 3000, "duplicates": 3000 - distinct, "examples": 1000, "bytes": size, "shards": 8}


@pytest.mark.parametrize(
    ("num_shards", "num_draws", "size"),
    [(8, 150_000, 2**16), (1024, 10**9, 2**20), (2**13, 10**10, 2**21), (2**20, 10**12, 2**24)],
)  # fmt: skip
def test_chunks_grow_with_the_shards(num_shards, num_draws, size):
    job = dataclasses.replace(job_of(Task(size=9), num_draws), layout=Layout(num_shards))
    assert job.chunks[1] == (size, min(2 * size, num_draws))
