"""A job that outlives the program which started it: ``generate`` publishes what it has left, and draws nothing."""

import contextlib
import errno
import json
import shutil
from pathlib import Path

import memory_store
import pytest
from programs import run_here, without_lock
from stored import GENERATE, LAYOUTS, TASK, THREE, copy, make, objects

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig, Builder
from seq2seq_arith.pipelines import create, run_records
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.beam.options import default_threads, pipeline_options
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.plan import plan
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.steps import pipeline
from seq2seq_arith.pipelines.steps.run import write_dataset
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import ObjectPath
from seq2seq_arith.pipelines.storage.staging import REPORT

LAYOUT = LAYOUTS["three"]
COMMAND = (*GENERATE, *THREE, "--data-dir")


def finished(place) -> None:
    """What a runner's job leaves whose program was killed before it could publish."""
    options, publisher = pipeline_options([]), Request(TASK, LAYOUT, place).publisher
    with contextlib.suppress(SubmittedError), publisher.staged(LAYOUT, outlives=True) as staging:
        write_dataset(TASK, LAYOUT, staging, options, default_threads(options))
        raise SubmittedError("")


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Path:
    """The folder of a finished job on a disk."""
    data_dir = tmp_path_factory.mktemp("job")
    finished(data_dir)
    (folder,) = dataset_path(data_dir, TASK).parent.iterdir()
    return folder


@pytest.fixture
def left(job, tmp_path) -> Path:
    """The folder of a finished job in ``tmp_path``, and no other file."""
    folder = dataset_path(tmp_path, TASK).parent / job.name
    shutil.copytree(job, folder)
    return folder


@pytest.fixture(params=["disk", "store"])
def place(request, tmp_path, monkeypatch):
    """A data directory on the disk, and one in a store."""
    if request.param == "disk":
        return tmp_path
    return ObjectPath(f"{memory_store.new_bucket(monkeypatch)}/data")


def content_of(place) -> dict[str, bytes]:
    return objects(place) if isinstance(place, ObjectPath) else without_lock(place)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["new", "replaced"])
def test_the_same_command_publishes_what_a_job_has_left(place, local, copied, monkeypatch, overwrite):
    if overwrite:
        make(TASK, LAYOUTS["two"], place)
    finished(place)
    monkeypatch.setattr(create, "write_dataset", None)
    process = run_here(*COMMAND, place, *overwrite)
    assert process.returncode == 0, process.stderr
    assert "a finished job left the files in" in process.stderr
    assert process.stderr.endswith("; they are published without drawing again\n")
    assert "examples per second" not in process.stdout
    assert content_of(place) == local["three"]
    assert run_records.read(dataset_path(place, TASK))[-1].job.startswith("1.0.0.incomplete-")
    again = run_here(*COMMAND, place)
    assert "nothing was done" in again.stdout
    assert (again.stderr, content_of(place)) == ("", local["three"])


def test_files_of_a_job_that_are_cut_are_not_published(tmp_path, left):
    (left / LAYOUT.paths("train", 1)[0]).write_bytes(b"")
    process = run_here(*COMMAND, tmp_path)
    assert process.returncode == 2
    assert f"; remove {left}, then run this again" in process.stderr
    assert not dataset_path(tmp_path, TASK).exists()


