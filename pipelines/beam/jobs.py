"""The job that an engine runs: its name, and the page that shows it."""

import collections
import sys
from typing import Any

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import FlinkRunnerOptions, GoogleCloudOptions, PipelineOptions

from seq2seq_arith.base import events

DATAFLOW = "https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"


class AnnouncedPipeline(beam.Pipeline):
    """A pipeline that says which job it has become, as soon as an engine has taken it."""

    def run(self, *arguments: Any, **options: Any) -> Any:
        """As Beam's, and then prints the job to standard error; a run in this process is no job."""
        result = super().run(*arguments, **options)
        if job := name(result):
            page = page_of(job, self._options)
            events.emit("job", job=job, page=page)
            print(
                f"the engine runs it as job {job}{f', which {page} shows' if page else ''}", file=sys.stderr, flush=True
            )
        return result


def name(result: Any) -> str:
    """The engine's name of a job; empty for a run in this process."""
    job_id = getattr(result, "job_id", None)
    return str((job_id() if callable(job_id) else getattr(result, "_job_id", None)) or "")


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
