"""Manifests: the checksums of very many files, which everything that reads a dataset finds in either place."""

import hashlib
import json
from pathlib import Path

import programs
import pytest
import stored
import tensorflow_datasets as tfds
from rewriting import rewritten
from stored import LAYOUTS, TASK, make, objects

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.pipelines.checking.metadata import read_checked, read_digests
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.fetch import fetch
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.catalog import _metadata
from seq2seq_arith.pipelines.formats.layout import SPLITS, Layout, dataset_path, read_metadata
from seq2seq_arith.pipelines.places.staging import Tally
from seq2seq_arith.pipelines.publishing.upload import Upload

LAYOUT = LAYOUTS["three"]
NAMES = ["manifests/00000-of-00002.json", "manifests/00001-of-00002.json"]


@pytest.fixture
def few(monkeypatch) -> None:
    """Three shards are many, and have two manifests."""
    monkeypatch.setattr(manifests, "FEW_SHARDS", 2)
    monkeypatch.setattr(manifests, "MOST", 2)


@pytest.fixture
def directory(few, tmp_path) -> Path:
    """A dataset with manifests on the disk."""
    make(TASK, LAYOUT, tmp_path / "data")
    return dataset_path(tmp_path / "data", TASK)


def shards(files: dict[str, bytes]) -> dict[str, bytes]:
    return {Path(name).name: content for name, content in files.items() if "-of-" in name and "manifests" not in name}


def test_the_shards_are_the_same(directory, local):
    assert shards(programs.files(directory)) == shards(local["three"])
    metadata = read_metadata(directory)
    assert set(metadata["files"]) == {*NAMES, "dataset_info.json", "features.json"}
    _, layout, _ = read_checked(directory)
    assert layout == LAYOUT == Layout.of_metadata(metadata)
    of_files = json.loads(local["three"][f"seq2seq_arith/{TASK.config_name}/1.0.0/metadata.json"])["files"]
    found = read_digests(directory, layout, metadata)
    assert {name: digest for name, digest in found.items() if name not in NAMES} == of_files


def test_everything_reads_it(directory, tmp_path):
    assert verify(directory).problems == []
    assert verify(directory, quick=True).problems == []
    again = programs.run_here(*stored.GENERATE, *stored.THREE, f"--data-dir={tmp_path / 'data'}")
    assert "is there already" in again.stdout
    copied, _, is_new = fetch(directory, tmp_path / "copy")
    assert is_new
    assert programs.files(copied) == programs.files(directory)
    builder = tfds.builder_from_directory(str(directory))
    assert builder.info.splits["train"].num_examples == TASK.num_train
    assert len(list(builder.as_dataset("train"))) == TASK.num_train
    assert programs.run_here("show", directory).returncode == 0
    assert programs.run_here("card", tmp_path / "data").returncode == 0


def test_large_datasets_of_earlier_programs_are_read(tmp_path, monkeypatch, local):
    """Their metadata.json names every file."""
    make(TASK, LAYOUT, tmp_path / "data")
    path = dataset_path(tmp_path / "data", TASK)
    monkeypatch.setattr(manifests, "FEW_SHARDS", 2)
    assert verify(path).problems == []
    again = programs.run_here(*stored.GENERATE, *stored.THREE, f"--data-dir={tmp_path / 'data'}")
    assert "nothing was done" in again.stdout
    assert programs.without_lock(tmp_path / "data") == local["three"]


def test_small_datasets_may_not_have_them(directory, monkeypatch):
    monkeypatch.setattr(manifests, "FEW_SHARDS", 3)
    assert verify(directory).problems == [f"{directory / 'metadata.json'}: its files are not those of its parameters"]


def other_names(path: Path) -> None:
    """Gives a shard another name, and makes the checksums right."""
    found = json.loads((path / NAMES[1]).read_text())
    found["elsewhere"] = found.pop(next(iter(found)))
    (path / NAMES[1]).write_text(json.dumps(found))
    digest = hashlib.sha256((path / NAMES[1]).read_bytes()).hexdigest()
    rewritten(path, lambda metadata: metadata["files"].update({NAMES[1]: digest}))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: (path / NAMES[1]).unlink(), "its manifests/00001-of-00002.json cannot be read (No such file"),
        (lambda path: (path / NAMES[1]).write_text("{}"), "its manifests/00001-of-00002.json does not have the sha256"),
        (other_names, "its manifests/00001-of-00002.json does not name the files of its shards"),
        (lambda path: rewritten(path, lambda metadata: metadata.pop("formats")), "its files are not those of its"),
        (
            lambda path: rewritten(path, lambda metadata: metadata.update(formats=["parquet"])),
            "formats is ['parquet'], not",
        ),
    ],
    ids=["missing", "damaged", "other names", "no formats", "other formats"],
)
def test_damages_are_named(directory, tmp_path, damage, problem):
    damage(directory)
    (found,) = verify(directory).problems
    assert found.startswith(f"{directory / 'metadata.json'}: {problem}")
    with pytest.raises(InputError, match="arith-data verify"):
        fetch(directory, tmp_path / "copy")
    assert not dataset_path(tmp_path / "copy", TASK).exists()


