"""Datasets in object stores: after every change that a run makes, a reader finds a whole dataset or none.

The store is in this process; the slow tests repeat the same with real clients against emulators of real stores, and
``tests/soak.py`` kills and stops runs at any moment.
"""

import pytest
from programs import run_here
from stored import GENERATE, LAYOUTS, TASK, THREE, TWO, make, nothing_or_all, objects, write

from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.default_config import default_path
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.publishing import stores
from seq2seq_arith.pipelines.publishing.stores import StorePublisher
from seq2seq_arith.pipelines.publishing.upload import Upload
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import ObjectPath
from seq2seq_arith.pipelines.storage.staging import REPORT


def test_an_upload_that_fails_leaves_nothing(data_dir, tmp_path):
    with pytest.raises(ZeroDivisionError), Upload(data_dir, "token", tmp_path).whole_file("file") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert objects(data_dir) == {}


def test_the_bytes_of_a_local_run(data_dir, local, with_beam):
    for _ in range(2):
        process = run_here(*GENERATE, *THREE, "--data-dir", data_dir)
        assert process.returncode == 0, process.stderr
        assert objects(data_dir) == local["three"]
    assert "is there already, complete and as asked for; nothing was done" in process.stdout
    assert f"fetch it with: arith-data fetch {dataset_path(data_dir, TASK)} DIR" in process.stdout
    assert ("tfds.load" in process.stdout) == (not data_dir.url.startswith("s3://"))


@pytest.mark.parametrize("before", [None, "three", "two"])
def test_a_reader_at_any_moment(data_dir, local, before, monkeypatch):
    """After each change in the store: no dataset, or a whole one."""
    path = dataset_path(data_dir, TASK)
    if before:
        make(TASK, LAYOUTS[before], data_dir)
    seen = []
    monkeypatch.setattr(stores, "AT_ONCE", 1)
    for name in ("put", "upload", "remove", "unlink"):
        changed = getattr(ObjectPath, name)

        def observed(self, *arguments, changed=changed, name=name):
            result = changed(self, *arguments)
            seen.append(nothing_or_all(path))
            return result

        monkeypatch.setattr(ObjectPath, name, observed)
    make(TASK, LAYOUTS["three"], data_dir, overwrite=True)
    monkeypatch.undo()
    assert objects(data_dir) == local["three"]
    # Visible from the beginning or not, and only where layouts change without a dataset for a moment.
    shows = "".join("-+"[visible] for visible in seen).strip("-" if before is None else "")
    assert set(shows) == ({"+"} if before != "two" else {"-", "+"})
    assert shows.count("+-") == (before == "two")
    assert shows.count("-") == (2 if before == "two" else 0)


def test_a_damaged_file_is_repaired(data_dir, local):
    """The default config without ``--overwrite``, too."""
    path, default = dataset_path(data_dir, TASK), data_dir / "seq2seq_arith" / ".config" / "metadata.json"
    make(TASK, LAYOUTS["three"], data_dir)
    default.put(b"")
    make(TASK, LAYOUTS["three"], data_dir)
    assert objects(data_dir) == local["three"]
    for name in ("dataset_info.json", "features.json", LAYOUTS["three"].paths("train", 1)[0]):
        (path / name).put(b"damaged")
    make(TASK, LAYOUTS["three"], data_dir, overwrite=True)
    assert objects(data_dir) == local["three"]


def test_a_lost_file_and_other_files_are_refused(data_dir, local):
    path = dataset_path(data_dir, TASK)
    make(TASK, LAYOUTS["three"], data_dir)
    process = run_here(*GENERATE, *TWO, "--data-dir", data_dir)
    assert process.returncode == 2
    assert "give --overwrite" in process.stderr
    assert objects(data_dir) == local["three"]
    lost = LAYOUTS["three"].paths("train", 1)[0]
    (path / lost).unlink()
    process = run_here(*GENERATE, *THREE, "--data-dir", data_dir)
    assert process.returncode == 2
    assert f"has lost its file {lost}" in process.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("thesis.txt", "and is not a dataset of this program; move that away"),
        ("metadata.json", "is not a dataset of this program"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_ours_is_left_alone(data_dir, name, sentence, overwrite):
    (dataset_path(data_dir, TASK) / name).put(b"years of work")
    before = objects(data_dir)
    with pytest.raises(InputError, match=sentence):
        make(TASK, LAYOUTS["three"], data_dir, overwrite=overwrite)
    assert objects(data_dir) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreError])
def test_failure_leaves_what_was_there(data_dir, local, error):
    """And shards, if no dataset is there: the next run of their layout uses them, and another one removes them."""
    path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
    for before in ({}, local["three"]):
        with pytest.raises(error), StorePublisher(path).staged(layout) as directory:
            write(layout, directory)
            raise error
        left = {name for *_, name in layout.shard_files()}
        assert objects(data_dir) == before if before else set(objects(path)) == left
        make(TASK, LAYOUTS["three"], data_dir, overwrite=True)
        assert objects(data_dir) == local["three"]


