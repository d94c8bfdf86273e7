"""A Flink cluster on this machine: a job manager, task managers and Beam's job server, each in its own process.

``python engines/flink/cluster.py`` starts one, prints the flags with which ``arith-data`` runs on it, and stops it on
Ctrl-C. In a program, ``with Cluster(...) as cluster`` does the same. ``make flink`` gathers the jars.

All of it listens on the loopback interface alone, because none of it asks who calls. Whoever can call it runs programs
as the user who started it: all users of this machine can.
"""

import dataclasses
import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from local_cluster import (
    BUILD,
    LocalCluster,
    is_listening,
    make_parser,
    opened,
    run,
    worker_flags,
)

from seq2seq_arith.base.errors import EngineError

JARS = BUILD / "flink"
KEPT = 3_000  # milliseconds: keep an idle worker this long (starting one takes seconds)
RESTART = 5_000  # milliseconds before a job is restarted; longer than KEPT, because a dead worker is also kept
# Milliseconds in which a task manager that was lost must have been replaced; then the job is restarted once more, or
# fails. With the restarts and their delays this is less than a minute.
SLOT = 10_000

POM = Path(__file__).with_name("job-server") / "pom.xml"  # lists the Java packages that Flink's scripts open on Java 17
RUNTIME = "org.apache.flink.runtime"
MEMORY = "BASH_JAVA_UTILS_EXEC_RESULT:"  # before each answer of Flink to its own scripts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a cluster.

    Attributes:
      task_managers: The number of task managers. Each has one slot: it works on one part of a job at a time.
      managed: Megabytes per task manager in which Flink sorts. Flink spills the rest to the disk.
      heap: Megabytes per task manager for data that passes through.
      restarts: How often a job is restarted after it has lost a task manager.
      replacements: How many task managers that have ended are replaced.
      jars: The folder of the jars that ``make flink`` gathers.
    """

    task_managers: int = 2
    managed: int = 128
    heap: int = 512
    restarts: int = 3
    replacements: int = 20
    jars: Path = JARS


class Cluster(LocalCluster):
    """A cluster of Flink that runs until the end of the ``with`` block.

    The folder ``tmp`` has a folder per task manager and purpose, where Flink spills.
    """

    ENGINE, TARGET, MEMBER = "Flink", "flink", "task manager"
    settings: Settings

    def __init__(
        self, folder: Path, settings: Settings | None = None, say: Callable[[str], object] = lambda _: None
    ) -> None:
        super().__init__(folder, settings or Settings(), say)
        self._rest, self._rpc, self._jobs = (self._keep_port() for _ in range(3))

    @property
    def task_managers(self) -> list[subprocess.Popen]:
        """The task managers, also those that have ended."""
        return self.members

    @property
    def address(self) -> str:
        """Flink's REST API, as Beam's ``--flink_master`` takes it."""
        return f"localhost:{self._rest}"

    @property
    def flags(self) -> list[str]:
        """Beam's flags for a run on this cluster, with one worker process per task manager."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self._jobs}",
            f"--parallelism={self.settings.task_managers}",
            *worker_flags(),
            f"--environment_cache_millis={KEPT}",
            f"--flink_master={self.address}",  # for the page of the job; the job server knows it already
        ]

    def add_member(self) -> subprocess.Popen:
        """Starts one more task manager, without waiting for it."""
        java, options = self._memory("GET_TM_RESOURCE_PARAMS")
        main = f"{RUNTIME}.taskexecutor.TaskManagerRunner"
        return self._start_member(*java, *self._flink(main), *options)

    def num_task_managers(self) -> int:
        """The number of task managers that the job manager knows."""
        try:
            return self.rest("/overview")["taskmanagers"]
        except (OSError, urllib.error.URLError):
            return 0

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs since the start, the latest first; each has a ``jid``, a ``state``, and times."""
        found = self.rest("/jobs/overview")["jobs"]
        return sorted(found, key=lambda job: job["start-time"], reverse=True)

    def failures(self, jid: str) -> list[str]:
        """Why Flink restarted the tasks of a job, the latest reason first."""
        history = self.rest(f"/jobs/{jid}/exceptions?maxExceptions=100")["exceptionHistory"]
        return [entry["stacktrace"].splitlines()[0] for entry in history["entries"]]

    def _start_all(self) -> None:
        (self.folder / "conf" / "config.yaml").write_text(self._config())
        self._start_job_manager()
        for _ in range(self.settings.task_managers):
            self.add_member()
        self._start_job_server()
        self._wait_for(lambda: self.num_task_managers() == self.settings.task_managers, "its task managers")
        self._wait_for(lambda: is_listening(self._jobs), "Beam's job server")

    def _start_job_manager(self) -> None:
        java, options = self._memory("GET_JM_RESOURCE_PARAMS")
        main = f"{RUNTIME}.entrypoint.StandaloneSessionClusterEntrypoint"
        self._start("job-manager", *java, *self._flink(main), *options)

    def _start_job_server(self) -> None:
        ports = (f"--job-port={self._jobs}", "--artifact-port=0", "--expansion-port=0")
        where = (f"--flink-master={self.address}", f"--artifacts-dir={self.tmp / 'artifacts'}")
        self._start("job-server", "-Xmx512m", "-jar", str(self.jar), *where, *ports)

    def _memory(self, what: str) -> tuple[list[str], list[str]]:
        """Flags for Java and for Flink, which Flink computes as for its own scripts."""
        main = self._flink(f"{RUNTIME}.util.bash.BashJavaUtils", what)
        asked = subprocess.run(["java", *main], capture_output=True, text=True, env=self._environment())
        java, options, *_ = [
            line.removeprefix(MEMORY).split() for line in asked.stdout.splitlines() if line.startswith(MEMORY)
        ] + [[], []]
        if asked.returncode or not java:
            raise EngineError(f"Flink cannot divide its memory: {(asked.stderr or asked.stdout).strip()[-2000:]}")
        return java, options

    def _flink(self, *main: str) -> list[str]:
        # Beam is part of the cluster, as if it were in Flink's folder ``lib``. It also comes with every job, but that
        # copy stops its Python workers whenever no step needs them for a moment.
        classes = f"{self.settings.jars / 'cluster'}/*{os.pathsep}{self.jar}"
        return [*opened(POM), "-cp", classes, *main, "--configDir", str(self.folder / "conf")]

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"FLINK_CONF_DIR": str(self.folder / "conf")}

    def _config(self) -> str:
        settings = self.settings
        values = {
            "jobmanager.rpc.address": "localhost",
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": "localhost",
            "jobmanager.memory.process.size": "1g",
            "rest.address": "localhost",
            "rest.bind-address": "localhost",
            "rest.port": self._rest,
            # The age of the REST API's answers, in milliseconds. A step may end within the default of three seconds.
            "web.refresh-interval": 100,
            "taskmanager.host": "localhost",
            "taskmanager.bind-host": "localhost",
            "taskmanager.numberOfTaskSlots": 1,
            "taskmanager.memory.managed.size": f"{settings.managed}m",
            "taskmanager.memory.task.heap.size": f"{settings.heap}m",
            # For the data that goes to Python's workers and comes back; by default a job has none.
            "taskmanager.memory.task.off-heap.size": "512m",
            "taskmanager.memory.network.min": "64m",
            "taskmanager.memory.network.max": "64m",
            "classloader.resolve-order": "parent-first",
            "io.tmp.dirs": self.tmp,
            "slot.request.timeout": SLOT,
            # A task manager that was killed cannot be reached: it is missed after two intervals, in milliseconds. One
            # that is there, but does not answer, is missed after the timeout.
            "heartbeat.interval": 1000,
            "heartbeat.timeout": 60_000,
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": settings.restarts,
            "restart-strategy.fixed-delay.delay": f"{RESTART} ms",
        }
        return "".join(f"{name}: {json.dumps(str(value))}\n" for name, value in values.items())


def main() -> int:
    """Runs a cluster until Ctrl-C."""
    default = Settings()
    parser = make_parser(Cluster, __doc__, JARS)
    parser.add_argument("--task-managers", type=int, default=default.task_managers, metavar="N")
    parser.add_argument(
        "--managed", type=int, default=default.managed, metavar="MB", help="memory to sort in, per task manager"
    )
    given = parser.parse_args()
    settings = Settings(task_managers=given.task_managers, managed=given.managed, jars=given.jars)
    return run(Cluster, settings, given.folder)


if __name__ == "__main__":
    sys.exit(main())
