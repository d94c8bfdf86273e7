"""The pipeline on a real Beam runner: the data format's vectors, the notebook's loop, the same bytes everywhere."""

import collections
import dataclasses
import hashlib
import itertools
import json
import random
import tempfile
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import pytest
import reference
from apache_beam.metrics import MetricsFilter
from apache_beam.portability import common_urns, python_urns
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import files, is_complete
from strategies import small_tasks

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.formats.layout import SPLITS, Layout
from seq2seq_arith.pipelines.formats.parquet import parquet_path
from seq2seq_arith.pipelines.formats.tfrecord import tfrecord_path
from seq2seq_arith.pipelines.places.staging import REPORT, StagedDirectory
from seq2seq_arith.pipelines.steps import cutoff
from seq2seq_arith.pipelines.steps.blocks import by_shard
from seq2seq_arith.pipelines.steps.cutoff import Windows
from seq2seq_arith.pipelines.steps.job import Job
from seq2seq_arith.pipelines.steps.pipeline import build, deduplicate, draw
from seq2seq_arith.pipelines.steps.run import run_pipeline, write_dataset


def tfrecords(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.glob("*.tfrecord-*"))}


def parquet_rows(directory: Path, split: str) -> list[tuple[str, str]]:
    paths = sorted((directory / "parquet").glob(f"{split}-*.parquet"))
    return [row for path in paths for row in pq_rows(path)]


def pq_rows(path: Path) -> list[tuple[str, str]]:
    table = pq.read_table(path)
    return list(zip(*(table[name].to_pylist() for name in ("question", "answer")), strict=True))


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
SECOND_EDITION = [
    (Task(digits=19, num_examples=20_000), 20_053,
     "eaf8197b907e3d10db827cde8acad3d58fa1953a4572438c0ce53fb1a8c8e919",
     "5b518fadc08cfaca4f443e4536515de27f307e6630a29b416a6a3eb5ac634a8e"),
    (Task(digits=100, num_examples=2000), 2000,
     "3f9cf28c7a931b4b05b07a587270ee0d28f4ea5e74369eaf210cb6da03819190",
     "715f12b886aa070a11bb9ef3794e017dc6134d8c7bffd11cd02de66124b72f36"),
    (Task("subtraction", digits=40, num_examples=2000, seed=5), 2000,
     "bc2e9434b8f558e10e14d8298a5c55c16caa681d8cbb4efa40c4448985f28de3",
     "0fe82815e27543d341c577fec1b92720a1ceb6ab6ea30c47d5efb3f5b51b9f0a"),
    (Task("multiplication", digits=30, num_examples=2000), 2000,
     "7be474a567d5e64912cd62142cf4c326778eedbc1c1b0bb27f66f7f1752fb05b",
     "a02b4733298d2fb137bc3609cefe1f25df209199beb42217a530e4593e1bc26c"),
    (Task(digits=5, draws="structured"), 63_300,
     "41c235f00b7cf2520c1b75f1c6a9306f6dfff18985e99c16430b7630e6598c53",
     "987c2a4231c9efa6d4da1aacefe432a7d55f6b7910054204c82777bc9014b68d"),
    (Task("subtraction", draws="structured"), 64_315,
     "1f0370bc70dc7125b41785543353aecaa9fbb27362cef0e179ca53560f140351",
     "caa17e606fa8588626cba32d3fb50f380e4000d960f7d33fd703d5feb1f039b7"),
    (Task(digits=36, num_examples=2000, seed=9, draws="structured"), 2000,
     "0a08047489240bc8c40e63a95ff4ae68a9aa2dea917e1a42666639c5c52d971a",
     "0fff1c64daf62b8b5c46c8ed35a8c3ac19516724f26942e14db9817c221e80f2"),
    (Task(num_examples=20_000, draws="value"), 20_427,
     "d8a5548c9184585f98f5ed2adaf8fb3c270416878f639434db75ca9d1c0fd91d",
     "dd7c1b2556ad565977bdcb76e16b27955233e631b2a4d70f6d97587a5d69b856"),
    (Task("modular_addition"), 93_299,
     "3292ad6826c603bb1a36b74d0d2dda5d5f31cff12911893ef1495e6c0517e9b6",
     "01240dde0e371314ad13902e050cc3ed21d3a803170bbe65d0c239206e8c901f"),
    (Task(num_examples=20_000, num_validation=14_000), 38_888,
     "ca9b0b69c5aaa92d0f7893dba6761d6ca428e1f8281e61b10a9d9f6b5360b654",
     "2ea8347922da592f38c215a95649bf9c44a16ae76ac41c7e623e7f2e2555a673"),
]  # fmt: skip
FIRST_OF_TRAIN = {
    "addition": [("271+792", "469 "), ("  57+66", "141 "), (" 11+175", "582 ")],
    "subtraction": [("555-3947   ", "-3392 ")],
    "pq": [],
    "subtraction-structured": [("27239-5    ", "27234 "), ("7455-82144 ", "-74689"), ("6-9827     ", "-9821 ")],
}


