"""Flink: a cluster of processes gives the local runner's files, also when it has to spill."""

import re
import signal
import subprocess
import sys
import time

import clusters
import psutil
import pytest
from programs import ends_as_told, find_paths, run, start, tree, without_lock
from sockets import reachable

MISSING = clusters.missing("Flink")
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

MANAGED = 16  # megabytes in which each of two task managers sorts
MEDIUM = ["addition", "--digits=7", "--num-examples=3000000", "--no-parquet"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A job manager, two task managers and Beam's job server, each a process."""
    module = clusters.load("flink")
    with module.Cluster(tmp_path_factory.mktemp("flink"), managed=MANAGED) as running:
        yield running


def last_job(cluster) -> dict:
    """The newest job that the cluster knows."""
    return max(cluster.rest("/jobs/overview")["jobs"], key=lambda job: job["start-time"], default={"state": None})


@pytest.mark.slow
def test_a_dataset(cluster, tmp_path):
    """The local run's bytes; the page and the states of the job; and no port that another machine can reach."""
    process = start("generate", *MEDIUM, "--data-dir", tmp_path / "flink", *cluster.flags)
    seen = clusters.sockets_of(process, *cluster.processes.values())
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    run("generate", *MEDIUM, "--data-dir", tmp_path / "local", check=True)
    assert tree(tmp_path / "flink") == tree(tmp_path / "local")
    assert len(seen) >= 16
    assert reachable(seen) == set()
    first, *later = stderr.splitlines()
    job = re.fullmatch(rf"the runner started job (\S+); see http://{cluster.address}", first)
    assert job
    assert f"job {job[1]} is RUNNING" in later


@pytest.mark.release
def test_ctrl_c(cluster, tmp_path):
    """Beam's job server does not hand it on to Flink; the job ends all the same, for its workers find no folder."""
    process = start("generate", *MEDIUM, "--data-dir", tmp_path, *cluster.flags)
    while process.poll() is None and not find_paths(tmp_path, "*.tfrecord-*"):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert ends_as_told(stderr.splitlines()[-1], "arith-data: stopped")
    end = time.monotonic() + 60
    while last_job(cluster)["state"] not in ("CANCELED", "FAILED") and time.monotonic() < end:
        time.sleep(0.1)
    assert last_job(cluster)["state"] in ("CANCELED", "FAILED")
    assert without_lock(tmp_path) == {}


@pytest.mark.release
def test_beams_own_flink_runner(cluster, tmp_path):
    """Which starts the job server by its jar, where ``job_endpoint`` names none."""
    small = ("pq", "--digits=50", "--num-examples=1000", "--data-dir")
    process = start(
        "generate", *small, tmp_path / "flink", *clusters.own_flags("Flink", cluster.address, cluster.flags)
    )
    seen = clusters.sockets_of(process)
    assert process.returncode == 0, process.communicate()[1]
    assert seen
    assert reachable(seen) == set()
    run("generate", *small, tmp_path / "local", check=True)
    assert tree(tmp_path / "flink") == tree(tmp_path / "local")


@pytest.mark.release
def test_workers_that_cannot_start(cluster, tmp_path):
    """One sentence that says what the runner says."""
    line = clusters.reason_without_workers(cluster.flags, tmp_path)
    assert re.match(r"arith-data: job \S+ ended as FAILED: ", line)


@pytest.mark.release
def test_the_program_ends_with_its_terminal(tmp_path):
    """And with it all that it has started."""
    clusters.load("flink")
    command = [sys.executable, clusters.ROOT / "runners/flink/cluster.py", "--folder", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any(line.startswith("arith-data generate ") for line in process.stdout)
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 130
    assert len(children) == 4
    assert psutil.wait_procs(children, timeout=60)[1] == []
