"""The step of a job of Flink, by answers of its REST API as Flink 1.19 gives them."""

import itertools

import pytest

from seq2seq_arith.pipelines.beam.flink_steps import WAITS, FlinkSteps

STEPS = {"Draw": "draws", "Deduplicate": "drops duplicates", "Write": "writes"}
VERTICES = (
    "DataSource (Impulse)",
    "CHAIN MapPartition (MapPartition at [1]Chunks) -> FlatMap (FlatMap at ExtractOutput[0])",
    "CHAIN MapPartition (MapPartition at [2]{Draw, ByShard}) -> FlatMap (FlatMap at ExtractOutput[0])",
    "GroupReduce (GroupReduce at Shuffle)",
    "MapPartition (MapPartition at [6]{Read, Deduplicate, Kept, InWindows, Cut})",
    "CHAIN MapPartition (MapPartition at [3]{Write, Reports}) -> FlatMap (FlatMap at ExtractOutput[0])",
)


def cluster(begun: int, status: str):
    """A cluster with an old job at first, and then ours, of which so many vertices have this status."""
    calls = itertools.count()

    def get(path: str):
        if path == "/jobs/overview":
            ours = [{"jid": "ours", "start-time": 2}] if next(calls) else []
            return {"jobs": [{"jid": "old", "start-time": 1}, *ours]}
        assert path == "/jobs/ours"
        states = [status] * begun + ["CREATED"] * (len(VERTICES) - begun)
        return {"vertices": [{"name": n, "status": s} for n, s in zip(VERTICES, states, strict=True)]}

    return get


@pytest.mark.parametrize(
    ("begun", "status", "expected"),
    [
        (0, "RUNNING", WAITS),
        (2, "RUNNING", WAITS),
        (6, "SCHEDULED", WAITS),
        (3, "RUNNING", "draws"),
        (4, "FINISHED", "draws"),
        (5, "RUNNING", "drops duplicates"),
        (6, "RUNNING", "writes"),
        (6, "FINISHED", "writes"),
    ],
)
def test_the_step_that_has_begun_last(begun, status, expected):
    steps = FlinkSteps("http://localhost:1", STEPS, cluster(begun, status))
    assert steps.step() == ""  # only the old job is there
    assert steps.step() == expected


def refuse(path: str):
    raise ConnectionRefusedError


@pytest.mark.parametrize("get", [refuse, lambda path: {}, lambda path: {"jobs": [{}]}])
def test_an_answer_that_does_not_fit_stops_nothing(get):
    assert FlinkSteps("http://localhost:1", STEPS, get).step() == ""


def test_nobody_listens():
    assert FlinkSteps("http://localhost:1", STEPS).step() == ""