VECTOR_ROWS = [pytest.param(*row, id=row[0], marks=() if row[0] == "addition" else pytest.mark.slow) for row in VECTORS]


@pytest.mark.parametrize(("name", "draws_used", "train", "validation"), VECTOR_ROWS)
def test_the_data_formats_vectors(make, name, draws_used, train, validation):
    """The vectors hold for the notebook's loop, and for the files that the pipeline writes by default."""
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


def rows_sha256(rows: list[tuple[str, str]]) -> str:
    return sha256("".join(f"{question}\t{answer}\n" for question, answer in rows).encode())


# Another dataset of the same kind is among the others.
SLOW = ("addition-d100-n2000", "addition-d5-structured", "modular_addition")
SECOND_ROWS = [
    pytest.param(*row, id=row[0].config_name, marks=[pytest.mark.slow] * (row[0].config_name in SLOW))
    for row in SECOND_EDITION
]


@pytest.mark.parametrize(("task", "draws_used", "train", "validation"), SECOND_ROWS)
def test_vectors_of_the_second_edition(make, task, draws_used, train, validation):
    """The checksums are those of the data format's description; the files have them in both formats."""
    directory = make(task, parquet=True)
    rows = {split: parquet_rows(directory, split) for split in SPLITS}
    assert [rows_sha256(rows[split]) for split in SPLITS] == [train, validation]
    first = FIRST_OF_TRAIN.get(task.config_name, [])
    assert rows["train"][: len(first)] == first
    assert tfrecords(directory) == {
        tfrecord_path(split, shard, 8): b"".join(
            reference.record(*row) for row in pq_rows(directory / parquet_path(split, shard, 8))
        )
        for split in SPLITS
        for shard in range(8)
    }
    metadata = json.loads((directory / "metadata.json").read_text())
    assert metadata["parameters"] == task.parameters()
    assert metadata["draws_used"] == draws_used
    assert metadata["splits"] == {"train": task.num_train, "validation": task.num_validation}
    assert is_complete(directory)


@given(small_tasks(), st.integers(1, 10), st.integers(1, 3))
@settings(max_examples=12)
def test_the_loop_and_the_pipeline_agree(task, num_shards, threads):
    expected = reference.dataset(task)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        metadata = write_dataset(
            task, Layout.of(task, num_shards), StagedDirectory(directory), pipeline_options([]), threads
        )
        (directory / ".report.json").unlink()  # publishing removes it
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
    """These bytes may never change: every later version must make the same datasets."""
    directory = make(Task("subtraction", num_examples=200, seed=1), 3, parquet=True)
    for split in SPLITS:
        shards = [directory / tfrecord_path(split, shard, 3) for shard in range(3)]
        assert [sha256(shard.read_bytes()) for shard in shards] == GOLDEN[split]
        rows = "".join(f"{question}\t{answer}\n" for question, answer in parquet_rows(directory, split))
        assert sha256(rows.encode()) == GOLDEN_ROWS[split]


# Ten chunks. Nearly all of their draws are duplicates, and nearly all keys are wanted.
CROWDED = Task("subtraction", digits=2, num_examples=9_950, ordered=True, seed=5)
SHARDS = [1, 3, 64]
ONE_THREAD, THREE = ((), 1), ((), 3)
THREADS = (("--direct_running_mode=multi_threading", "--direct_num_workers=2"), 2)
REPEATED = (("--direct_runner_bundle_repeat=2",), 2)


