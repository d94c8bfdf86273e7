"""The pipeline on a real Beam runner: the contract's vectors, the notebook's loop beside it, the same everywhere."""

import collections
import dataclasses
import hashlib
import itertools
import json
import random
import tempfile
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
import pytest
import reference
from apache_beam.metrics import MetricsFilter
from apache_beam.portability import common_urns, python_urns
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import files, is_complete
from strategies import small_tasks

from seq2seq_arith.pipelines import InputError, Task, coverage, cutoff
from seq2seq_arith.pipelines.cutoff import Windows
from seq2seq_arith.pipelines.generate import Job, blocks, build, deduplicate, draw, generate, pack, run, unpack
from seq2seq_arith.pipelines.options import pipeline_options
from seq2seq_arith.pipelines.shards import SPLITS, Layout, parquet_path, tfrecord_path


def tfrecords(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.glob("*.tfrecord-*"))}


def parquet_rows(directory: Path, split: str) -> list[tuple[str, str]]:
    tables = [pq.read_table(path) for path in sorted((directory / "parquet").glob(f"{split}-*.parquet"))]
    return [
        row
        for table in tables
        for row in zip(*(table[name].to_pylist() for name in ("question", "answer")), strict=True)
    ]


def by_the_loop(expected: reference.Dataset, num_shards: int) -> dict[str, bytes]:
    return {
        tfrecord_path(split, shard, num_shards): expected.tfrecord(split, shard, num_shards)
        for split in SPLITS
        for shard in range(num_shards)
    }


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


VECTORS = [
    ("addition", 141_861, "5ba70585b09f70cae9267547b6fecbd86c6e667459baeaa9042f6a3c8d627dbb",
     "ae18b7faeab838d71636ca18d478e7754ce94acbfe317a59d1c2912ef1bac235"),
    ("subtraction", 59_535, "eb943a632e058ce580deb1bce3d8d67cb43acce7688a44038cf7c145c2400946",
     "4d0ecd37a7d3504c534476ebc4cfb2e98a3147f805059a98f5ee5a995343bca9"),
    ("pq", 52_701, "57aebe7f7cc90a25dd58f1f607bea169a1d60a3f3739735ba91547f8014e2264",
     "78f020329473762b2ea6431ce65ff5032cd8abc1a46b7e5ba158cf2840e5fbaf"),
]  # fmt: skip
FIRST_OF_TRAIN = {
    "addition": [("271+792", "469 "), ("  57+66", "141 "), (" 11+175", "582 ")],
    "subtraction": [("555-3947   ", "-3392 ")],
    "pq": [],
}


@pytest.mark.parametrize(("name", "draws_used", "train", "validation"), VECTORS, ids=[row[0] for row in VECTORS])
def test_contract_vectors(make, name, draws_used, train, validation):
    """From the notebook's loop, and from the files that the pipeline writes at its defaults."""
    expected = reference.dataset(Task(name))
    assert (expected.draws_used, expected.sha256("train"), expected.sha256("validation")) == (
        draws_used,
        train,
        validation,
    )
    directory = make(Task(name), parquet=True)
    assert tfrecords(directory) == by_the_loop(expected, 8)
    for split in SPLITS:
        assert parquet_rows(directory, split) == expected.rows(split)
    first = FIRST_OF_TRAIN[name]
    assert parquet_rows(directory, "train")[: len(first)] == first
    metadata = json.loads((directory / "metadata.json").read_text())
    assert metadata["draws_used"] == draws_used
    assert metadata["duplicates"] == draws_used - 50_000
    assert metadata["splits"] == {"train": 45_000, "validation": 5_000}
    assert is_complete(directory)


@given(small_tasks(), st.integers(1, 10), st.integers(1, 3))
@settings(max_examples=8)
def test_the_loop_and_the_pipeline_agree(task, num_shards, threads):
    expected = reference.dataset(task)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        metadata = generate(task, Layout.of(task, num_shards), directory, pipeline_options([]), threads)
        assert tfrecords(directory) == by_the_loop(expected, num_shards)
        assert {split: parquet_rows(directory, split) for split in SPLITS} == {
            split: expected.rows(split) for split in SPLITS
        }
        assert metadata["draws_used"] == expected.draws_used
        assert is_complete(directory)


