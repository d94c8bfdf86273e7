"""Flink: a cluster of processes gives the local runner's files, also when it has to spill and when it is shot at."""

import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path

import clusters
import psutil
import pytest
from programs import ends_as_told, found, run, start, tree, without_lock
from sockets import listening, reachable
from worker_pools import worker_pool

MISSING = clusters.missing("Flink")
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

MANAGED = 16  # megabytes in which each of two task managers sorts
LARGE = ["addition", "--digits=7", "--num-examples=10000000", "--no-parquet"]
MEDIUM = ["addition", "--digits=7", "--num-examples=3000000", "--no-parquet"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A job manager, two task managers and Beam's job server, each a process."""
    module = clusters.load("flink")
    settings = module.Settings(managed=MANAGED)
    with module.Cluster(tmp_path_factory.mktemp("flink"), settings) as running:
        yield running


@pytest.fixture(scope="session")
def medium(tmp_path_factory) -> Path:
    """Three million pairs by the local runner."""
    path = tmp_path_factory.mktemp("local")
    run("generate", *MEDIUM, "--data-dir", path, check=True)
    return path


@pytest.mark.slow
def test_a_dataset(cluster, tmp_path, medium):
    """The local run's bytes; the page and the states of the job; and no port that another machine can reach."""
    process = start("generate", *MEDIUM, "--data-dir", tmp_path, *cluster.flags)
    seen = set()
    while process.poll() is None:
        seen |= {one for server in cluster.processes for one in listening(server.pid)}
        time.sleep(0.1)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert tree(tmp_path) == tree(medium)
    assert len(seen) >= 16
    assert reachable(seen) == set()
    first, *later = stderr.splitlines()
    job = re.fullmatch(rf"the engine runs it as job (\S+); http://{cluster.address} shows it", first)
    assert job
    assert f"the engine's job {job[1]} is RUNNING" in later


@pytest.mark.slow
def test_ctrl_c(cluster, tmp_path):
    """Beam's job server does not hand it on to Flink; the job ends all the same, for its workers find no folder."""
    process = start("generate", *MEDIUM, "--data-dir", tmp_path, *cluster.flags)
    while process.poll() is None and not found(tmp_path, "*.tfrecord-*"):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert ends_as_told(stderr.splitlines()[-1], "arith-data: stopped")
    end = time.monotonic() + 60
    while cluster.jobs()[0]["state"] not in ("CANCELED", "FAILED") and time.monotonic() < end:
        time.sleep(0.1)
    assert cluster.jobs()[0]["state"] in ("CANCELED", "FAILED")
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
def test_ten_million_pairs_are_sorted(cluster, tmp_path):
    """Task managers sort what is grouped, in the 16 MB that each has for it, and otherwise on the disk."""
    process = run("generate", *LARGE, *cluster.flags, "--data-dir", tmp_path / "flink")
    assert process.returncode == 0, process.stderr
    run("generate", *LARGE, "--data-dir", tmp_path / "local", check=True)
    assert tree(tmp_path / "flink") == tree(tmp_path / "local")
    (job, *_) = cluster.jobs()
    nodes = cluster.rest(f"/jobs/{job['jid']}/plan")["plan"]["nodes"]
    (shuffle,) = [node for node in nodes if "GroupReduce at Shuffle" in node["description"]]
    assert shuffle["operator_strategy"] == "Sorted Group Reduce"
    assert cluster.failures(job["jid"]) == []


def is_drawing(cluster, data_dir: Path) -> bool:
    """Whether the job has come to its first large step."""
    (job, *_) = cluster.jobs() or [None]
    if job is None or job["state"] != "RUNNING":
        return False
    steps = cluster.rest(f"/jobs/{job['jid']}")["vertices"]
    return any("Draw" in step["name"] and step["status"] == "RUNNING" for step in steps)


def is_writing(cluster, data_dir: Path) -> bool:
    """Whether a shard is being written, but not all are there."""
    return bool(found(data_dir, ".temp-*"))


def kill_task_manager(cluster) -> None:
    cluster.members[-1].kill()
    cluster.members[-1].wait()


def kill_worker(cluster) -> None:
    for process in clusters.workers(clusters.groups(cluster)):
        process.kill()


@pytest.mark.release
@pytest.mark.parametrize(
    ("moment", "kill"),
    [(is_drawing, kill_task_manager), (is_writing, kill_task_manager), (is_writing, kill_worker)],
    ids=["task manager, drawing", "task manager, writing", "worker, writing"],
)
def test_a_death(cluster, tmp_path, medium, moment, kill):
    """The cluster replaces a killed task manager, the job is restarted, and its files are the same."""
    finished = len(cluster.jobs())
    process = start("generate", *MEDIUM, "--data-dir", tmp_path, *cluster.flags)
    while process.poll() is None and not (len(cluster.jobs()) > finished and moment(cluster, tmp_path)):
        time.sleep(0.01)
    assert process.poll() is None, "it ended before its moment came"
    kill(cluster)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "tfds.load" in stdout
    assert tree(tmp_path) == tree(medium)
    (job, *_) = cluster.jobs()
    assert job["state"] == "FINISHED"
    assert cluster.failures(job["jid"])
    assert num_living(cluster) == cluster.settings.members
    dead = {manager.pid for manager in cluster.members if manager.poll() is not None}
    assert dead or kill is not kill_task_manager
    assert gone(dead, cluster)


@pytest.mark.release
def test_the_program_that_started_the_job_is_killed(cluster, tmp_path, medium):
    """The job goes on without it, and the next run publishes what it has written."""
    finished = len(cluster.jobs())
    process = start("generate", *MEDIUM, "--data-dir", tmp_path, *cluster.flags)
    while process.poll() is None and not (len(cluster.jobs()) > finished and is_writing(cluster, tmp_path)):
        time.sleep(0.01)
    assert process.poll() is None, "it ended before its moment came"
    process.kill()
    process.communicate()
    end = time.monotonic() + 300  # on a busy machine
    while cluster.jobs()[0]["state"] == "RUNNING" and time.monotonic() < end:
        time.sleep(0.1)
    taken_up = run("generate", *MEDIUM, "--data-dir", tmp_path)
    assert taken_up.returncode == 0, taken_up.stderr
    assert "nothing is drawn" in taken_up.stderr
    assert cluster.jobs()[0]["state"] == "FINISHED"
    assert tree(tmp_path) == tree(medium)


def num_living(cluster) -> int:
    return sum(process.poll() is None for process in cluster.members)


@pytest.mark.release
def test_a_task_manager_that_cannot_be_replaced(tmp_path_factory, tmp_path):
    """The error comes within a minute and says what is missing; the cluster says which."""
    module, said = clusters.load("flink"), []
    settings = module.Settings(managed=MANAGED, replacements=0)
    with module.Cluster(tmp_path_factory.mktemp("flink"), settings, said.append) as cluster:
        process = start("generate", *MEDIUM, "--data-dir", tmp_path, *cluster.flags)
        while process.poll() is None and not is_drawing(cluster, tmp_path):
            time.sleep(0.01)
        assert process.poll() is None, "it ended before its moment came"
        lost = cluster.members[-1]
        lost.kill()
        _, stderr = process.communicate(timeout=120)  # a busy machine needs more than what Flink waits for
    assert said == [f"task manager 1 (process {lost.pid}) has been killed by SIGKILL, and no more are started after 0"]
    assert process.returncode == 1
    assert settings.restarts * (module.RESTART + module.SLOT) < 60_000
    assert "ended as FAILED: a task manager was lost" in stderr.splitlines()[-1]


def gone(groups: set[int], cluster) -> bool:
    """Whether the workers in these process groups, whose task managers have ended, have ended too."""
    end = time.monotonic() + 60

    def left() -> list[psutil.Process]:
        return [process for process in clusters.workers(clusters.groups(cluster)) if group(process) in groups]

    while left() and time.monotonic() < end:
        time.sleep(0.1)
    return not left()


def group(process: psutil.Process) -> int | None:
    """Its process group; None if it is gone."""
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(process.pid)
    return None


@pytest.mark.release
def test_the_page_word_for_word(tmp_path):
    """A cluster that its first block starts, and a run of the second one; SIGTERM ends all that was started."""
    (tmp_path / "checkout").mkdir()
    followed = clusters.Followed("Flink", tmp_path / "checkout")
    try:
        process = followed.run()
        assert process.returncode == 0, process.stderr
        assert followed.typed_flags() == followed.printed_flags()
        started = followed.all_processes()
        assert len(started) >= 4
    finally:
        code = followed.end(signal.SIGTERM)
    assert code == 0
    assert psutil.wait_procs(started, timeout=60)[1] == []  # a worker that was killed may take a moment to end
    run("generate", "addition", "--data-dir", tmp_path / "local", check=True)
    assert tree(followed.folder / "data") == tree(tmp_path / "local")


@pytest.mark.release
def test_workers_that_cannot_start(cluster, tmp_path):
    """One sentence that says what the engine says."""
    line = clusters.reason_without_workers(cluster.flags, tmp_path)
    assert re.match(r"arith-data: the engine's job \S+ ended as FAILED: ", line)
    assert ends_as_told(line, "")
    assert "No such file" in line


@pytest.mark.release
def test_workers_of_a_pool(cluster, tmp_path):
    """A program beside the task managers starts Beam's own workers."""
    chosen = [flag for flag in cluster.flags if not flag.startswith(("--environment_type", "--environment_options"))]
    with worker_pool(sys.executable) as port:
        chosen += ["--environment_type=EXTERNAL", f"--environment_config=localhost:{port}"]
        process = run("generate", "pq", "--data-dir", tmp_path / "flink", *chosen)
    assert process.returncode == 0, process.stderr
    run("generate", "pq", "--data-dir", tmp_path / "local", check=True)
    assert tree(tmp_path / "flink") == tree(tmp_path / "local")
