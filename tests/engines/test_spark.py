"""Spark: a cluster of processes, started as the page says, gives the local runner's files."""

import json
import re
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import clusters
import pytest
from programs import ends_as_told, run, start, tree, without_lock
from sockets import listening, reachable

MISSING = clusters.missing("Spark")
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

SMALL = ["--num-examples=5000"]
MEDIUM = ["addition", "--digits=7", "--num-examples=3000000", "--no-parquet"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The first block of the page, in a shell: a master, two workers and Beam's job server, each a process."""
    followed = clusters.Followed("Spark", tmp_path_factory.mktemp("spark"))
    yield followed
    followed.end()


@pytest.fixture(scope="module")
def medium(tmp_path_factory) -> Path:
    """Three million pairs by the local runner."""
    path = tmp_path_factory.mktemp("local")
    run("generate", *MEDIUM, "--data-dir", path, check=True)
    return path


def master(cluster) -> dict:
    """What the master knows."""
    with urllib.request.urlopen(f"{cluster.page()}/json/", timeout=10) as answer:
        return json.load(answer)


def wait(is_so: Callable[[], object], seconds: float = 60) -> bool:
    """Whether it becomes so."""
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(is_so())


@pytest.mark.slow
def test_a_dataset_by_the_page_word_for_word(cluster, tmp_path):
    """Its second block runs on what the first one has started, with the flags that are printed, but for the port."""
    process = cluster.run()
    assert process.returncode == 0, process.stderr
    run("generate", "addition", "--data-dir", tmp_path, check=True)
    assert tree(cluster.folder / "data") == tree(tmp_path)
    assert cluster.typed_flags() == cluster.printed_flags()
    job = re.search(r"^the engine runs it as job (\S+)$", process.stderr, re.MULTILINE)
    assert job
    assert f"the engine's job {job[1]} is RUNNING" in process.stderr


@pytest.mark.release
def test_no_port_that_another_machine_can_reach(cluster, tmp_path):
    """Those of Spark, the job server and its staging, and of the servers for the workers, which are there meanwhile."""
    process = start("generate", "subtraction", *SMALL, "--data-dir", tmp_path, *cluster.flags)
    seen = set()
    while process.poll() is None:
        seen.update(one for server in cluster.processes() for one in listening(server))
        time.sleep(0.05)
    assert process.returncode == 0, process.communicate()
    assert len(seen) >= 16
    assert reachable(seen) == set()


@pytest.mark.release
def test_beams_own_spark_runner(cluster, tmp_path, monkeypatch):
    """Which starts the job server by its jar, where ``job_endpoint`` names none; the jar comes with the job."""
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    flags = clusters.own_flags("Spark", master(cluster)["url"].removeprefix("spark://"), cluster.flags)
    process = start("generate", "pq", *SMALL, "--data-dir", tmp_path / "spark", *flags)
    seen = clusters.sockets_of(process)
    assert process.returncode == 0, process.communicate()[1]
    assert seen
    assert reachable(seen) == set()
    run("generate", "pq", *SMALL, "--data-dir", tmp_path / "local", check=True)
    assert tree(tmp_path / "spark") == tree(tmp_path / "local")


@pytest.mark.release
def test_a_second_job_is_refused_and_ctrl_c_cancels_the_first(cluster, tmp_path):
    first = start("generate", *MEDIUM, "--data-dir", tmp_path / "first", *cluster.flags)
    assert wait(lambda: master(cluster)["activeapps"])
    second = run("generate", "pq", *SMALL, "--data-dir", tmp_path / "second", *cluster.flags)
    assert second.returncode == 1
    assert "Only one SparkContext should be running in this JVM" in second.stderr.splitlines()[-1]
    first.send_signal(signal.SIGINT)
    _, stderr = first.communicate(timeout=120)
    assert first.returncode == 130
    assert ends_as_told(stderr.splitlines()[-1], "arith-data: stopped")
    assert wait(lambda: not master(cluster)["activeapps"])
    assert without_lock(tmp_path) == {}


@pytest.mark.release
def test_workers_that_cannot_start(cluster, tmp_path):
    """One sentence that says what the engine says."""
    line = clusters.reason_without_workers(cluster.flags, tmp_path)
    assert re.match(r"arith-data: the engine's job \S+ ended as FAILED: \S+Exception: ", line)
    assert ends_as_told(line, "")
    assert "No such file" in line


@pytest.mark.release
def test_ctrl_c_ends_every_process(cluster):
    """The last test here, because the others need the cluster."""
    processes = cluster.all_processes()
    assert len(processes) >= 4
    assert cluster.end() == 0
    assert wait(lambda: not any(process.is_running() for process in processes), seconds=10)
