"""A job that outlives the program which started it: its dataset is published from the report, and nothing is drawn."""

import contextlib
import dataclasses
import errno
import json
import re
import shlex
import shutil
import uuid
from pathlib import Path

import memory_store
import pytest
from programs import ends_as_told, files, run_here, without_lock
from stored import GENERATE, LAYOUTS, TASK, THREE, TWO, make, objects

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig, Builder
from seq2seq_arith.pipelines import create
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.beam.options import default_threads, pipeline_options
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import Layout, dataset_path
from seq2seq_arith.pipelines.order import Order, publisher_of
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.pipelines.places.staging import REPORT
from seq2seq_arith.pipelines.publish import check_space, finished_run
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.steps import pipeline
from seq2seq_arith.pipelines.steps.run import generate

LAYOUT = LAYOUTS["three"]
NO_REPORT = "is no report of this version that can be read; run arith-data generate again"


@pytest.fixture(params=["disk", "store"])
def place(request, tmp_path, monkeypatch):
    """A data directory on the disk, and one in a store."""
    if request.param == "disk":
        return tmp_path
    monkeypatch.setitem(clients.CLIENTS, memory_store.SCHEME, memory_store.MemoryStore)
    return ObjectPath(f"{memory_store.SCHEME}://{uuid.uuid4().hex}/data")


def found(place) -> dict[str, bytes]:
    return objects(place) if isinstance(place, ObjectPath) else without_lock(place)


def finished(place, layout: Layout = LAYOUT) -> None:
    """What an engine's job leaves whose program was killed before it could publish."""
    options, publisher = pipeline_options([]), publisher_of(dataset_path(place, TASK))
    with contextlib.suppress(SubmittedError), publisher.staged(layout, outlives=True) as staging:
        generate(TASK, layout, staging, options, default_threads(options))
        raise SubmittedError("")


def running(place) -> Path:
    """The folder of a job that is still writing, and whose program is gone."""
    with contextlib.suppress(SubmittedError), publisher_of(dataset_path(place, TASK)).staged(outlives=True) as staging:
        (staging.path / "shard").touch()
        raise SubmittedError("")
    return staging.path


