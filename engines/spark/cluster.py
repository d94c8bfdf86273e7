"""A Spark cluster on this machine: a master, workers and Beam's job server, each in its own process.

``python engines/spark/cluster.py`` starts one, prints the flags with which ``arith-data`` runs on it, and stops it on
Ctrl-C. In a program, ``with Cluster(...) as cluster`` does the same. ``make spark`` makes the jar.

For each job the job server becomes Spark's driver, and each worker starts an executor, which starts Python's worker.

All of it listens on the loopback interface alone, because none of it asks who calls. Whoever can call it runs programs
as the user who started it: all users of this machine can.
"""

import dataclasses
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from local_cluster import BUILD, LocalCluster, is_listening, make_parser, opened, run, worker_flags

JARS = BUILD / "spark"
HOST = "127.0.0.1"
KEPT = 10_000  # milliseconds: keep an idle worker of Python this long; it ends with its job anyway
POM = Path(__file__).with_name("pom.xml")  # lists the Java packages that Spark's scripts open on Java 17
DEPLOY = "org.apache.spark.deploy"
SCALA = "2.12"  # as in the POM
# What may fail on one machine before Spark shuns it: here it is the only one.
LIMITS = ("task.maxTaskAttemptsPerNode", "stage.maxFailedExecutorsPerNode", "application.maxFailedExecutorsPerNode")
ATTEMPTS = 3  # of a part of a job
NEW_EXECUTOR = "30s"  # in which it must be there; it takes some seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a cluster.

    Attributes:
      workers: The number of workers. Each has one core: it works on one part of a job at a time.
      memory: Megabytes per worker, in which Spark sorts, too. It spills what does not fit to the disk.
      replacements: How many workers that have ended are replaced.
      jars: The folder of the jar that ``make spark`` makes.
    """

    workers: int = 2
    memory: int = 1024
    replacements: int = 20
    jars: Path = JARS


class Cluster(LocalCluster):
    """A cluster of Spark that runs until the end of the ``with`` block.

    The folder ``home`` is what Spark takes for its installation, and ``work`` has the logs of the executors.
    """

    ENGINE, TARGET, MEMBER = "Spark", "spark", "worker"
    settings: Settings

    def __init__(
        self, folder: Path, settings: Settings | None = None, say: Callable[[str], object] = lambda _: None
    ) -> None:
        super().__init__(folder, settings or Settings(), say)
        self._page, self._rpc, self._jobs, self._driver = (self._keep_port() for _ in range(4))

    @property
    def workers(self) -> list[subprocess.Popen]:
        """Spark's workers, also those that have ended."""
        return self.members

    @property
    def address(self) -> str:
        """The page of Spark's master."""
        return f"localhost:{self._page}"

    @property
    def master(self) -> str:
        """The URL of Spark's master, as Beam's ``--spark_master_url`` takes it."""
        return f"spark://{HOST}:{self._rpc}"

    @property
    def flags(self) -> list[str]:
        """Beam's flags for a run on this cluster, with one worker process of Python per worker of Spark."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self._jobs}",
            *worker_flags(),
            f"--environment_cache_millis={KEPT}",
            # What each job brings along: by default the job server's jar, 0.2 GB, which the workers have already.
            f"--files_to_stage={self.settings.jars / 'servers.jar'}",
            f"--spark_rest_url=localhost:{self._driver}",  # for the page and the progress of the job
        ]

    def add_member(self) -> subprocess.Popen:
        """Starts one more worker, without waiting for it."""
        name = f"worker-{len(self.members)}"
        size = ("--cores", "1", "--memory", f"{self.settings.memory}m")
        where = ("--host", HOST, "--work-dir", str(self.folder / "work" / name))
        return self._start_member(*self._spark("worker.Worker"), *size, *where, "--webui-port", "0", self.master)

    def num_workers(self) -> int:
        """The number of workers that the master knows."""
        try:
            return self.rest("/json/")["aliveworkers"]
        except (OSError, urllib.error.URLError):
            return 0

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs since the start, the latest first; each has an ``id``, a ``state``, and times."""
        known = self.rest("/json/")
        found = [*known["activeapps"], *known["completedapps"]]
        return sorted(found, key=lambda job: job["starttime"], reverse=True)

    def _start_all(self) -> None:
        jars = self.folder / "home" / "jars"
        jars.mkdir(parents=True, exist_ok=True)
        (jars / self.jar.name).unlink(missing_ok=True)
        (jars / self.jar.name).symlink_to(self.jar.resolve())
        master = ("--host", HOST, "--port", str(self._rpc), "--webui-port", str(self._page))
        self._start("master", *self._spark("master.Master"), *master)
        for _ in range(self.settings.workers):
            self.add_member()
        self._start_job_server()
        self._wait_for(lambda: self.num_workers() == self.settings.workers, "its workers")
        self._wait_for(lambda: is_listening(self._jobs), "Beam's job server")

    def _start_job_server(self) -> None:
        """Starts Beam's job server, which sends Spark's settings along with each job."""
        values = {
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.executor.memory": f"{self.settings.memory}m",
            "spark.ui.port": self._driver,
            # A part that failed is tried again by another executor, and by a new one if none is left: Beam keeps a dead
            # worker of Python, with which every attempt of its executor would fail at once.
            "spark.excludeOnFailure.enabled": "true",
            "spark.task.maxFailures": ATTEMPTS + 1,
            **{f"spark.excludeOnFailure.{limit}": ATTEMPTS for limit in LIMITS},
            "spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout": NEW_EXECUTOR,
        }
        java = [f"-D{name}={value}" for name, value in values.items()]
        ports = (f"--job-port={self._jobs}", "--artifact-port=0", "--expansion-port=0")
        where = (f"--spark-master-url={self.master}", f"--artifacts-dir={self.tmp / 'artifacts'}")
        self._start("job-server", "-Xmx512m", *java, "-jar", str(self.jar), *where, *ports)

    def _spark(self, main: str) -> list[str]:
        return ["-Xmx512m", *opened(POM), "-cp", str(self.jar), f"{DEPLOY}.{main}"]

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {
            "SPARK_HOME": str(self.folder / "home"),
            "SPARK_LOCAL_DIRS": str(self.tmp),
            "SPARK_LOCAL_IP": HOST,  # of all pages, too
            "SPARK_SCALA_VERSION": SCALA,
        }


def main() -> int:
    """Runs a cluster until Ctrl-C."""
    default = Settings()
    parser = make_parser(Cluster, __doc__, JARS)
    parser.add_argument("--workers", type=int, default=default.workers, metavar="N")
    parser.add_argument("--memory", type=int, default=default.memory, metavar="MB", help="memory per worker")
    given = parser.parse_args()
    settings = Settings(workers=given.workers, memory=given.memory, jars=given.jars)
    return run(Cluster, settings, given.folder)


if __name__ == "__main__":
    sys.exit(main())
