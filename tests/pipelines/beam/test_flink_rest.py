"""The step and the counters of a job of Flink, by answers of its REST API as Flink 1.19 gives them."""

import itertools
import json

import pytest

from seq2seq_arith.pipelines.beam.answers import WAITS, Answer
from seq2seq_arith.pipelines.beam.flink_rest import FlinkJob, counters

STEPS = {"Draw": "draws", "Deduplicate": "drops duplicates", "Write": "writes"}
VERTICES = (
    "DataSource (Impulse)",
    "CHAIN MapPartition (MapPartition at [1]Chunks) -> FlatMap (FlatMap at ExtractOutput[0])",
    "CHAIN MapPartition (MapPartition at [2]{Draw, ByPartition}) -> FlatMap (FlatMap at ExtractOutput[0])",
    "GroupReduce (GroupReduce at Shuffle)",
    "MapPartition (MapPartition at [6]{Read, Deduplicate, Kept, InWindows, Cut})",
    "CHAIN MapPartition (MapPartition at [3]{Write, Reports}) -> FlatMap (FlatMap at ExtractOutput[0])",
)


def info(name: str, payload: str, step: str, namespace: str = "ours") -> dict:
    """A counter in Beam's accumulator; the payload is a varint in base64."""
    labels = {"NAME": name, "NAMESPACE": namespace, "PTRANSFORM": step}
    urn, kind = "beam:metric:user:sum_int64:v1", "beam:metrics:sum_int64:v1"
    return {"urn": urn, "type": kind, "payload": payload, "labels": labels}


COUNTED = {"draws": 200, "duplicates": 2}
TOLD = [info("draws", "yAE=", "a"), info("duplicates", "AQ==", "a"), info("duplicates", "AQ==", "b"),
        info("draws", "AQ==", "a", "another's")]  # fmt: skip
ACCUMULATORS = {
    "job-accumulators": [],
    "user-task-accumulators": [
        {"name": "another", "type": "IntCounter", "value": "1"},
        {"name": "__metricscontainers", "value": json.dumps({"metrics": {"attempted": TOLD}})},
    ],
}


def job(jid: str, start: int, end: int = -1, name: str = "BeamApp-me-1") -> dict:
    return {"jid": jid, "name": name, "start-time": start, "end-time": end}


def cluster(ended: int, begun: int, status: str, state: str = "RUNNING"):
    """A cluster with other jobs, and then ours: so many vertices have ended, and so many have this status."""
    calls = itertools.count()

    def get(path: str):
        if path == "/jobs/overview":
            others = [job("same name", 3, end=9), job("another's", 5, name="BeamApp-me-2")]
            return {"jobs": [*others, *[job("ours", 2)] * (next(calls) > 0)]}
        if path == "/jobs/ours/accumulators":
            return ACCUMULATORS
        assert path == "/jobs/ours"
        states = ["FINISHED"] * ended + [status] * begun + ["CREATED"] * (len(VERTICES) - ended - begun)
        return {"state": state, "vertices": [{"name": n, "status": s} for n, s in zip(VERTICES, states, strict=True)]}

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
    ask = FlinkJob("", "BeamApp-me-1_a-b", "ours", STEPS, cluster(ended, begun, status))
    assert ask() == Answer()  # our job is not there yet
    assert ask() == Answer(COUNTED, expected)


def test_after_the_end_the_counters_tell_the_step():
    ask = FlinkJob("", "BeamApp-me-1_a-b", "ours", STEPS, cluster(6, 0, "", state="FINISHED"))
    assert [ask(), ask()] == [Answer(), Answer(COUNTED)]


@pytest.mark.parametrize(
    "told", [[], [{"name": "another", "value": "1"}], [{"name": "__metricscontainers", "value": "{}"}]]
)
def test_no_counters(told):
    assert counters({"user-task-accumulators": told}, "ours") == {}


def test_nobody_listens():
    with pytest.raises(OSError, match="refused"):
        FlinkJob("http://localhost:1", "BeamApp-me-1_a-b", "ours", STEPS)()