@pytest.mark.parametrize("error", [StoreError("out of order"), KeyboardInterrupt()])
def test_failures_after_publishing(data_dir, local, monkeypatch, error):
    def failing(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(stores, "_remove_strays", failing)
        make(TASK, LAYOUTS["three"], data_dir)
        assert objects(data_dir) == local["three"]
        assert run_here(*GENERATE, *TWO, "--overwrite", "--data-dir", data_dir.url).returncode == 0
    put = ObjectPath.put
    monkeypatch.setattr(ObjectPath, "put", failing)  # as of an account that may only read
    process = run_here(*GENERATE, *TWO, "--data-dir", data_dir.url)
    assert (process.returncode, "nothing was done" in process.stdout) == (0, True)
    monkeypatch.setattr(ObjectPath, "put", lambda self, *rest: failing() if ".config" in self.url else put(self, *rest))
    default_path(dataset_path(data_dir, TASK).parents[1]).unlink()
    for overwrite in ([], ["--overwrite"]):
        process = run_here(*GENERATE, *TWO, *overwrite, "--data-dir", data_dir.url)
        assert process.returncode == (130 if isinstance(error, KeyboardInterrupt) else 1)
        (line,) = (line for line in process.stderr.splitlines() if line.startswith("arith-data: "))
        assert line == (
            f"arith-data: {dataset_path(data_dir, TASK)} is complete, but the default config could "
            f"not be written ({str(error) or 'stopped'}); run this again"
        )


def test_reports_of_other_runs(data_dir, local, monkeypatch):
    """A run that publishes leaves them, for they are about to be read, and removes those that are too old for that."""
    path = dataset_path(data_dir, TASK)
    report = path.parents[0] / "1.0.0.incomplete-1" / ".report.json"
    report.put(b"null")
    make(TASK, LAYOUTS["three"], data_dir)
    assert report.is_file()
    monkeypatch.setattr(stores, "OLD_SECONDS", -60)
    make(TASK, LAYOUTS["three"], data_dir, overwrite=True)
    assert objects(data_dir) == local["three"]


class Death(BaseException):
    """Stands for the death of the process: after it, nothing more of the run happens in the store."""


def died(before_change: int, *arguments: object) -> bool:
    """Runs ``arith-data`` up to one of the changes that make a dataset of the shards; False if there were fewer."""
    left, publish = before_change, stores._publish

    def dying(*arguments):
        def counted(change):
            def changed(*arguments):
                nonlocal left
                left -= 1
                if left < 0:
                    raise Death
                return change(*arguments)

            return changed

        for name in ("put", "remove", "unlink"):
            patch.setattr(ObjectPath, name, counted(getattr(ObjectPath, name)))
        return publish(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "_publish", dying)
        try:
            assert run_here(*arguments).returncode == 0
        except Death:
            return True
    return False


def without_reports(data_dir) -> dict[str, bytes]:
    """All objects but the reports of runs that died: the next run may need them, for a day."""
    return {name: content for name, content in objects(data_dir).items() if not name.endswith(REPORT)}


@pytest.mark.parametrize("before_change", range(4))
def test_death_between_the_shards_and_the_dataset(data_dir, local, before_change):
    """Before features.json, before the marker, before the last file, and after it."""
    path = dataset_path(data_dir, TASK)
    assert died(before_change, *GENERATE, *TWO, "--data-dir", data_dir)
    assert set(LAYOUTS["two"].paths("train", 1)) <= set(paths.sizes(path))
    if before_change < 2:
        assert read_metadata(path) is None
    if before_change < 3:
        assert not (path / "dataset_info.json").is_file()
        assert run_here("fetch", path, "nowhere").returncode == 2
    layout_options, name = (THREE, "three") if before_change < 2 else (TWO, "two")
    process = run_here(*GENERATE, *layout_options, "--data-dir", data_dir)
    assert process.returncode == 0, process.stderr
    assert without_reports(data_dir) == local[name]


def test_death_between_the_marker_and_the_last_file_of_another_layout(data_dir, local, monkeypatch):
    """Such a run cannot be told from one that still writes, until an hour has passed."""
    path = dataset_path(data_dir, TASK)
    assert died(2, *GENERATE, *TWO, "--data-dir", data_dir)
    (path / LAYOUTS["two"].paths("train", 1)[0]).unlink()
    refused = run_here(*GENERATE, *THREE, "--data-dir", data_dir)
    assert refused.returncode == 75
    assert "another run has begun to publish" in refused.stderr
    with (
        monkeypatch.context() as patch,
        pytest.raises(InputError, match="so it was probably killed; give its options to complete"),
    ):
        patch.setattr(stores, "PUBLISHING_SECONDS", 0.0)
        make(TASK, LAYOUTS["three"], data_dir)
    # One of the same layout makes what is lost as well.
    for layout_options, name in ((TWO, "two"), ((*THREE, "--overwrite"), "three")):
        process = run_here(*GENERATE, *layout_options, "--data-dir", data_dir)
        assert process.returncode == 0, process.stderr
        assert without_reports(data_dir) == local[name]


@pytest.mark.parametrize("before_change", [1, 2, 5])
def test_death_while_a_dataset_is_replaced(data_dir, local, before_change):
    """Before features.json, while the old dataset is withdrawn, and among the old shards that are removed."""
    path = dataset_path(data_dir, TASK)
    make(TASK, LAYOUTS["three"], data_dir)
    assert died(before_change, *GENERATE, *TWO, "--data-dir", data_dir, "--overwrite")
    nothing_or_all(path)
    process = run_here(*GENERATE, *TWO, "--data-dir", data_dir, "--overwrite")
    assert process.returncode == 0, process.stderr
    assert without_reports(data_dir) == local["two"]


@pytest.mark.parametrize("first", ["three", "two"])
def test_the_one_that_ends_first_makes_it(data_dir, local, first):
    (second,) = set(LAYOUTS) - {first}
    path = dataset_path(data_dir, TASK)
    with pytest.raises(InputError, match="another run has made"), StorePublisher(path).staged(LAYOUTS[second]) as late:
        with StorePublisher(path).staged(LAYOUTS[first]) as early:
            for directory, name in ((late, second), (early, first)):
                write(LAYOUTS[name], directory)
        write(LAYOUTS[second], late)
    StorePublisher(path).name_default()
    assert objects(data_dir) == local[first]


def test_the_same_twice(data_dir, local):
    path, layout = dataset_path(data_dir, TASK), LAYOUTS["three"]
    with StorePublisher(path).staged(layout) as late, StorePublisher(path).staged(layout) as early:
        for directory in (late, early):
            write(layout, directory)
    StorePublisher(path).name_default()
    assert objects(data_dir) == local["three"]


@pytest.mark.parametrize("data_dir", ["memory"], indirect=True)
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "another run's"])
def test_a_marker_whose_conditional_write_is_refused(data_dir, monkeypatch, ours):
    """It was done before, and its answer was lost; or another run was faster, and its dataset stands."""
    other, put, lost = ObjectPath(f"{data_dir.url}-other"), ObjectPath.put, []
    make(TASK, LAYOUTS["two"], other)
    theirs = paths.read_bytes(dataset_path(other, TASK) / "metadata.json")

    def refused(self, content, *condition):
        if not self.url.endswith("1.0.0/metadata.json"):
            return put(self, content, *condition)
        lost.append(put(self, content if ours else theirs))
        return None

    monkeypatch.setattr(ObjectPath, "put", refused)
    if ours:
        make(TASK, LAYOUTS["three"], data_dir)
        assert verify(dataset_path(data_dir, TASK)).problems == []
    else:
        with pytest.raises(InputError):
            make(TASK, LAYOUTS["three"], data_dir)
        assert paths.read_bytes(dataset_path(data_dir, TASK) / "metadata.json") == theirs
    assert len(lost) == 1


