"""An engine's job is named as soon as there is one, and in every error."""

import errno
import json
import time
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from programs import run_here

from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.pipelines.beam import jobs

DATAFLOW = ["--runner=DataflowRunner", "--project=p", "--region=us-central1"]


@pytest.mark.parametrize(
    ("flags", "result", "line"),
    [
        (
            DATAFLOW,
            SimpleNamespace(job_id=lambda: "2026-1", state="JOB_STATE_PENDING"),
            "the engine runs it as job 2026-1, which "
            "https://console.cloud.google.com/dataflow/jobs/us-central1/2026-1?project=p shows; "
            "its state is JOB_STATE_PENDING",
        ),
        (
            ["--runner=PortableRunner", "--flink_master=localhost:8081"],
            SimpleNamespace(_job_id="a_b"),
            "the engine runs it as job a_b, which http://localhost:8081 shows",
        ),
        (
            ["--runner=PortableRunner", "--spark_rest_url=http://localhost:4040/"],
            SimpleNamespace(_job_id="a_b"),
            "the engine runs it as job a_b, which http://localhost:4040 shows",
        ),
        (["--runner=PortableRunner"], SimpleNamespace(_job_id="a_b"), "the engine runs it as job a_b"),
    ],
    ids=["Dataflow", "Flink", "Spark", "a job server"],
)
def test_a_job_and_its_page(monkeypatch, capsys, flags, result, line):
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: result)
    options = PipelineOptions(flags)
    begun = []
    pipeline = jobs.AnnouncedPipeline(begun.append, runner="FnApiRunner")
    pipeline._options = options
    assert pipeline.run() is result
    assert begun == [result]
    assert capsys.readouterr().err == f"{line}\n"


def test_a_run_in_this_process_is_no_job(capsys):
    begun = []
    with jobs.AnnouncedPipeline(begun.append, runner="FnApiRunner") as pipeline:
        assert pipeline | beam.Create([1])
    assert begun == []
    assert capsys.readouterr().err == ""


class Result:
    """A job of an engine, which fails so."""

    _job_id = "a-1"

    def __init__(self, error: BaseException | None) -> None:
        self.error, self.state = error, "RUNNING"

    def wait_until_finish(self) -> None:
        if self.error:
            raise self.error
        self.state = "DONE"

    def cancel(self) -> None:
        self.state = "CANCELLED"


PAGE = "http://localhost:1 shows it"
NAMED = f"; the engine's job a-1 is CANCELLED; {PAGE}"


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
        (StoreError("gs://b could not be used: busy"), 1, "gs://b could not be used: busy"),
        (InputError("s3://b does not let you do this"), 2, "s3://b does not let you do this"),
        (KeyboardInterrupt(), 130, "stopped"),
        (RuntimeError("Pipeline a-1 failed in state FAILED: it broke"), 1, "the engine's job a-1 ended as FAILED: it"),
        (RuntimeError("Dataflow pipeline failed. State: FAILED, Error:\nit broke"), 1, "the engine's job ended as FAI"),
        (ValueError("it broke"), 1, "the engine failed with ValueError: it broke"),
    ],
    ids=["disk", "store", "input", "stopped", "job server", "Dataflow", "another"],
)  # fmt: skip
def test_every_error_has_the_job_its_state_and_its_page(monkeypatch, tmp_path, error, code, expected):
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: Result(error))
    small = ("--num-examples=100", "--data-dir", tmp_path, "--flink_master=localhost:1", "--json")
    done = run_here("generate", "addition", *small)
    assert done.returncode == code
    first, last = done.stderr.splitlines()
    assert first == "the engine runs it as job a-1, which http://localhost:1 shows; its state is RUNNING"
    assert expected in last
    said, _, typed = last.partition("; nothing was left behind; ")
    assert said.endswith(f"; {PAGE}" if "job a-1 ended" in expected else NAMED), last
    # A command at the end of the line can be copied up to its end. A refusal says itself what to do.
    assert typed.endswith("run the same command again") != (code == 2), last
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (told,) = [event["message"] for event in events if event["event"] == "error"]
    assert last == f"arith-data: {told}"


def test_an_engine_that_says_nothing_of_the_state(monkeypatch):
    class Silent:
        job_id = "a-1"

        @property
        def state(self):
            time.sleep(60)

    monkeypatch.setattr(jobs, "STATE_SECONDS", 0.05)
    assert jobs.state(Silent()) == ""
    assert jobs.state(object()) == ""


def test_an_error_after_the_job_says_that_it_has_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: Result(None))
    done = run_here("generate", "addition", "--num-examples=100", "--data-dir", tmp_path, "--flink_master=localhost:1")
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert "the engine's job ended, but its report" in last
    assert "the engine's job a-1 is DONE" in last