GOLDEN = {
    "train": [
        "7d34710fc5ced887e4679f99656eda576deb69d00aea4a139cf5a92d0d897fb1",
        "f78ecb3c53b85e088c3f8ecab17759d88f36b5f3e15148106e4a0044e55cb2ae",
        "57b9da1ccaf90b678f2873c45ac07e9bb15f0a11b8450393bf68a13fa114d395",
    ],
    "validation": [
        "6aedb6ab68fd7ca208aecc33efb164ffd08cd30e50ae67ec77cabdd3de650400",
        "2b0545d3c2e2453c58361fc5f75aab3206c75102479f5c0c438f1aec2ee604f3",
        "c9863b25c17fcd19f3fdbfecb91fe298f42f940c5dbbdeb421d91887a4699c3c",
    ],
}
GOLDEN_ROWS = {
    "train": "3bb41aceae9995ca4cb530c5bcf8e5969a877330f0bb09d2d31fa7d4fe3f6ec3",
    "validation": "a8c8dddef4aec5384ddb36a76d5357fb99bc867168faf13444afede682f75fba",
}


def test_golden(make):
    """These bytes may never change: a dataset made with this version must be the same with every later one."""
    directory = make(Task("subtraction", num_examples=200, seed=1), 3, parquet=True)
    for split in SPLITS:
        shards = [directory / tfrecord_path(split, shard, 3) for shard in range(3)]
        assert [sha256(shard.read_bytes()) for shard in shards] == GOLDEN[split]
        rows = "".join(f"{question}\t{answer}\n" for question, answer in parquet_rows(directory, split))
        assert sha256(rows.encode()) == GOLDEN_ROWS[split]


# Ten chunks, nearly all of whose draws are duplicates, and all but a few keys that there are.
CROWDED = Task("subtraction", digits=2, num_examples=9_950, ordered=True, seed=5)
SHARDS = [1, 3, 8, 64]
QUICK = {
    "one thread": ((), 1),
    "three threads": ((), 3),
    "multi_threading": (("--direct_running_mode=multi_threading", "--direct_num_workers=2"), 2),
    "bundles repeated": (("--direct_runner_bundle_repeat=2",), 2),
}
# Each worker imports Beam anew, which takes seconds.
PROCESSES = {
    f"multi_processing, {workers} workers": (
        ("--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"),
        threads,
    )
    for workers, threads in ((1, 2), (2, 1))
}
ROWS = [pytest.param(*row, num_shards, id=f"{name}, {num_shards} shards")
        for (name, row), num_shards in itertools.product(QUICK.items(), SHARDS)]  # fmt: skip
ROWS += [
    pytest.param(*row, num_shards, id=f"{name}, {num_shards} shards", marks=[pytest.mark.slow] * (slow is not False))
    for (name, row), num_shards in itertools.product(PROCESSES.items(), SHARDS)
    for slow in [(row[1], num_shards) != (1, 3)]
]


@pytest.fixture(scope="module")
def crowded():
    return reference.dataset(CROWDED)


@pytest.fixture(scope="module")
def whole(make):
    """All files at each number of shards, as the plainest way of running makes them."""
    return {num_shards: files(make(CROWDED, num_shards, parquet=True, threads=1)) for num_shards in SHARDS}


@pytest.mark.parametrize(("flags", "threads", "num_shards"), ROWS)
def test_the_same_everywhere(make, crowded, whole, flags, threads, num_shards):
    directory = make(CROWDED, num_shards, parquet=True, flags=flags, threads=threads)
    assert tfrecords(directory) == by_the_loop(crowded, num_shards)
    assert files(directory) == whole[num_shards]


@pytest.mark.parametrize("split", SPLITS)
def test_a_splits_sequence_is_the_same_for_every_number_of_shards(whole, crowded, split):
    for found in whole.values():
        read_in_turn = b"".join(found[path] for path in sorted(found) if f"-{split}.tfrecord" in path)
        assert read_in_turn == b"".join(reference.record(*row) for row in crowded.rows(split))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutAnyhow(Job):
    """A job whose chunks are of any size and come in any order."""

    seed: int

    @property
    def chunks(self) -> list[tuple[int, int]]:
        random_ = random.Random(self.seed)
        cuts = sorted(random_.sample(range(1, self.num_draws), 1 + self.seed))
        chunks = list(itertools.pairwise([0, *cuts, self.num_draws]))
        random_.shuffle(chunks)
        return chunks


