"""The step that a run shows."""

import pytest

from seq2seq_arith.pipelines.steps.current_step import DEDUPLICATES, DRAWS, PUBLISHES, WRITES, current_step

TOTALS = {"draws": 90, "shards": 8}


@pytest.mark.parametrize(
    ("draws", "deduplicated", "shards", "told", "expected"),
    [
        (0, 0, 0, "", DRAWS),
        (89, 3, 0, "", DRAWS),
        (90, 0, 0, "", DEDUPLICATES),
        (91, 7, 0, "", DEDUPLICATES),  # a bundle that was run twice
        (90, 8, 0, "", WRITES),
        (90, 8, 7, "", WRITES),
        (90, 8, 8, "", PUBLISHES),
        (0, 0, 0, "waits for slots", "waits for slots"),
        (45, 0, 0, WRITES, WRITES),  # the engine tells its counters late
        (90, 8, 8, WRITES, PUBLISHES),  # the job has ended, and nobody asks any more
    ],
)
def test_a_step(draws, deduplicated, shards, told, expected):
    counts = {"draws": draws, "deduplicated shards": deduplicated, "shards": shards}
    assert current_step(TOTALS, counts.__getitem__, told) == expected
