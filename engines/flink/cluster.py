"""A Flink cluster on this machine: a job manager, task managers and Beam's job server, each a process of its own.

``python engines/flink/cluster.py`` starts one, says with which flags ``arith-data`` runs on it, and stops it on Ctrl-C.
In a program, ``with Cluster(...) as cluster`` does the same. The jars are those that ``make flink`` gathers.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

JARS = Path(__file__).resolve().parents[2] / "build" / "flink"
# Milliseconds for which a worker is kept that no step needs, for it takes seconds to start; and before a job is started
# again. The longer, for a worker that has died is kept too.
KEPT, RESTART = 3_000, 5_000
SECONDS = 120  # in which a process must have come up

POM = Path(__file__).with_name("job-server") / "pom.xml"  # lists what Flink's own scripts open to it on Java 17
LOGGING = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
"""
RUNTIME = "org.apache.flink.runtime"
MEMORY = "BASH_JAVA_UTILS_EXEC_RESULT:"  # before what Flink's scripts are told by Flink


class ClusterError(RuntimeError):
    """The cluster cannot be started, or did not come up."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What a cluster is like.

    Attributes:
      task_managers: How many; each has one slot, that is, works on one part of a job at a time.
      managed: Megabytes of each that Flink sorts in. What it has no room for there it spills to the disk.
      heap: Megabytes of each for what passes through.
      restarts: How often a job is started again after it has lost a task manager.
      jars: Where ``make flink`` has put the jars.
    """

    task_managers: int = 2
    managed: int = 128
    heap: int = 512
    restarts: int = 3
    jars: Path = JARS