@pytest.mark.parametrize("seed", [1, 10, 40])
@pytest.mark.parametrize("flags", [(), ("--direct_runner_bundle_repeat=1",)], ids=["once", "repeated"])
def test_the_same_for_chunks_cut_anyhow_in_any_order(tmp_path, crowded, seed, flags):
    job = CutAnyhow(
        task=CROWDED, layout=Layout(8, parquet=False), directory=tmp_path, num_draws=coverage.num_draws(CROWDED),
        windows=Windows.around(CROWDED), threads=2, seed=seed,
    )  # fmt: skip
    written = run(job, pipeline_options(list(flags)))
    assert written.draws_used == crowded.draws_used
    assert files(tmp_path) == by_the_loop(crowded, 8)


@given(st.integers(1, 2**44))
def test_chunks_cover_each_draw_once(num_draws):
    job = Job(task=Task(), layout=Layout(8), directory=Path(), num_draws=num_draws, windows=Windows(0, 0, 0))
    if num_draws > 2**30:
        return
    chunks = job.chunks
    assert [first for first, _ in chunks] == [0, *(stop for _, stop in chunks[:-1])]
    assert chunks[-1][1] == num_draws
    assert all(0 < stop - first <= 2**20 for first, stop in chunks)


# With this seed either place is further from its expectation than the narrow windows below reach.
SMALL = Task("subtraction", digits=2, num_examples=1000, seed=2)


@pytest.mark.parametrize("num_draws", [1, 500, 1000])
def test_too_few_draws_are_seen_and_nothing_is_written(tmp_path, num_draws):
    job = Job(task=SMALL, layout=Layout(8), directory=tmp_path, num_draws=num_draws, windows=Windows.around(SMALL))
    assert run(job, pipeline_options([])) is None
    assert files(tmp_path) == {}


def test_as_many_draws_as_are_used_are_enough(tmp_path):
    expected = reference.dataset(SMALL)
    job = Job(
        task=SMALL, layout=Layout(8), directory=tmp_path, num_draws=expected.draws_used, windows=Windows.around(SMALL)
    )
    written = run(job, pipeline_options([]))
    assert written.draws_used == expected.draws_used
    assert run(dataclasses.replace(job, num_draws=expected.draws_used - 1), pipeline_options([])) is None


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        # What would befall one run in 10^9, every time: too few draws, or a window that is too narrow.
        (coverage, "num_draws", lambda task: 900),
        (cutoff, "DRAW_WIDTH", 0.2),
        (cutoff, "SPLIT_WIDTH", 0.1),
    ],
    ids=["draws", "window of draws", "window of hashes"],
)
def test_a_run_that_falls_short_draws_further(make, monkeypatch, module, name, value):
    expected = by_the_loop(reference.dataset(SMALL), 8)
    enough = files(make(SMALL, parquet=True))
    monkeypatch.setattr(module, name, value)
    job = Job(
        task=SMALL,
        layout=Layout(8),
        directory=make(SMALL),
        num_draws=coverage.num_draws(SMALL),
        windows=Windows.around(SMALL),
    )
    assert run(job, pipeline_options([])) is None
    directory = make(SMALL, parquet=True)
    assert tfrecords(directory) == expected
    assert files(directory) == enough


@pytest.mark.parametrize("task", [Task("pq", digits=3, num_examples=10), Task(digits=1, num_examples=56)], ids=str)
def test_refuses_what_cannot_be_drawn(tmp_path, task):
    with pytest.raises(InputError):
        generate(task, Layout(8), tmp_path, pipeline_options([]))
    assert files(tmp_path) == {}


@given(st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 1000), st.integers(2**44 - 9, 2**44))))
def test_unpack_is_the_inverse_of_pack(values):
    numbers = np.array(values, np.uint64)
    unpacked = unpack(pack(numbers))
    assert unpacked.dtype == np.uint64
    assert unpacked.tolist() == values