def test_the_bytes_of_a_run_that_was_not_killed(place, local, monkeypatch):
    finished(place)
    path = dataset_path(place, TASK)
    monkeypatch.setattr(pipeline, "draw", None)
    process = run_here("publish", path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[0] == f"{path} is published, with 200 examples; nothing was drawn"
    assert found(place) == local["three"]
    for more in ([], ["--overwrite"]):
        again = run_here("publish", path, *more)
        assert again.returncode == 0, again.stderr
        said = again.stdout.splitlines()[0]
        assert said == f"{path} is there already, with 200 examples; no other finished run waits there"
    assert found(place) == local["three"]


def test_without_a_finished_run(place):
    """There is nothing to publish, and no dataset either, or one that has lost a file."""
    path = dataset_path(place, TASK)
    process = run_here("publish", path)
    assert process.returncode == 2
    assert f"there is no finished run at {path}; look whether the engine's job has ended" in process.stderr
    make(TASK, LAYOUT, place)
    right = found(place)
    (path / "features.json").unlink()
    process = run_here("publish", path)
    assert process.returncode == 2
    words = f"{path} has lost its file features.json; make the dataset anew with: arith-data "
    assert process.stderr.startswith(f"arith-data: {words}")
    assert run_here(*shlex.split(process.stderr.partition(words)[2])).returncode == 0
    assert found(place) == right


def test_the_same_command_publishes_what_a_job_has_left(tmp_path, local, monkeypatch):
    finished(tmp_path)
    (folder,) = dataset_path(tmp_path, TASK).parent.iterdir()
    monkeypatch.setattr(pipeline, "draw", None)
    process = run_here(*GENERATE, *THREE, "--data-dir", tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr == f"a job that has ended left the files in {folder}; nothing is drawn\n"
    assert found(tmp_path) == local["three"]


@pytest.mark.parametrize("asked", [[*THREE, "--overwrite"], TWO], ids=["anew", "another layout"])
def test_finished_files_stay_while_another_dataset_is_made(tmp_path, local, asked):
    """They can still be published, for a day."""
    finished(tmp_path)
    path = dataset_path(tmp_path, TASK)
    (folder,) = path.parent.iterdir()
    for _ in range(2):  # the second time, only leftovers are looked at
        process = run_here(*GENERATE, *asked, "--data-dir", tmp_path)
        assert (process.returncode, process.stderr) == (0, "")
        assert {entry.name for entry in path.parent.iterdir()} == {"1.0.0", folder.name}
    assert run_here("publish", path, "--overwrite").returncode == 0
    assert found(tmp_path) == local["three"]


def test_finished_files_that_are_damaged(tmp_path, local):
    finished(tmp_path)
    path = dataset_path(tmp_path, TASK)
    (folder,) = path.parent.iterdir()
    lost = LAYOUT.paths("train", 1)[0]
    (folder / lost).unlink()
    command = (*GENERATE, *THREE, "--data-dir", tmp_path)
    words = f"{folder} has lost its file {lost}; run arith-data generate with --overwrite to make the dataset anew\n"
    for refused in (run_here("publish", path), run_here(*command)):
        assert refused.returncode == 2
        assert refused.stderr.endswith(words)
        assert not path.exists()
    assert run_here(*command, "--overwrite").returncode == 0
    assert verify(path).problems == []


def test_a_job_that_is_still_writing(tmp_path, local):
    """Its folder stays whatever is typed, and publishing waits for it."""
    folder = running(tmp_path)
    path = dataset_path(tmp_path, TASK)
    for _ in range(2):
        process = run_here("publish", path)
        assert process.returncode == 2
        assert f"there is no finished run at {path} yet; look whether the engine's job has ended" in process.stderr
        process = run_here(*GENERATE, *THREE, "--data-dir", tmp_path)
        assert process.returncode == 0
        assert files(folder) == {"shard": b""}
        assert verify(path).problems == []
    path.rename(tmp_path / "away")
    process = run_here(*GENERATE, *THREE, "--data-dir", tmp_path)
    words = f"a job of an earlier run may still be writing; when it has ended: arith-data publish {path}\n"
    assert (process.returncode, process.stderr) == (0, words)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["new", "replaced"])
def test_a_job_has_ended_and_publishing_fails(tmp_path, local, monkeypatch, overwrite):
    """The files of the job stay, and the last line says what makes a dataset of them."""
    path = dataset_path(tmp_path, TASK)
    if overwrite:
        assert run_here(*GENERATE, *TWO, "--data-dir", tmp_path).returncode == 0
    before = found(tmp_path)

    def full(_: object, directory: Path) -> None:
        assert not (directory / REPORT).exists()  # at no moment is it in a folder with a dataset's name
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(create, "job_outlives_program", lambda _: True)
    with monkeypatch.context() as patch:
        patch.setattr(DirectoryPublisher, "_take_name", full)
        process = run_here(*GENERATE, *THREE, "--data-dir", tmp_path, *overwrite)
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    reason, command = line.split("make the dataset visible with: arith-data ")
    assert reason == (
        f"arith-data: {path} could not be written: No space left on device; the job has ended, and its files are kept; "
        "make room, then "
    )
    monkeypatch.setattr(pipeline, "draw", None)
    with monkeypatch.context() as patch:
        patch.setattr(DirectoryPublisher, "_take_name", full)
        process = run_here(*shlex.split(command))  # and it fails once more
    assert process.returncode == 1
    assert found(tmp_path).items() >= before.items()
    assert len(list(path.parent.glob(f"*/{REPORT}"))) == 1
    assert run_here(*shlex.split(command)).returncode == 0
    assert found(tmp_path) == local["three"]


def test_a_run_is_killed_while_its_report_is_set_aside(tmp_path, local, monkeypatch):
    """The next one puts it back."""
    finished(tmp_path)
    path = dataset_path(tmp_path, TASK)
    (report,) = publisher_of(path).finished()
    report.rename(report.parent.with_name(f"{report.parent.name}{REPORT}"))
    monkeypatch.setattr(pipeline, "draw", None)
    assert run_here("publish", path).returncode == 0
    assert found(tmp_path) == local["three"]


def test_a_failed_run_does_not_take_the_files_of_another_for_its_own(tmp_path, monkeypatch):
    """With --overwrite, older files would not be those that were asked for."""
    finished(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(create, "generate", full)
    process = run_here(*GENERATE, *THREE, "--overwrite", "--data-dir", tmp_path)
    assert process.returncode == 1
    assert ends_as_told(process.stderr.splitlines()[-1], "could not be written: No space left on device")


@pytest.mark.parametrize("by", ["the program", "TFDS"])
def test_finished_files_need_no_more_room(tmp_path, local, monkeypatch, by):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    order = Order.of(TASK, LAYOUT, tmp_path)
    with pytest.raises(InputError, match="make room"):
        check_space(order)
    finished(tmp_path)
    check_space(order)
    for other in (Order.of(TASK, LAYOUTS["two"], tmp_path), dataclasses.replace(order, overwrite=True)):
        with pytest.raises(InputError, match="make room"):
            check_space(other)
    monkeypatch.setattr(pipeline, "draw", None)
    if by == "TFDS":
        Builder(data_dir=tmp_path, config=ArithConfig(num_examples=200, num_shards=3)).download_and_prepare()
    else:
        process = run_here(*GENERATE, *THREE, "--data-dir", tmp_path)
        assert process.returncode == 0, process.stderr
    assert found(tmp_path) == local["three"]


def test_with_manifests(place, tmp_path, monkeypatch):
    """The report of a very large run counts by manifest, and names no shard."""
    monkeypatch.setattr(manifests, "FEW_SHARDS", 2)
    monkeypatch.setattr(manifests, "MOST", 2)
    finished(place)
    path = dataset_path(place, TASK)
    report = json.loads(publisher_of(path).finished()[-1].read_text())
    assert (report["shards"], [each["number"] for each in sorted(report["manifests"], key=str)]) == ([], [0, 1])
    assert run_here("publish", path).returncode == 0
    make(TASK, LAYOUT, tmp_path / "again")
    assert found(place) | without_lock(tmp_path / "again") == found(place)
    assert verify(path).problems == []


def test_a_run_that_another_has_overtaken(place, local):
    """The dataset was made while its job ran."""
    make(TASK, LAYOUT, place)
    finished(place)
    path = dataset_path(place, TASK)
    assert len(publisher_of(path).finished()) == 1
    process = run_here("publish", path)
    assert process.returncode == 0, process.stderr
    said = process.stdout.splitlines()[0]
    told, command = said.split("arith-data ")
    words = "is there already, with 200 examples; a finished run waits there, which takes its place with: "
    assert told == f"{path} {words}"
    process = run_here(*shlex.split(command))
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[0] == f"{path} is published, with 200 examples; nothing was drawn"
    assert found(place) == local["three"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda report: report | {"shards": []}, "the draws of the run at .* did not suffice; run arith-data generate"),
        (lambda report: report | {"parameters": Task().parameters()}, "is the report of addition; leave it"),
        (lambda report: {"draws_used": 5, "shards": []}, NO_REPORT),
        (lambda report: [report], NO_REPORT),
        (lambda report: "report", NO_REPORT),
        (lambda report: None, NO_REPORT),
        (lambda report: report | {"shards": [1]}, NO_REPORT),
        (lambda report: report | {"manifests": ["x"]}, NO_REPORT),
    ],
    ids=["draws", "another", "old", "list", "string", "null", "numbers", "strings"],
)
def test_reports_that_are_refused(tmp_path, change, words):
    finished(tmp_path)
    path = dataset_path(tmp_path, TASK)
    (report,) = publisher_of(path).finished()
    report.write_text(json.dumps(change(json.loads(report.read_text()))))
    process = run_here("publish", path)
    assert process.returncode == 2
    assert re.search(words, process.stderr)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"[" * 100_000, b"", b"\xff", None], ids=["deep", "empty", "bytes", "folder"])
