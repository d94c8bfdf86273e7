"""A runner's job is named with its page, and each of its states is told."""

import errno
import json
import time
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.subprocess_server import SubprocessServer
from programs import run_here, without_lock

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import BusyError, InputError, StoreError, UnavailableError
from seq2seq_arith.pipelines.beam import private
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.steps import run
from seq2seq_arith.pipelines.storage.staging import REPORT
from seq2seq_arith.trainer.data.making import make_missing

DATAFLOW = ["--runner=DataflowRunner", "--project=p", "--region=us-central1"]
PAGE = "https://console.cloud.google.com/dataflow/jobs/us-central1/2026-1?project=p"
PORTABLE = ["--runner=PortableRunner"]


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (DATAFLOW, f"; see {PAGE}"),
        ([*PORTABLE, "--flink_master=localhost:8081"], "; see http://localhost:8081"),
        ([*PORTABLE, "--flink_master=https://flink/"], "; see https://flink"),
        (PORTABLE, ""),
    ],
    ids=["Dataflow", "Flink", "Flink by TLS", "a job server"],
)
def test_a_job_and_its_page(tmp_path, capsys, flags, shown):
    result = SimpleNamespace(job_id=lambda: "2026-1") if flags == DATAFLOW else SimpleNamespace(_job_id="2026-1")
    with run.shown(result, PipelineOptions(flags), tmp_path):
        pass
    assert capsys.readouterr().err == f"the runner started job 2026-1{shown}\n"


def test_a_dataset_is_made_where_the_private_parts_are_gone(tmp_path, monkeypatch):
    task = Task("pq", size=6, num_examples=21)
    monkeypatch.setattr(private, "pipeline", SimpleNamespace())
    monkeypatch.delattr(SubprocessServer, "cache_subprocesses")
    make_missing(task, str(tmp_path))
    assert read_metadata(dataset_path(tmp_path, task))
    error = RuntimeError()
    private.add_messages(error, SimpleNamespace(_messages=["of another form"]))
    assert private.job_name(SimpleNamespace()) == ""


class States:
    """A job that is in the next state whenever somebody asks; an exception is raised instead."""

    _job_id = "a-1"

    def __init__(self, *states: str | Exception) -> None:
        self.left = [*states]

    @property
    def state(self) -> str:
        state = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(state, Exception):
            raise state
        return state


def test_each_new_state_is_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "SECONDS", 0.001)
    result, stderr = States("PENDING", "RUNNING", OSError("gone"), "RUNNING", "RUNNING", "DONE"), ""
    end = time.monotonic() + 60
    with run.shown(result, PipelineOptions([]), tmp_path):
        while "DONE" not in stderr and time.monotonic() < end:
            stderr += capsys.readouterr().err
            time.sleep(0.001)
    assert stderr.splitlines()[1:] == [f"job a-1 is {state}" for state in ("PENDING", "RUNNING", "DONE")]


class Result:
    """A job of a runner, which fails so."""

    _job_id = "a-1"

    def __init__(self, error: BaseException | None) -> None:
        self.error, self.state = error, "RUNNING"

    def wait_until_finish(self) -> None:
        if self.error:
            raise self.error
        self.state = "DONE"

    def cancel(self) -> None:
        self.state = "CANCELLED"


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
        (StoreError("gs://b could not be used: busy"), 1, "gs://b could not be used: busy"),
        (InputError("s3://b denies access"), 2, "s3://b denies access"),
        (UnavailableError("s3://b cannot be reached"), 75, "s3://b cannot be reached; "),
        (BusyError("another run has begun"), 75, "another run has begun"),
        (RuntimeError("base.errors.UnavailableError: s3://b is busy [while running 'Write']"), 75, "s3://b is busy; "),
        (KeyboardInterrupt(), 130, "stopped"),
        (RuntimeError("Pipeline a-1 failed in state FAILED: it broke"), 1, "job a-1 ended as FAILED: it"),
        (ValueError("it broke"), 1, "the runner failed with ValueError: it broke"),
        (None, 1, "the job ended, but its report"),
    ],
    ids=["disk", "store", "input", "unreachable", "begun", "worker", "stopped", "job server", "another", "no report"],
)  # fmt: skip
def test_a_job_that_fails_is_cancelled_and_told_in_one_sentence(monkeypatch, tmp_path, error, code, expected):
    result = Result(error)
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: result)
    small = ("--num-examples=100", "--data-dir", tmp_path)
    done = run_here("generate", "addition", *small, "--runner=PortableRunner", "--environment_type=LOOPBACK")
    assert done.returncode == code
    first, last = done.stderr.splitlines()
    assert first == "the runner started job a-1"
    assert expected in last
    assert result.state == ("CANCELLED" if error else "DONE")


def test_a_scheduler_is_told_the_job(monkeypatch, tmp_path):
    """So that it can cancel it."""
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: Result(None))
    words = ("--num-examples=100", "--data-dir", tmp_path, "--json")
    done = run_here("generate", "addition", *words, "--runner=PortableRunner", "--environment_type=LOOPBACK")
    jobs = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "job"]
    assert [(job["id"], job["page"], job["state"]) for job in jobs][:1] == [("a-1", "", "STARTED")]


@pytest.mark.parametrize("error", [None, RuntimeError("NullPointerException")], ids=["tried again", "failed"])
def test_a_job_that_a_worker_refuses_ends_at_once(monkeypatch, tmp_path, error):
    """Its runner would try again for minutes, or has failed with words of its own."""

    class Refused(Result):
        def wait_until_finish(self) -> None:
            (folder,) = tmp_path.glob("*/*/*incomplete-job-*")
            (folder / REPORT).write_text('{"refused": "the workers have pyarrow 0.1"}')
            end = time.monotonic() + 60
            while self.state == "RUNNING" and not self.error and time.monotonic() < end:
                time.sleep(0.001)
            raise self.error or RuntimeError(f"Pipeline a-1 failed in state {self.state}: ")

    monkeypatch.setattr(run, "SECONDS", 0.001)
    result = Refused(error)
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: result)
    runner = ("--runner=FlinkRunner", "--environment_type=PROCESS", "--environment_options=process_command=x")
    done = run_here("generate", "addition", "--num-examples=100", "--data-dir", tmp_path, *runner)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "arith-data: the workers have pyarrow 0.1"
    assert result.state == "CANCELLED"
    assert without_lock(tmp_path) == {}
