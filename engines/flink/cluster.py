"""A Flink cluster on this machine: a job manager, task managers and Beam's job server, each in its own process.

``python engines/flink/cluster.py`` starts one, prints the flags with which ``arith-data`` runs on it, and stops it on
Ctrl-C. In a program, ``with Cluster(...) as cluster`` does the same. ``make flink`` gathers the jars.

All of it listens on the loopback interface alone, because none of it asks who calls. Whoever can call it runs programs
as the user who started it: all users of this machine can.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from seq2seq_arith.base.errors import EngineError

JARS = Path(__file__).resolve().parents[2] / "build" / "flink"
KEPT = 3_000  # milliseconds: keep an idle worker this long (starting one takes seconds)
RESTART = 5_000  # milliseconds before a job is restarted; longer than KEPT, because a dead worker is also kept
START_SECONDS = 120  # timeout for the start of a process
WATCH_SECONDS = 0.5  # between two looks at the processes
# Milliseconds in which a task manager that was lost must have been replaced; then the job is restarted once more, or
# fails. With the restarts and their delays this is less than a minute.
SLOT = 10_000

POM = Path(__file__).with_name("job-server") / "pom.xml"  # lists the Java packages that Flink's scripts open on Java 17
LOGGING = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
"""
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


class Cluster:
    """A cluster that runs until the end of the ``with`` block.

    Attributes:
      folder: Holds ``conf``, ``log`` and ``tmp``, where Flink spills and Beam stages; it is kept.
      settings: The settings.
      processes: All processes.
      task_managers: Those of the task managers, also of those that have ended.

    Args:
      folder, settings: As above.
      say: Called with a sentence when a process has ended that should not have.

    Raises:
      EngineError: The cluster cannot be started.
    """

    def __init__(
        self, folder: Path, settings: Settings | None = None, say: Callable[[str], object] = lambda _: None
    ) -> None:
        self.folder = folder
        self.settings = settings or Settings()
        self.task_managers: list[subprocess.Popen] = []
        self._say = say
        self.processes: list[subprocess.Popen] = []
        self._rest, self._rpc, self._jobs = free_ports(3)
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    @property
    def address(self) -> str:
        """Flink's REST API, as Beam's ``--flink_master`` takes it."""
        return f"localhost:{self._rest}"

    @property
    def tmp(self) -> Path:
        """Where Flink writes data that does not fit into memory, a folder per task manager and purpose."""
        return self.folder / "tmp"

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

    def __enter__(self) -> "Cluster":
        if not (self.settings.jars / "job-server.jar").exists():
            raise EngineError(f"{self.settings.jars} has no job-server.jar; run: make flink")
        if shutil.which("java") is None:
            raise EngineError("there is no java to run Flink with; install a JDK, for example 17, and put it in PATH")
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
            self._watcher.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def add_task_manager(self) -> subprocess.Popen:
        """Starts one more task manager, without waiting for it."""
        java, options = self._memory("GET_TM_RESOURCE_PARAMS")
        main = f"{RUNTIME}.taskexecutor.TaskManagerRunner"
        process = self._start(f"task-manager-{len(self.task_managers)}", *java, *self._flink(main), *options)
        self.task_managers.append(process)
        return process

    def rest(self, path: str) -> Any:
        """The answer of Flink's REST API."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

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

    def stop(self) -> None:
        """Stops every process. Python's workers end with their task managers."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its child processes
        self.processes.clear()

    def wait(self) -> None:
        """Waits for ever.

        Raises:
          EngineError: The job manager or the job server has ended.
        """
        needed = [process for process in self.processes if process not in self.task_managers]
        while not self._stopping.wait(WATCH_SECONDS):
            for process in needed:
                if process.poll() is not None:
                    raise EngineError(f"a process of the cluster has {_end(process)}; see {self.folder / 'log'}")

    def _watch(self) -> None:
        """Starts another task manager for each that has ended, until the cluster is stopped."""
        missed: set[int] = set()
        while not self._stopping.wait(WATCH_SECONDS):
            for number, process in enumerate(list(self.task_managers)):
                if process.poll() is None or number in missed:
                    continue
                missed.add(number)
                lost = f"task manager {number} (process {process.pid}) has {_end(process)}"
                if len(missed) > self.settings.replacements:
                    self._say(f"{lost}, and no more are started after {self.settings.replacements}")
                    continue
                self._say(f"{lost}; task manager {len(self.task_managers)} is started in its place")
                with contextlib.suppress(OSError, EngineError):
                    self.add_task_manager()

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
        names = ElementTree.parse(POM).findtext(".//{*}opened") or ""
        opened = [f"--add-opens={name}=ALL-UNNAMED" for name in names.split()]
        jars = self.settings.jars
        # Beam is part of the cluster, as if it were in Flink's folder ``lib``. It also comes with every job, but that
        # copy stops its Python workers whenever no step needs them for a moment.
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
        self.processes.append(process)
        return process

    def _wait(self, is_up: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + START_SECONDS
        while not is_up():
            ended = next((process for process in self.processes if process.poll() is not None), None)
            if ended or time.monotonic() > end:
                raise EngineError(f"the cluster did not come up with {what}; see {self.folder / 'log'}")
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


def _end(process: subprocess.Popen) -> str:
    """How a process has ended."""
    code = process.returncode
    return f"been killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def worker_flags() -> list[str]:
    """Beam's flags for workers that run the packages installed beside this Python.

    Raises:
      EngineError: They are not installed there.
    """
    worker = Path(sys.executable).with_name("arith-worker")
    if not worker.exists():
        raise EngineError(f"there is no {worker}; run this with the Python of the environment that has seq2seq_arith")
    return ["--environment_type=PROCESS", f"--environment_options=process_command={worker}"]


def free_ports(count: int) -> list[int]:
    """Ports of this machine at which nobody listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)]
        return [found.getsockname()[1] for found in sockets]


def is_listening(port: int) -> bool:
    """Whether a server listens at this port."""
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
    parser.add_argument(
        "--managed",
        type=int,
        default=default.managed,
        metavar="MB",
        help="memory to sort in, per task manager",
    )
    parser.add_argument("--folder", type=Path, help="for logs and spilled data (default: a new folder)")
    parser.add_argument("--jars", type=Path, default=JARS, help="the folder of the jars that make flink gathers")
    given = parser.parse_args()
    settings = Settings(task_managers=given.task_managers, managed=given.managed, jars=given.jars)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="flink-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say = functools.partial(print, "cluster.py:", file=sys.stderr, flush=True)
        with Cluster(folder.absolute(), settings, say) as cluster:
            print(f"Flink is at http://{cluster.address}, its logs in {cluster.folder / 'log'}; Ctrl-C stops it.")
            print("To run on it, in another terminal:")
            print(f"arith-data generate addition --data-dir data {' '.join(cluster.flags)}", flush=True)
            cluster.wait()
    except EngineError as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