def test_files_of_a_job_that_are_lost_or_replaced_are_made_anew(place, copied):
    finished(place)
    path = dataset_path(place, TASK)
    name = LAYOUT.paths("train", 1)[0]
    if isinstance(place, ObjectPath):
        (path / name).put(b"another")
    else:
        (folder,) = path.parent.iterdir()
        (folder / name).unlink()
    process = run_here(*COMMAND, place)
    assert (process.returncode, process.stderr) == (0, "")
    assert verify(path).problems == []


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["new", "replaced"])
def test_a_job_has_ended_and_publishing_fails(tmp_path, local, monkeypatch, overwrite):
    """The files of the job stay, and the same command makes a dataset of them."""
    path = dataset_path(tmp_path, TASK)
    if overwrite:
        with monkeypatch.context() as patch:
            patch.setattr(create, "write_dataset", copy)
            make(TASK, LAYOUTS["two"], tmp_path)
    before = content_of(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(create, "job_outlives_program", lambda _: True)
    for drawn in (True, False):  # and it fails once more
        with monkeypatch.context() as patch:
            patch.setattr(DirectoryPublisher, "_take_name", full)
            if not drawn:
                patch.setattr(create, "write_dataset", None)
            process = run_here(*COMMAND, tmp_path, *overwrite)
        assert process.returncode == 1
        assert process.stderr.endswith(
            f"arith-data: {path} could not be written: No space left on device; the job has ended, and its files are "
            "kept; make room, then run the same command again\n"
        )
        assert content_of(tmp_path).items() >= before.items()
        assert len(list(path.parent.glob(f"*/{REPORT}"))) == 1
    monkeypatch.setattr(create, "write_dataset", None)
    assert run_here(*COMMAND, tmp_path, *overwrite).returncode == 0
    assert content_of(tmp_path) == local["three"]


def test_finished_files_need_no_more_room(tmp_path, job, local, monkeypatch, input_error):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    request = Request(TASK, LAYOUT, tmp_path)
    with input_error(InputError):
        request.check_space()
    shutil.copytree(job, dataset_path(tmp_path, TASK).parent / job.name)
    request.check_space()
    with input_error(InputError):
        Request(TASK, LAYOUTS["two"], tmp_path).check_space()
    monkeypatch.setattr(pipeline, "draw", None)
    Builder(data_dir=tmp_path, config=ArithConfig(num_examples=200, num_shards=3)).download_and_prepare()
    assert content_of(tmp_path) == local["three"]


def test_only_a_local_run_needs_this_machines_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("seq2seq_arith.pipelines.request.free_memory", lambda: 1000)
    with pytest.raises(InputError, match="this machine has 1,000 free"):
        Request(TASK, LAYOUT, tmp_path).check_runner()
    Request(TASK, LAYOUT, tmp_path, pipeline_options(["--runner=my.own.Runner"])).check_runner()


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report | {"shards": []},  # the draws did not suffice
        lambda report: report | {"parameters": Task().parameters()},
        lambda report: [report],
        lambda report: report | {"shards": [1]},
        "[" * 100_000,
        "",
        b"\xff",
        IsADirectoryError,
    ],
)
def test_what_is_not_a_report_of_the_dataset(tmp_path, left, change):
    """The dataset is drawn then."""
    request = Request(TASK, LAYOUT, tmp_path)
    assert request.finished_run()[0] == left / REPORT
    if change is IsADirectoryError:
        (left / REPORT).unlink()
        (left / REPORT).mkdir()
    elif callable(change):
        (left / REPORT).write_text(json.dumps(change(json.loads((left / REPORT).read_text()))))
    else:
        (left / REPORT).write_bytes(change if isinstance(change, bytes) else change.encode())
    assert request.finished_run() is None


def test_each_run_that_makes_something_leaves_a_record(place):
    path, planned = dataset_path(place, TASK), plan(TASK, LAYOUT)
    assert run_here(*COMMAND, place).returncode == 0
    (record,) = run_records.read(path)
    assert record.runner == "FnApiRunner"
    assert record.versions.keys() == {"python", "seq2seq_arith", "apache-beam", "pyarrow"}
    assert record.counters["examples"] == TASK.num_examples
    assert record.planned.draws == record.spent.draws == planned.draws
    assert record.planned.bytes == planned.total_bytes
    assert record.spent.bytes == sum(size for name, size in paths.sizes(path).items() if "json" not in name)
    assert record.spent.core_seconds > 0
    assert 0 < record.spent.seconds < 600
    assert run_here(*COMMAND, place).returncode == 0  # nothing is done
    assert run_records.read(path) == [record]
    assert run_here(*COMMAND, place, "--overwrite").returncode == 0
    both = run_records.read(path)
    assert len(both) == 2
    assert record in both
    assert "recorded runs: 2\n" in run_here("show", path).stdout


ESCAPED = '{"started": "\\u001b", "sha256": "", "planned": {}, "spent": {}}'


@pytest.mark.parametrize("content", ["", "[1]", "[" * 5000, "1" * 2**17, '{"started": 3}', ESCAPED])
def test_a_record_that_says_nothing_hides_no_dataset(tmp_path, copied, content):
    make(TASK, LAYOUT, tmp_path)
    path = dataset_path(tmp_path, TASK)
    (tmp_path / "seq2seq_arith/.runs" / path.parent.name / "99.json").write_text(content)
    process = run_here("show", path)
    assert process.returncode == 0, process.stderr
    assert "\x1b" not in process.stdout
    assert f"recorded runs: {1 + (content == ESCAPED)}\n" in process.stdout


def test_a_dataset_whose_record_cannot_be_written_is_complete(tmp_path, copied, local):
    (tmp_path / "seq2seq_arith").mkdir()
    (tmp_path / "seq2seq_arith/.runs").symlink_to("nowhere")
    process = run_here(*COMMAND, tmp_path)
    assert process.returncode == 0
    assert process.stderr.startswith("the record of this run could not be written: ")
    (tmp_path / "seq2seq_arith/.runs").unlink()
    assert content_of(tmp_path) == local["three"]


def test_no_name_of_a_folder_reaches_the_terminal_as_it_is(tmp_path, copied):
    """A name may hold codes of terminals, or turn the text after it around."""
    source, target = (tmp_path / f"{name}\n\x1b[31m\u202e<b>" for name in "ab")
    commands = [*[(*COMMAND, source)] * 2, *((name, source) for name in ("show", "verify", "card"))]
    for command in [*commands, ("fetch", source, target), ("suite", "addition", "--unseen-of", source)]:
        process = run_here(*command)
        assert process.returncode == 0, process.stderr
        lines = (process.stdout + process.stderr).replace("\t", "").split("\n")
        assert [line for line in lines if not line.isprintable()] == []
