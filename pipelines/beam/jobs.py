"""The job that an engine runs: its name, and the page that shows it."""

import collections
import contextlib
import sys
import threading
from typing import Any

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import FlinkRunnerOptions, GoogleCloudOptions, PipelineOptions

from seq2seq_arith.base import events

STATE_SECONDS = 5.0  # timeout of the question for a job's state
DATAFLOW = "https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"


class AnnouncedPipeline(beam.Pipeline):
    """A pipeline that says which job it has become, as soon as an engine has taken it."""

    def run(self, *arguments: Any, **options: Any) -> Any:
        """As Beam's, and then prints the job to standard error; a run in this process is no job."""
        result = super().run(*arguments, **options)
        if job := tell(result, self._options):
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
    chosen = MetricsFilter().with_namespace(namespace)
    found = result.metrics().query(chosen)["counters"]
    total: collections.Counter[str] = collections.Counter()
    for each in found:
        total[each.key.metric.name] += each.result or 0
    return dict(total)


def page_of(job: str, options: PipelineOptions) -> str:
    """The address of the page that shows a job; empty if it is not known."""
    google = options.view_as(GoogleCloudOptions)
    if options.get_all_options().get("runner") == "DataflowRunner":
        return DATAFLOW.format(region=google.region, job=job, project=google.project)
    return flink_master(options)


def flink_master(options: PipelineOptions) -> str:
    """The address of Flink's REST API, with its scheme; empty if no Flink cluster is named."""
    master = options.view_as(FlinkRunnerOptions).flink_master
    if master in (None, "[auto]", "[local]", "[collection]"):
        return ""
    return master if "://" in master else f"http://{master}"