@pytest.mark.parametrize("data_dir", ["memory"], indirect=True)
def test_the_same_again_while_another_layout_replaces_it(data_dir, monkeypatch):
    """The other run has withdrawn the dataset, and its marker stands: nothing of this one becomes visible."""
    other, path, put = ObjectPath(f"{data_dir.url}-other"), dataset_path(data_dir, TASK), ObjectPath.put
    make(TASK, LAYOUTS["two"], data_dir)
    make(TASK, LAYOUTS["three"], other)
    theirs = paths.read_bytes(dataset_path(other, TASK) / "metadata.json")

    def overtaken(self, content, *condition):
        if self.name == "features.json":
            (path / "dataset_info.json").unlink()
            put(path / "metadata.json", theirs)
        return put(self, content, *condition)

    monkeypatch.setattr(ObjectPath, "put", overtaken)
    publisher, layout = StorePublisher(path), LAYOUTS["two"]
    with pytest.raises(InputError), publisher.staged(layout, overwrite=True) as late:
        write(layout, late)
    assert not (path / "dataset_info.json").is_file()


def test_shards_that_another_run_removed(data_dir):
    path, layout = dataset_path(data_dir, TASK), LAYOUTS["two"]
    with pytest.raises(StoreError, match="was removed by another run"), StorePublisher(path).staged(layout) as late:
        write(layout, late)
        (path / layout.paths("train", 0)[0]).unlink()
    assert not nothing_or_all(path)
    make(TASK, layout, data_dir)
    assert verify(path).problems == []