class Cluster:
    """A running cluster, which the ``with`` block's end stops.

    Attributes:
      folder: Holds ``conf``, ``log`` and ``tmp``, where Flink spills and Beam stages; it is kept.
      settings: What the cluster is like.
      task_managers: The processes that are running, or were.
    """

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.folder = folder
        self.settings = settings or Settings()
        self.task_managers: list[subprocess.Popen] = []
        self._processes: list[subprocess.Popen] = []
        self._rest, self._rpc, self._jobs = free_ports(3)

    @property
    def address(self) -> str:
        """Flink's REST API, as Beam's ``--flink_master`` takes it."""
        return f"localhost:{self._rest}"

    @property
    def tmp(self) -> Path:
        """Where Flink writes what does not stay in memory, a folder for each task manager and purpose."""
        return self.folder / "tmp"

    @property
    def flags(self) -> list[str]:
        """What ``arith-data`` is to be given to run here, in a worker process for each task manager."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self._jobs}",
            f"--parallelism={self.settings.task_managers}",
            *worker_flags(),
            f"--environment_cache_millis={KEPT}",
        ]

    def __enter__(self) -> "Cluster":
        if not (self.settings.jars / "job-server.jar").exists():
            raise ClusterError(f"{self.settings.jars} has no job-server.jar; run: make flink")
        if shutil.which("java") is None:
            raise ClusterError("there is no java to run Flink with; install a JDK, 17 say, and put it in PATH")
        for name in ("conf", "log", "tmp/artifacts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "conf" / "config.yaml").write_text(self._config())
        (self.folder / "conf" / "log4j2.properties").write_text(LOGGING)
        try:
            self._start_job_manager()
            for _ in range(self.settings.task_managers):
                self.add_task_manager()
            self._start_job_server()
            self._wait(lambda: self.num_task_managers() == self.settings.task_managers, "its task managers")
            self._wait(lambda: is_listening(self._jobs), "Beam's job server")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def add_task_manager(self) -> subprocess.Popen:
        """Starts one more task manager, and does not wait for it."""
        java, options = self._memory("GET_TM_RESOURCE_PARAMS")
        main = f"{RUNTIME}.taskexecutor.TaskManagerRunner"
        process = self._start(f"task-manager-{len(self.task_managers)}", *java, *self._flink(main), *options)
        self.task_managers.append(process)
        return process

    def rest(self, path: str) -> Any:
        """What Flink's REST API answers."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def num_task_managers(self) -> int:
        """How many the job manager has."""
        try:
            return self.rest("/overview")["taskmanagers"]
        except (OSError, urllib.error.URLError):
            return 0

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs since the start, the latest first: its ``jid``, ``state``, and times."""
        found = self.rest("/jobs/overview")["jobs"]
        return sorted(found, key=lambda job: job["start-time"], reverse=True)

    def failures(self, jid: str) -> list[str]:
        """What made Flink start a job's tasks again, the latest first."""
        history = self.rest(f"/jobs/{jid}/exceptions?maxExceptions=100")["exceptionHistory"]
        return [entry["stacktrace"].splitlines()[0] for entry in history["entries"]]

    def stop(self) -> None:
        """Stops every process; Python's workers end with their task managers."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it has left behind
        self._processes.clear()

    def _start_job_manager(self) -> None:
        java, options = self._memory("GET_JM_RESOURCE_PARAMS")
        main = f"{RUNTIME}.entrypoint.StandaloneSessionClusterEntrypoint"
        self._start("job-manager", *java, *self._flink(main), *options)

    def _start_job_server(self) -> None:
        jar = self.settings.jars / "job-server.jar"
        ports = (f"--job-port={self._jobs}", "--artifact-port=0", "--expansion-port=0")
        where = (f"--flink-master={self.address}", f"--artifacts-dir={self.folder / 'tmp' / 'artifacts'}")
        self._start("job-server", "-Xmx512m", "-jar", str(jar), *where, *ports)

    def _memory(self, what: str) -> tuple[list[str], list[str]]:
        """Flags for Java, and for Flink, as Flink's scripts ask Flink for them."""
        main = self._flink(f"{RUNTIME}.util.bash.BashJavaUtils", what)
        asked = subprocess.run(["java", *main], capture_output=True, text=True, env=self._environment())
        java, options, *_ = [
            line.removeprefix(MEMORY).split() for line in asked.stdout.splitlines() if line.startswith(MEMORY)
        ] + [[], []]
        if asked.returncode or not java:
            raise ClusterError(f"Flink cannot divide its memory: {(asked.stderr or asked.stdout).strip()[-2000:]}")
        return java, options

    def _flink(self, *main: str) -> list[str]:
        names = ElementTree.parse(POM).findtext(".//{*}opened") or ""
        opened = [f"--add-opens={name}=ALL-UNNAMED" for name in names.split()]
        jars = self.settings.jars
        # Beam is part of the cluster, as if it were in Flink's folder ``lib``. It also comes with every job, but what
        # comes with a job stops its Python workers whenever no step needs them for a moment.
        classes = f"{jars / 'cluster'}/*{os.pathsep}{jars / 'job-server.jar'}"
        return [*opened, "-cp", classes, *main, "--configDir", str(self.folder / "conf")]

    def _environment(self) -> dict[str, str]:
        conf = self.folder / "conf"
        logging = f"-Dlog4j2.configurationFile={conf / 'log4j2.properties'}"
        return os.environ | {"FLINK_CONF_DIR": str(conf), "JDK_JAVA_OPTIONS": logging}

    def _start(self, name: str, *arguments: str) -> subprocess.Popen:
        with (self.folder / "log" / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["java", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _wait(self, is_up: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + SECONDS
        while not is_up():
            ended = next((process for process in self._processes if process.poll() is not None), None)
            if ended or time.monotonic() > end:
                raise ClusterError(f"the cluster did not come up with {what}; see {self.folder / 'log'}")
            time.sleep(0.1)

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
            # How old what it says of a job may be, in milliseconds; three seconds otherwise, in which a step is over.
            "web.refresh-interval": 100,
            "taskmanager.host": "localhost",
            "taskmanager.bind-host": "localhost",
            "taskmanager.numberOfTaskSlots": 1,
            "taskmanager.memory.managed.size": f"{settings.managed}m",
            "taskmanager.memory.task.heap.size": f"{settings.heap}m",
            # What goes to Python's workers and comes from them; Flink itself grants a job none.
            "taskmanager.memory.task.off-heap.size": "512m",
            "taskmanager.memory.network.min": "64m",
            "taskmanager.memory.network.max": "64m",
            "classloader.resolve-order": "parent-first",
            "io.tmp.dirs": self.tmp,
            # One that was killed is missed after two of these milliseconds, for it cannot be reached; one that is
            # there, but says nothing, only after the timeout.
            "heartbeat.interval": 1000,
            "heartbeat.timeout": 60_000,
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": settings.restarts,
            "restart-strategy.fixed-delay.delay": f"{RESTART} ms",
        }
        return "".join(f"{name}: {json.dumps(str(value))}\n" for name, value in values.items())


def worker_flags() -> list[str]:
    """Beam's flags for workers that run what is installed beside this Python."""
    worker = Path(sys.executable).with_name("arith-worker")
    return ["--environment_type=PROCESS", f"--environment_options=process_command={worker}"]


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)]
        return [found.getsockname()[1] for found in sockets]


def is_listening(port: int) -> bool:
    """Whether somebody listens at this port."""
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


def main() -> int:
    """Runs a cluster until Ctrl-C."""
    default = Settings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task-managers", type=int, default=default.task_managers, metavar="N")
    parser.add_argument("--managed", type=int, default=default.managed, metavar="MB", help="memory to sort in, of each")
    parser.add_argument("--folder", type=Path, help="for logs and what is spilled; by default a new one")
    parser.add_argument("--jars", type=Path, default=JARS, help="where make flink has put them")
    given = parser.parse_args()
    settings = Settings(task_managers=given.task_managers, managed=given.managed, jars=given.jars)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="flink-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Cluster(folder.absolute(), settings) as cluster:
            print(f"Flink is at http://{cluster.address}, its logs in {cluster.folder / 'log'}; Ctrl-C stops it.")
            print("To run on it:")
            print(f"arith-data generate addition --data-dir data {' '.join(cluster.flags)}", flush=True)
            signal.pause()
    except ClusterError as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