def test_what_is_no_report(tmp_path, monkeypatch, content):
    """The program that waits for the job says so in a sentence, and another run makes the dataset."""
    finished(tmp_path)
    path = dataset_path(tmp_path, TASK)
    (report,) = publisher_of(path).finished()
    report.unlink()
    report.mkdir() if content is None else report.write_bytes(content)
    process = run_here("publish", path)
    assert process.returncode == 2
    assert re.search(NO_REPORT if content is not None else "there is no finished run at", process.stderr)
    assert run_here(*GENERATE, *THREE, "--data-dir", tmp_path).returncode == 0
    assert verify(path).problems == []


def test_a_report_that_cannot_be_read(tmp_path, monkeypatch):
    finished(tmp_path)
    path = dataset_path(tmp_path, TASK)
    (report,) = publisher_of(path).finished()
    read_text = Path.read_text

    def failing(self, *arguments: object, **options: object) -> str:
        if self == report:
            raise OSError(errno.EIO, "Input/output error")
        return read_text(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", failing)
    process = run_here("publish", path)
    assert process.returncode == 2
    assert re.search(NO_REPORT, process.stderr)
    assert finished_run(Order.of(TASK, LAYOUT, tmp_path)) is None


@pytest.mark.parametrize("named", ["x", "/tmp/x/addition/1.0.0", "memory://bucket", "memory://bucket/addition"])
def test_what_is_no_place_of_a_dataset(monkeypatch, named):
    monkeypatch.setitem(clients.CLIENTS, memory_store.SCHEME, memory_store.MemoryStore)
    process = run_here("publish", named)
    assert process.returncode == 2
    assert "give DATA_DIR/seq2seq_arith/CONFIG/1.0.0" in process.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--no_wait_until_finish"], "--no_wait_until_finish needs an engine that runs without this program"),
        (["--no_wait_until_finish", "--runner=PrismRunner"], "needs an engine that runs without this program"),
        (["--template_location=gs://b/t", "--runner=DataflowRunner"], "all jobs of a template would write the files"),
    ],
)
def test_a_job_cannot_be_left_alone(tmp_path, flags, words):
    process = run_here(*GENERATE, *THREE, "--data-dir", tmp_path, *flags)
    assert process.returncode == 2
    assert words in process.stderr
    assert list(tmp_path.iterdir()) == []
