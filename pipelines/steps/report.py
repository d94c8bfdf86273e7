"""What a run's workers leave for the program that waits, or for one that comes later: a report, as JSON."""

import dataclasses
import json

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import files
from seq2seq_arith.base.errors import EngineError
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.formats.manifests import ManifestReport
from seq2seq_arith.pipelines.formats.shards import ShardReport
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath
from seq2seq_arith.pipelines.places.staging import REPORT
from seq2seq_arith.pipelines.steps.cutoff import Cutoff
from seq2seq_arith.pipelines.steps.job import Job


@dataclasses.dataclass(frozen=True)
class Written:
    """The result of a run: the number of draws it used, and a report for each split and shard, or for each manifest."""

    draws_used: int
    shards: list[ShardReport]
    manifests: list[ManifestReport] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a run's workers leave: the dataset, and the result, which is None if the draws did not suffice."""

    task: Task
    layout: Layout
    written: Written | None


def write_report(job: Job, written: list[list[ShardReport]] | list[list[ManifestReport]], cut: Cutoff | None) -> None:
    """Writes the result of the run as JSON beside the shards, for the program that waits for it."""
    kind = "manifests" if manifests.are_used(job.layout) else "shards"
    report = {
        "parameters": job.task.parameters(),
        "num_shards": job.layout.num_shards,
        "formats": job.layout.formats,
        "draws_used": 0 if cut is None else cut.last_draw + 1,
        "versions": dict(job.versions),
        "shards": [],
        kind: [dataclasses.asdict(report) for reports in written for report in reports],
    }
    content, path = json.dumps(report).encode(), job.staging.own_file(REPORT)
    if isinstance(path, ObjectPath):
        path.put(content)
        return
    # Whole, or not at all: who finds it knows that the job has ended. In a folder that is gone it must fail.
    with files.whole_file(path) as file:
        file.write(content)


def read_report(path: AnyPath) -> Report:
    """The report that a run's workers have written.

    Raises:
      EngineError: It is not there, or it is not of this version.
    """
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise EngineError(
            f"the engine's job ended, but its report {path} is not there: its workers do not see the same place, or "
            "another run removed it"
        ) from None
    if not isinstance(found, dict):
        raise EngineError(f"the report {path} is not of this version")
    of_manifests = [ManifestReport.of_json(report) for report in found.get("manifests", ())]
    written = Written(found["draws_used"], [ShardReport(**shard) for shard in found["shards"]], of_manifests)
    layout = Layout(found["num_shards"], tuple(found["formats"]))
    return Report(
        Task.from_parameters(found["parameters"]), layout, written if written.shards or of_manifests else None
    )