def test_a_damaged_shard_is_named(directory):
    shard = LAYOUT.paths("train", 2)[0]
    (directory / shard).write_bytes(b"")
    assert any(f"{directory / shard}: does not have the sha256" in problem for problem in verify(directory).problems)


def test_in_a_store(few, data_dir, with_beam, tmp_path):
    """Workers write the manifests there; the files are those of the disk, and others take their place."""
    for layout in (LAYOUT, LAYOUTS["two"], LAYOUT):
        make(TASK, layout, data_dir, overwrite=True)
        path = dataset_path(data_dir, TASK)
        assert verify(path).problems == []
        here = tmp_path / str(layout.num_shards)
        if not here.exists():
            make(TASK, layout, here)
        assert objects(data_dir) == programs.without_lock(here)
    copied, _, _ = fetch(path, tmp_path / "copy")
    assert objects(path) == programs.files(copied)


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_a_shard_that_another_run_changes_before_the_end(few, data_dir, with_beam, monkeypatch, change):
    """The program knows no version of a single shard, but it knows what stands for all versions of a manifest."""
    path, shard = dataset_path(data_dir, TASK), LAYOUT.paths("train", 1)[0]
    known = Upload.expect_tallies

    def changed(self, tallies):
        if change == "replaced":
            (path / shard).write_text("another")
        else:
            (path / shard).unlink()
        known(self, tallies)

    words = "a file of the shards 0 to 1 of .* was removed or replaced by another run while this one went on"
    with monkeypatch.context() as patch, pytest.raises(StoreError, match=words):
        patch.setattr(Upload, "expect_tallies", changed)
        make(TASK, LAYOUT, data_dir)
    assert not (path / "dataset_info.json").is_file()
    # The marker names the other shard now, which is not replaced unasked.
    make(TASK, LAYOUT, data_dir, overwrite=change == "replaced")
    assert verify(path).problems == []


@pytest.mark.parametrize("num_shards", [10_001, 2**14, 2**20, 2**24])
def test_metadata_stay_small(num_shards):
    """Below 100 kB; and the manifests name every shard once."""
    layout = Layout(num_shards)
    names = manifests.names(layout)
    assert len(names) <= 256
    files = dict.fromkeys([*names, "dataset_info.json", "features.json"], 64 * "0")
    metadata = _metadata(Task(digits=9, num_examples=10**12), layout, 10**13, files, has_manifests=True)
    assert len(json.dumps(metadata)) < 100_000
    ranges = [manifests.shards_of(layout, number) for number in range(len(names))]
    assert [ranges[0].start, *(part.stop for part in ranges)] == [*(part.start for part in ranges), num_shards]
    assert all(
        manifests.number_of(layout, shard) == n for n, part in enumerate(ranges) for shard in (part[0], part[-1])
    )
    assert all(map(manifests.is_manifest, names))


def test_manifests_begin_where_metadata_would_be_large():
    assert [manifests.are_used(Layout(number)) for number in (8, 10_000, 10_001)] == [False, False, True]


def test_a_tally_stands_for_names_and_versions():
    files = [("a", "1"), ("b", "2"), ("c", "3")]
    assert Tally.of(files) == Tally.of(reversed(files))
    for other in (files[:2], [*files[:2], ("c", "4")], [("a", "2"), ("b", "1"), ("c", "3")], [*files, ("c", "3")]):
        assert Tally.of(other) != Tally.of(files)
    assert Tally.of([]) == Tally()


@pytest.mark.slow
def test_as_many_shards_as_share_partitions_and_have_manifests(request):
    """Nothing is made smaller here: 16,384 shards hold the same sequence as eight."""
    task = Task(digits=7, num_examples=1_700_000)
    many, few = (request.getfixturevalue("make")(task, num_shards) for num_shards in (2**14, 8))
    for split in SPLITS:
        read_in_turn = [
            hashlib.sha256(b"".join(path.read_bytes() for path in sorted(directory.glob(f"*-{split}.tfrecord-*"))))
            for directory in (many, few)
        ]
        assert read_in_turn[0].digest() == read_in_turn[1].digest()
    assert len(list(many.glob("manifests/*"))) == 256
    assert (many / "metadata.json").stat().st_size < 100_000
    assert tfds.builder_from_directory(str(many)).info.splits["train"].num_shards == 2**14
