"""An engine's job is named as soon as there is one."""

from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from seq2seq_arith.pipelines.beam import jobs

DATAFLOW = ["--runner=DataflowRunner", "--project=p", "--region=us-central1"]


@pytest.mark.parametrize(
    ("flags", "result", "line"),
    [
        (
            DATAFLOW,
            SimpleNamespace(job_id=lambda: "2026-1"),
            "the engine runs it as job 2026-1, which "
            "https://console.cloud.google.com/dataflow/jobs/us-central1/2026-1?project=p shows",
        ),
        (
            ["--runner=PortableRunner", "--flink_master=localhost:8081"],
            SimpleNamespace(_job_id="a_b"),
            "the engine runs it as job a_b, which http://localhost:8081 shows",
        ),
        (["--runner=PortableRunner"], SimpleNamespace(_job_id="a_b"), "the engine runs it as job a_b"),
    ],
    ids=["Dataflow", "Flink", "a job server"],
)
def test_a_job_and_its_page(monkeypatch, capsys, flags, result, line):
    monkeypatch.setattr(beam.Pipeline, "run", lambda *_, **__: result)
    options = PipelineOptions(flags)
    pipeline = jobs.AnnouncedPipeline(runner="FnApiRunner")
    pipeline._options = options
    assert pipeline.run() is result
    assert capsys.readouterr().err == f"{line}\n"


def test_a_run_in_this_process_is_no_job(capsys):
    with jobs.AnnouncedPipeline(runner="FnApiRunner") as pipeline:
        assert pipeline | beam.Create([1])
    assert capsys.readouterr().err == ""
