"""The job that an engine runs: its name, its page, and the state that Beam reports."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
)

SECONDS = 1.0  # between two questions for the state
DATAFLOW = "https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"


@contextlib.contextmanager
def shown(result: Any, options: PipelineOptions) -> Iterator[None]:
    """Prints an engine's job with its page, and each new state until the block ends; nothing for a local run."""
    job, ended = name(result), threading.Event()

    def follow() -> None:
        state = ""
        while not ended.wait(SECONDS):
            with contextlib.suppress(Exception):  # an engine that does not answer must not stop the work
                before, state = state, str(result.state)
                if state != before and not ended.is_set():
                    print(f"the engine's job {job} is {state}", file=sys.stderr, flush=True)

    if job:
        page = page_of(job, options)
        print(f"the engine runs it as job {job}" + f"; {page} shows it" * bool(page), file=sys.stderr, flush=True)
        threading.Thread(target=follow, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def name(result: Any) -> str:
    """The engine's name of a job; empty for a run in this process."""
    job_id = getattr(result, "job_id", None)
    return str((job_id() if callable(job_id) else getattr(result, "_job_id", None)) or "")


def page_of(job: str, options: PipelineOptions) -> str:
    """The address of the page that shows a job; empty if it is not known."""
    google, master = options.view_as(GoogleCloudOptions), options.view_as(FlinkRunnerOptions).flink_master
    if options.get_all_options().get("runner") == "DataflowRunner":
        return DATAFLOW.format(region=google.region, job=job, project=google.project)
    if master in (None, "[auto]", "[local]", "[collection]"):
        return ""
    return (master if "://" in master else f"http://{master}").rstrip("/")