@pytest.fixture(scope="module")
def crowded():
    return reference.dataset(CROWDED)


@pytest.fixture(scope="module")
def whole(make):
    """All files for each number of shards, made by one thread of the default runner."""
    return {num_shards: files(make(CROWDED, num_shards, parquet=True, threads=1)) for num_shards in SHARDS}


@pytest.mark.parametrize(
    ("flags", "threads", "num_shards"),
    [(*ONE_THREAD, 3), (*THREE, 64), (*THREADS, 3), (*THREADS, 64), (*REPEATED, 1), (*REPEATED, 64)],
    ids=str,
)
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
    ("seed", "flags"), [(1, ()), (40, ()), (10, ("--direct_runner_bundle_repeat=1",))], ids=["2", "41", "11, repeated"]
)
def test_the_same_for_chunks_cut_anyhow_in_any_order(tmp_path, crowded, seed, flags):
    job = CutAnyhow(
        task=CROWDED, layout=Layout(8, ("tfrecord",)), staging=StagedDirectory(tmp_path),
        num_draws=coverage.num_draws(CROWDED), windows=Windows.around(CROWDED), threads=2, seed=seed,
    )  # fmt: skip
    written = run_pipeline(job, pipeline_options(list(flags)))
    assert written.draws_used == crowded.draws_used
    assert shards_in(tmp_path) == by_the_loop(crowded, 8)


def shards_in(staging: Path) -> dict[str, bytes]:
    """What a job has staged, without its report, which says whether the draws were enough."""
    return {path: content for path, content in files(staging).items() if path != REPORT}


@given(st.integers(1, 2**44))
def test_chunks_cover_each_draw_once(num_draws):
    job = Job(
        task=Task(), layout=Layout(8), staging=StagedDirectory(Path()), num_draws=num_draws, windows=Windows(0, 0, 0)
    )
    if num_draws > 2**30:
        return
    chunks = job.chunks
    assert [first for first, _ in chunks] == [0, *(stop for _, stop in chunks[:-1])]
    assert chunks[-1][1] == num_draws
    assert all(0 < stop - first <= 2**20 for first, stop in chunks)


# With this seed, both places are outside the narrow windows that a test below sets.
SMALL = Task("subtraction", digits=2, num_examples=1000, seed=2)


@pytest.mark.parametrize("num_draws", [1, 1000])
def test_too_few_draws_are_seen_and_nothing_is_written(tmp_path, num_draws):
    job = Job(
        task=SMALL,
        layout=Layout(8),
        staging=StagedDirectory(tmp_path),
        num_draws=num_draws,
        windows=Windows.around(SMALL),
    )
    assert run_pipeline(job, pipeline_options([])) is None
    assert shards_in(tmp_path) == {}


def test_as_many_draws_as_are_used_are_enough(tmp_path):
    expected = reference.dataset(SMALL)
    job = Job(
        task=SMALL,
        layout=Layout(8),
        staging=StagedDirectory(tmp_path),
        num_draws=expected.draws_used,
        windows=Windows.around(SMALL),
    )
    written = run_pipeline(job, pipeline_options([]))
    assert written.draws_used == expected.draws_used
    assert run_pipeline(dataclasses.replace(job, num_draws=expected.draws_used - 1), pipeline_options([])) is None


@pytest.fixture(scope="module")
def enough(make):
    """The files of a run whose draws are enough."""
    directory = make(SMALL, parquet=True)
    assert tfrecords(directory) == by_the_loop(reference.dataset(SMALL), 8)
    return files(directory)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        # In one run in 10^9 there are too few draws, or a window is too narrow. Here it happens in every run.
        (coverage, "num_draws", lambda task: 1400),
        (cutoff, "DRAW_WIDTH", 0.2),
        (cutoff, "SPLIT_WIDTH", 0.1),
    ],
    ids=["draws", "window of draws", "window of hashes"],
)
def test_a_run_that_falls_short_draws_further(make, enough, tmp_path, monkeypatch, module, name, value):
    monkeypatch.setattr(module, name, value)
    job = Job(
        task=SMALL,
        layout=Layout(8),
        staging=StagedDirectory(tmp_path),
        num_draws=coverage.num_draws(SMALL),
        windows=Windows.around(SMALL),
    )
    assert run_pipeline(job, pipeline_options([])) is None
    assert files(make(SMALL, parquet=True)) == enough


