"""Spark: a cluster of processes, started as the page says, gives the local runner's files."""

import re

import clusters
import pytest
from programs import run, start, tree
from sockets import reachable

MISSING = clusters.missing("Spark")
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

SMALL = ["--num-examples=5000"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A master, two workers and Beam's job server, each a process."""
    with clusters.load("spark").Cluster(tmp_path_factory.mktemp("spark")) as running:
        yield running


@pytest.mark.slow
def test_a_dataset(cluster, tmp_path):
    """The local run's bytes; the states of the job; and no port that another machine can reach."""
    process = start("generate", "addition", "--data-dir", tmp_path / "spark", *cluster.flags)
    seen = clusters.sockets_of(process, *cluster.processes.values())
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert reachable(seen) == set() != seen
    job = re.search(r"^the runner started job (\S+)$", stderr, re.MULTILINE)
    assert job
    assert f"job {job[1]} is RUNNING" in stderr
    run("generate", "addition", "--data-dir", tmp_path / "local", check=True)
    assert tree(tmp_path / "spark") == tree(tmp_path / "local")


@pytest.mark.release
def test_beams_own_spark_runner(cluster, tmp_path, monkeypatch):
    """Which starts the job server by its jar, where ``job_endpoint`` names none; the jar comes with the job."""
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    flags = clusters.own_flags("Spark", cluster.master.removeprefix("spark://"), cluster.flags)
    process = start("generate", "pq", *SMALL, "--data-dir", tmp_path / "spark", *flags)
    seen = clusters.sockets_of(process)
    assert process.returncode == 0, process.communicate()[1]
    assert seen
    assert reachable(seen) == set()
    run("generate", "pq", *SMALL, "--data-dir", tmp_path / "local", check=True)
    assert tree(tmp_path / "spark") == tree(tmp_path / "local")


@pytest.mark.release
def test_workers_that_cannot_start(cluster, tmp_path):
    """One sentence that says what the runner says."""
    line = clusters.reason_without_workers(cluster.flags, tmp_path)
    assert re.match(r"arith-data: job \S+ ended as FAILED: \S+Exception: ", line)
