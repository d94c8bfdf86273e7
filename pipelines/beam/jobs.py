"""The job that an engine runs: its name, its state, what it has counted, and the page that shows it."""

import collections
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.metrics.metric import MetricResults
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SparkRunnerOptions,
)

from seq2seq_arith.base import events

STATE_SECONDS = 5.0  # timeout of the question for a job's state
DATAFLOW = "https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"
SECONDS = 2.0  # timeout of a question to a job server during a job

# Called with Beam's result of a job, as soon as an engine has taken it.
Begun = Callable[[Any], object]


class AnnouncedPipeline(beam.Pipeline):
    """A pipeline that says which job it has become, as soon as an engine has taken it.

    Args:
      begun: Called then; not for a run in this process, which is no job.
      options: Beam's.
    """

    def __init__(self, begun: Begun = lambda _: None, **options: Any) -> None:
        super().__init__(**options)
        self._begun = begun

    def run(self, *arguments: Any, **options: Any) -> Any:
        """As Beam's, and then prints the job to standard error."""
        result = super().run(*arguments, **options)
        if job := tell(result, self._options):
            self._begun(result)
            is_in = f"; its state is {job.state}" * bool(job.state)
            shown = f", which {job.page} shows" * bool(job.page)
            print(f"the engine runs it as job {job.name}{shown}{is_in}", file=sys.stderr, flush=True)
        return result


def tell(result: Any, options: PipelineOptions) -> events.Job | None:
    """Tells how an engine's job stands, to programs that listen and in later errors; None for a run in this process."""
    if not (called := name(result)):
        return None
    job = events.Job(called, state(result), page_of(called, options))
    events.tell_job(job)
    return job


def name(result: Any) -> str:
    """The engine's name of a job; empty for a run in this process."""
    job_id = getattr(result, "job_id", None)
    return str((job_id() if callable(job_id) else getattr(result, "_job_id", None)) or "")


def state(result: Any) -> str:
    """The engine's word for how a job stands, such as ``RUNNING``; empty if it does not answer soon."""
    answers: list[str] = []

    def ask() -> None:
        with contextlib.suppress(Exception):
            answers.append(str(result.state or ""))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(STATE_SECONDS)
    return answers[0] if answers else ""


def counters(result: Any, namespace: str) -> dict[str, int]:
    """What an engine has counted during a job that has ended, by name; empty for one that does not tell."""
    return _added(result.metrics(), namespace, lambda each: each.result or 0)


def counters_so_far(result: Any, namespace: str) -> dict[str, int]:
    """As ``counters``, of a job that goes on; empty also if the engine tells nothing before its end.

    Raises:
      Exception: The engine does not answer.
    """
    if not (server := getattr(result, "_job_service", None)):
        return largest(result.metrics(), namespace)
    from apache_beam.portability.api import beam_job_api_pb2
    from apache_beam.runners.portability import portable_runner

    # The result itself would keep the first answer for ever.
    request = beam_job_api_pb2.GetJobMetricsRequest(job_id=name(result))
    return largest(portable_runner.PortableMetrics(server.GetJobMetrics(request, timeout=SECONDS)), namespace)


def largest(metrics: MetricResults, namespace: str) -> dict[str, int]:
    """The counters of a job that goes on: what was committed, or with what is being tried if that is more."""
    return _added(metrics, namespace, lambda each: max(each.committed or 0, each.attempted or 0))


def _added(metrics: MetricResults, namespace: str, value: Callable[[Any], int]) -> dict[str, int]:
    """The sum of each counter over the steps that count it."""
    total: collections.Counter[str] = collections.Counter()
    for each in metrics.query(MetricsFilter().with_namespace(namespace))["counters"]:
        total[each.key.metric.name] += value(each)
    return dict(total)


def page_of(job: str, options: PipelineOptions) -> str:
    """The address of the page that shows a job; empty if it is not known."""
    google = options.view_as(GoogleCloudOptions)
    if options.get_all_options().get("runner") == "DataflowRunner":
        return DATAFLOW.format(region=google.region, job=job, project=google.project)
    return flink_address(options) or spark_address(options)


def flink_address(options: PipelineOptions) -> str:
    """The address of Flink's REST API, with its scheme; empty if no Flink cluster is named."""
    master = options.view_as(FlinkRunnerOptions).flink_master
    return "" if master in (None, "[auto]", "[local]", "[collection]") else _with_scheme(master)


def spark_address(options: PipelineOptions) -> str:
    """The address of the page and REST API of Spark's driver, with its scheme; empty if it is not named.

    Beam itself needs ``--spark_rest_url`` only for ``--spark_submit_uber_jar``, and then it is another address.
    """
    spark = options.view_as(SparkRunnerOptions)
    return _with_scheme(spark.spark_rest_url) if spark.spark_rest_url and not spark.spark_submit_uber_jar else ""


def _with_scheme(address: str) -> str:
    return (address if "://" in address else f"http://{address}").rstrip("/")