@pytest.mark.parametrize("task", [Task("pq", digits=3, num_examples=10), Task(digits=1, num_examples=56)], ids=str)
def test_refuses_what_cannot_be_drawn(tmp_path, task):
    with pytest.raises(InputError):
        write_dataset(task, Layout(8), StagedDirectory(tmp_path), pipeline_options([]))
    assert files(tmp_path) == {}


@given(small_tasks(max_examples=100), st.integers(1, 9), st.randoms())
def test_blocks_of_a_shard_may_come_in_any_order(task, num_shards, random_):
    job = CutAnyhow(
        task=task, layout=Layout(num_shards), staging=StagedDirectory(Path()),
        num_draws=max(20, coverage.num_draws(task)), windows=Windows.around(task), seed=6,
    )  # fmt: skip
    by_key: dict[int, list[bytes]] = {}
    for chunk in sorted(job.chunks):
        for shard, block in by_shard(draw(job, chunk)):
            by_key.setdefault(shard, []).append(block)
    # The first chunk gives every shard a block, even an empty one.
    assert sorted(by_key) == list(range(num_shards))
    for shard, of_shard in by_key.items():
        in_order = deduplicate(job, (shard, of_shard))
        assert in_order == deduplicate(job, (shard, random_.sample(of_shard, len(of_shard))))


def test_only_draw_numbers_are_shuffled():
    """The GroupByKeys carry chunk numbers, draw numbers, and small global combines."""
    pipeline = beam.Pipeline(options=pipeline_options([]))
    job = Job(
        task=Task(),
        layout=Layout(8),
        staging=StagedDirectory(Path("/nowhere")),
        num_draws=150_000,
        windows=Windows.around(Task()),
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
    """The counters of a run, which the engine's web page shows."""
    with tempfile.TemporaryDirectory() as name:
        pipeline = beam.Pipeline(options=pipeline_options([]))
        job = Job(
            task=SMALL,
            layout=Layout(8),
            staging=StagedDirectory(Path(name)),
            num_draws=3000,
            windows=Windows.around(SMALL),
        )
        build(job, pipeline)
        result = pipeline.run()
        result.wait_until_finish()
        found = collections.Counter()
        # Two steps drop duplicates: Draw and Deduplicate.
        for counter in result.metrics().query(MetricsFilter().with_namespace("seq2seq_arith"))["counters"]:
            found[counter.key.metric.name] += counter.committed
        size = sum(map(len, tfrecords(Path(name)).values()))
    distinct = len({reference.key(SMALL, *reference.draw(SMALL, i)) for i in range(3000)})
    assert found == {"draws": 3000, "duplicates": 3000 - distinct, "examples": 1000, "bytes": size, "shards": 8}


def test_nothing_but_the_dataset_is_left(enough):
    expected = [
        path
        for split in SPLITS
        for shard in range(8)
        for path in (tfrecord_path(split, shard, 8), parquet_path(split, shard, 8))
    ]
    assert sorted(enough) == sorted([*expected, "dataset_info.json", "features.json", "metadata.json"])


@pytest.mark.parametrize(
    ("num_shards", "num_draws", "size"),
    [(8, 150_000, 2**16), (1024, 10**9, 2**20), (2**13, 10**10, 2**21), (2**20, 10**12, 2**24)],
)  # fmt: skip
def test_chunks_grow_with_the_shards(num_shards, num_draws, size):
    job = Job(
        task=Task(digits=9),
        layout=Layout(num_shards),
        staging=StagedDirectory(Path()),
        num_draws=num_draws,
        windows=Windows(0, 0, 0),
    )
    assert job.chunks[1] == (size, min(2 * size, num_draws))
