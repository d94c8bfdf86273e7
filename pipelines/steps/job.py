"""One run of the pipeline: what it makes, and where."""

import dataclasses
from collections.abc import Mapping

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.places.staging import Staging
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.steps.cutoff import Windows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the pipeline.

    Attributes:
      task, layout: The parameters of the dataset, and its division into files.
      staging: The place of the files; a directory must exist, also for the workers.
      num_draws: The number of draws.
      windows: The ranges in which the ends of the dataset and of the validation set are searched.
      threads: The number of elements that a worker process works on at once.
      versions: The versions that the workers must have; see ``versions``.
    """

    task: Task
    layout: Layout
    staging: Staging
    num_draws: int
    windows: Windows
    threads: int = 1
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """The first draw of each chunk, and the draw after its last."""
        size = dedup.chunk_size(self.num_draws, self.layout.num_shards)
        return [(first, min(first + size, self.num_draws)) for first in range(0, self.num_draws, size)]