@pytest.mark.parametrize(("distance", "bytes_each"), [(2**32 - 1, 4), (2**32, 8)])
def test_pack_takes_four_bytes_a_draw_where_they_are_enough(distance, bytes_each):
    numbers = np.array([2**40, 2**40 + distance], np.uint64)
    assert len(pack(numbers)) == 1 + 8 + 2 * bytes_each
    assert unpack(pack(numbers)).tolist() == numbers.tolist()


@given(small_tasks(max_examples=100), st.integers(1, 9), st.randoms())
@settings(max_examples=25)
def test_blocks_of_a_shard_may_come_in_any_order(task, num_shards, random_):
    job = CutAnyhow(
        task=task, layout=Layout(num_shards), directory=Path(), num_draws=max(20, coverage.num_draws(task)),
        windows=Windows.around(task), seed=6,
    )  # fmt: skip
    by_shard: dict[int, list[bytes]] = {}
    for chunk in sorted(job.chunks):
        for shard, block in blocks(draw(job, chunk)):
            by_shard.setdefault(shard, []).append(block)
    # The first chunk names every shard, whether or not it has a draw.
    assert sorted(by_shard) == list(range(num_shards))
    for shard, of_shard in by_shard.items():
        in_order, findings, _ = deduplicate(job, (shard, of_shard))
        shuffled, same, _ = deduplicate(job, (shard, random_.sample(of_shard, len(of_shard))))
        assert in_order == shuffled
        assert findings.distinct == same.distinct
        assert np.array_equal(findings.tail, same.tail)
        assert np.array_equal(findings.near, same.near)


def test_only_draw_numbers_are_shuffled():
    """The GroupByKeys, and what they carry: chunk numbers, draw numbers, and small global combines."""
    pipeline = beam.Pipeline(options=pipeline_options([]))
    job = Job(
        task=Task(), layout=Layout(8), directory=Path("/nowhere"), num_draws=150_000, windows=Windows.around(Task())
    )
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
    """What an engine's page shows of a run."""
    with tempfile.TemporaryDirectory() as name:
        pipeline = beam.Pipeline(options=pipeline_options([]))
        job = Job(task=SMALL, layout=Layout(8), directory=Path(name), num_draws=3000, windows=Windows.around(SMALL))
        build(job, pipeline)
        result = pipeline.run()
        result.wait_until_finish()
        found = collections.Counter()
        # Duplicates are dropped where they are drawn, and in their shard.
        for counter in result.metrics().query(MetricsFilter().with_namespace("seq2seq_arith"))["counters"]:
            found[counter.key.metric.name] += counter.committed
        size = sum(map(len, tfrecords(Path(name)).values()))
    distinct = len({reference.key(SMALL, *reference.draw(SMALL, i)) for i in range(3000)})
    assert found == {"draws": 3000, "duplicates": 3000 - distinct, "examples": 1000, "bytes": size, "shards": 8}


def test_nothing_but_the_dataset_is_left(make):
    directory = make(SMALL, 2, parquet=True)
    expected = [
        path
        for split in SPLITS
        for shard in range(2)
        for path in (tfrecord_path(split, shard, 2), parquet_path(split, shard, 2))
    ]
    assert sorted(files(directory)) == sorted([*expected, "dataset_info.json", "features.json", "metadata.json"])


def test_rows_are_narrowed_down_before_they_are_gathered(make, monkeypatch, crowded, whole):
    """As with more than 10^9 examples, whose windows have too many rows for one worker."""
    monkeypatch.setattr(cutoff, "MAX_ROWS", 0)
    assert files(make(CROWDED, 3, parquet=True)) == whole[3]
    assert files(make(SMALL)) == by_the_loop(reference.dataset(SMALL), 8) | {
        name: content for name, content in files(make(SMALL)).items() if name.endswith(".json")
    }


@pytest.mark.parametrize(
    ("num_shards", "num_draws", "size"),
    [(8, 150_000, 2**16), (1024, 10**9, 2**20), (2**14, 10**10, 2**20), (2**17, 10**11, 2**23), (2**20, 10**12, 2**24)],
)
def test_chunks_grow_with_the_shards(num_shards, num_draws, size):
    job = Job(
        task=Task(digits=9), layout=Layout(num_shards), directory=Path(), num_draws=num_draws, windows=Windows(0, 0, 0)
    )
    assert job.chunks[1] == (size, min(2 * size, num_draws))
