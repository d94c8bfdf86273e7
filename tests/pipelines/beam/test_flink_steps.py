"""The step of a job of Flink, by answers of its REST API as Flink 1.19 gives them."""

import itertools

import pytest

from seq2seq_arith.pipelines.beam.flink_steps import WAITS, FlinkSteps

STEPS = {"Draw": "draws", "Deduplicate": "drops duplicates", "Write": "writes"}
VERTICES = (
    "DataSource (Impulse)",
    "CHAIN MapPartition (MapPartition at [1]Chunks) -> FlatMap (FlatMap at ExtractOutput[0])",
    "CHAIN MapPartition (MapPartition at [2]{Draw, ByPartition}) -> FlatMap (FlatMap at ExtractOutput[0])",
    "GroupReduce (GroupReduce at Shuffle)",
    "MapPartition (MapPartition at [6]{Read, Deduplicate, Kept, InWindows, Cut})",
    "CHAIN MapPartition (MapPartition at [3]{Write, Reports}) -> FlatMap (FlatMap at ExtractOutput[0])",
)


def cluster(ended: int, begun: int, status: str):
    """A cluster with an old job at first, and then ours: so many vertices have ended, and so many have this status."""
    calls = itertools.count()

    def get(path: str):
        if path == "/jobs/overview":
            ours = [{"jid": "ours", "start-time": 2}] if next(calls) else []
            return {"jobs": [{"jid": "old", "start-time": 1}, *ours]}
        assert path == "/jobs/ours"
        states = ["FINISHED"] * ended + [status] * begun + ["CREATED"] * (len(VERTICES) - ended - begun)
        return {"vertices": [{"name": n, "status": s} for n, s in zip(VERTICES, states, strict=True)]}

    return get


@pytest.mark.parametrize(
    ("ended", "begun", "status", "expected"),
    [
        (0, 0, "RUNNING", WAITS),
        (0, 2, "RUNNING", WAITS),
        (0, 6, "SCHEDULED", WAITS),
        (0, 3, "RUNNING", "draws"),
        (1, 4, "RUNNING", "draws"),
        (4, 0, "RUNNING", "draws"),
        (3, 2, "RUNNING", "drops duplicates"),
        (4, 2, "RUNNING", "drops duplicates"),
        (5, 1, "RUNNING", "writes"),
        (6, 0, "RUNNING", "writes"),
    ],
)
def test_the_first_step_that_is_running(ended, begun, status, expected):
    steps = FlinkSteps("http://localhost:1", STEPS, cluster(ended, begun, status))
    assert steps.step() == ""  # only the old job is there
    assert steps.step() == expected


def refuse(path: str):
    raise ConnectionRefusedError


@pytest.mark.parametrize("get", [refuse, lambda path: {}, lambda path: {"jobs": [{}]}])
def test_an_answer_that_does_not_fit_stops_nothing(get):
    assert FlinkSteps("http://localhost:1", STEPS, get).step() == ""


def test_nobody_listens():
    assert FlinkSteps("http://localhost:1", STEPS).step() == ""
