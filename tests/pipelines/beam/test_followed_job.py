"""An engine is asked what its job has done, and its silence neither stops nor delays the work."""

import threading
import time
from types import SimpleNamespace

import pytest
from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metricbase import MetricName
from apache_beam.portability.api import beam_job_api_pb2 as api
from apache_beam.portability.api import metrics_pb2

from seq2seq_arith.base import progress
from seq2seq_arith.pipelines.beam import followed_job
from seq2seq_arith.pipelines.beam.answers import WAITS, Answer
from seq2seq_arith.pipelines.beam.flink_rest import FlinkJob
from seq2seq_arith.pipelines.beam.followed_job import UNCOUNTED, question
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.beam.spark_rest import SparkJob

LABELS = {"Draw": "draws", "Write": "writes"}
ELSEWHERE = ["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=PROCESS"]
HERE = [*ELSEWHERE[:2], "--environment_type=LOOPBACK", "--flink_master=localhost:1"]


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(followed_job, "SECONDS", 0.01)
    progress.reset()


def followed(flags=ELSEWHERE):
    return followed_job.followed_job(pipeline_options(flags), "ours", LABELS)


def wait_for(is_so) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (["--flink_master=localhost:8081"], FlinkJob),
        (["--spark_rest_url=localhost:4040"], SparkJob),
        # Of Beam's own submitting program, which is another one than the driver's.
        (["--spark_rest_url=localhost:6066", "--spark_submit_uber_jar"], type(lambda: None)),
        ([], type(lambda: None)),
    ],
)
def test_who_is_asked(flags, kind):
    result = SimpleNamespace(_job_id="BeamApp-me-1_a-b")
    assert type(question(result, pipeline_options([*ELSEWHERE, *flags]), "ours", LABELS)) is kind


def answers(*given):
    """A question that is answered by these in turn, and by the last one ever after."""
    left = list(given)

    def ask() -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_counts_and_steps():
    """A wrong answer is no answer; counters grow, also if an engine tells less for a moment."""
    with followed() as job:
        assert job.step == UNCOUNTED
        job.ask(answers(OSError(), Answer(), KeyError("jobs"), Answer(step=WAITS)))
        wait_for(lambda: job.step == WAITS)
        job.ask(answers(Answer({"draws": 5}), Answer({"draws": 3, "shards": 1}), ValueError()))
        wait_for(lambda: progress.count("shards") == 1)
        assert (progress.count("draws"), job.step) == (5, "")
        job.ask(answers(Answer({"draws": 3}, "writes")))
        wait_for(lambda: job.step == "writes")


def test_a_silent_engine_is_not_waited_for():
    asked, answered = threading.Event(), threading.Event()

    def ask() -> Answer:
        asked.set()
        answered.wait(60)
        return Answer({"draws": 5}, "draws")

    before = set(threading.enumerate())
    with followed() as job:
        job.ask(ask)
        assert asked.wait(60)
    (asking,) = set(threading.enumerate()) - before
    assert not answered.is_set()  # the block has ended all the same
    answered.set()
    asking.join(60)
    # An answer that comes too late changes nothing.
    assert (job.step, progress.count("draws")) == (UNCOUNTED, 0)


def test_workers_of_this_process_count_themselves():
    with followed(HERE) as job:
        before = set(threading.enumerate())  # those of earlier jobs may end only now
        job.follow(SimpleNamespace(_job_id="BeamApp-me-1_a-b"))
        assert job.step == ""
        assert set(threading.enumerate()) <= before


def counter(name: str, value: int) -> metrics_pb2.MonitoringInfo:
    labels = {"NAME": name, "NAMESPACE": "ours", "PTRANSFORM": "t1"}
    urn, kind = "beam:metric:user:sum_int64:v1", "beam:metrics:sum_int64:v1"
    return metrics_pb2.MonitoringInfo(urn=urn, type=kind, payload=bytes([value]), labels=labels)


def test_a_job_server_that_tells():
    """As Prism: what is being tried comes apart from what is done, and is less for a moment after each bundle."""
    told = [({}, {}), ({"draws": 50}, {}), ({"draws": 20}, {"draws": 60}), ({"draws": 20, "shards": 2}, {"draws": 60})]

    def metrics(request: api.GetJobMetricsRequest, timeout: float) -> api.GetJobMetricsResponse:
        assert (request.job_id, timeout > 0) == ("job-1", True)
        attempted, committed = ([counter(*each) for each in part.items()] for part in told.pop(0))
        return api.GetJobMetricsResponse(metrics=api.MetricResults(attempted=attempted, committed=committed))

    server = SimpleNamespace(GetJobMetrics=metrics)
    result = SimpleNamespace(_job_id="job-1", _job_service=server)
    ask = question(result, pipeline_options(ELSEWHERE), "ours", LABELS)
    assert [ask().counts for _ in range(4)] == [{}, {"draws": 50}, {"draws": 60}, {"draws": 60, "shards": 2}]


def test_dataflow():
    """Its result is a fake here: no account was available."""

    def query(chosen) -> dict:
        assert chosen.namespaces == {"ours"}
        keys = [MetricKey("t1", MetricName("ours", name)) for name in ("draws", "duplicates")]
        return {"counters": [MetricResult(keys[0], 40, 50), MetricResult(keys[1], None, 3)]}

    result = SimpleNamespace(job_id=lambda: "2026-1", metrics=lambda: SimpleNamespace(query=query))
    options = pipeline_options(["--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/t"])
    with followed_job.followed_job(options, "ours", LABELS) as job:
        job.follow(result)
        wait_for(lambda: progress.count("draws") == 50)
        assert (progress.count("duplicates"), job.step) == (3, "")
