"""What the clusters of Flink and of Spark on this machine share: processes that are started, watched and stopped.

All of a cluster listens on the loopback interface only, because it does not ask who calls. All users of this machine
can call it, and thereby run programs as the user who started it.
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
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from seq2seq_arith.base.errors import EngineError

BUILD = Path(__file__).resolve().parents[1] / "build"
START_SECONDS = 120  # timeout for the start of a process
WATCH_SECONDS = 0.5  # between two looks at the processes
LOGGING = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """The settings that every cluster has; each is an option of its program.

    Attributes:
      members: The number of processes that work on jobs, each on one part of a job at a time.
      replacements: How many members that have ended are replaced.
      jars: The folder of the jars that ``make`` gathers.
    """

    members: int = 2
    replacements: int = 20
    jars: Path = BUILD


class LocalCluster:
    """A cluster that runs until the end of the ``with`` block: a master, members that work, and Beam's job server.

    A subclass names the engine (ENGINE), its target of ``make`` (TARGET) and a member (MEMBER), and gives the methods
    below. Members that end are replaced.

    Attributes:
      folder: Holds ``conf``, ``log`` and ``tmp``; it is kept.
      processes: All processes.
      members: Those that work on jobs, also those that have ended.

    Args:
      folder, settings: As above.
      say: Called with a sentence when a member has ended.
    """

    ENGINE: str
    TARGET: str
    MEMBER: str

    def __init__(self, folder: Path, settings: Any, say: Callable[[str], object] = lambda _: None) -> None:
        self.folder = folder
        self.settings = settings
        self.processes: list[subprocess.Popen] = []
        self.members: list[subprocess.Popen] = []
        self._say = say
        self._ports = contextlib.ExitStack()
        self._page, self._rpc, self._jobs = (self._keep_port() for _ in range(3))
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    @property
    def address(self) -> str:
        """The host and port of the engine's pages and of its REST API."""
        return f"localhost:{self._page}"

    @property
    def flags(self) -> list[str]:
        """Beam's flags for a run on this cluster, with one worker process of Python per member."""
        worker = Path(sys.executable).with_name("arith-worker")
        if not worker.exists():
            raise EngineError(
                f"there is no {worker}; run this with the Python of the environment that has seq2seq_arith"
            )
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self._jobs}",
            "--environment_type=PROCESS",
            f"--environment_options=process_command={worker}",
        ]

    def start_master(self) -> None:
        """Starts the process that knows the members."""
        raise NotImplementedError

    def add_member(self) -> subprocess.Popen:
        """Starts one more member, without waiting for it."""
        raise NotImplementedError

    def num_members(self) -> int:
        """The number of members that the master knows.

        Raises OSError if it does not answer.
        """
        raise NotImplementedError

    def job_server(self) -> tuple[list[str], str]:
        """Java's flags for Beam's job server, and its own flag that names the master."""
        raise NotImplementedError

    def _keep_port(self) -> int:
        """A port of this machine that no other program gets until the cluster stops.

        A server may come seconds later, and the page of Spark's driver with each job. On Linux, the port is bound by a
        socket that does not listen and lets the server bind it as well; elsewhere it is only free now.
        """
        kept = self._ports.enter_context(socket.socket())
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        if sys.platform != "linux":
            kept.close()
        return port

    def _environment(self) -> dict[str, str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'conf' / 'log4j2.properties'}"
        return os.environ | {"JDK_JAVA_OPTIONS": logging}

    @property
    def tmp(self) -> Path:
        """The folder where the engine writes data that does not fit into memory, and Beam stages files."""
        return self.folder / "tmp"

    @property
    def jar(self) -> Path:
        """Beam's job server."""
        return self.settings.jars / "job-server.jar"

    def __enter__(self):
        """Starts every process; raises EngineError if one does not come up."""
        if not self.jar.exists():
            raise EngineError(f"{self.settings.jars} has no job-server.jar; run: make {self.TARGET}")
        if shutil.which("java") is None:
            raise EngineError(
                f"there is no java to run {self.ENGINE} with; install a JDK, for example 17, and put it in PATH"
            )
        for name in ("conf", "log", "tmp/artifacts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "conf" / "log4j2.properties").write_text(LOGGING)
        try:
            self.start_master()
            for _ in range(self.settings.members):
                self.add_member()
            java, master = self.job_server()
            ports = (f"--job-port={self._jobs}", "--artifact-port=0", "--expansion-port=0")
            artifacts = f"--artifacts-dir={self.tmp / 'artifacts'}"
            self._start("job-server", "-Xmx512m", *java, "-jar", str(self.jar), master, artifacts, *ports)
            self._wait_until_up()
            self._watcher.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def rest(self, path: str) -> Any:
        """The answer of the engine's REST API."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """Stops every process. Python's workers end with the process that started them."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with its child processes
            process.wait()
        self.processes.clear()
        self._ports.close()

    def wait(self) -> None:
        """Waits for ever; raises EngineError if a process has ended that is not a member."""
        needed = [process for process in self.processes if process not in self.members]
        while not self._stopping.wait(WATCH_SECONDS):
            for process in needed:
                if process.poll() is not None:
                    raise EngineError(f"a process of the cluster has {_end(process)}; see {self.folder / 'log'}")

    def _watch(self) -> None:
        """Starts another member for each that has ended, until the cluster is stopped."""
        missed: set[int] = set()
        while not self._stopping.wait(WATCH_SECONDS):
            for number, process in enumerate(list(self.members)):
                if process.poll() is None or number in missed:
                    continue
                missed.add(number)
                lost = f"{self.MEMBER} {number} (process {process.pid}) has {_end(process)}"
                if len(missed) > self.settings.replacements:
                    self._say(f"{lost}, and no more are started after {self.settings.replacements}")
                    continue
                self._say(f"{lost}; {self.MEMBER} {len(self.members)} is started in its place")
                with contextlib.suppress(OSError, EngineError):
                    self.add_member()

    def _start(self, name: str, *arguments: str) -> subprocess.Popen:
        """Starts a process of Java, in a session of its own, which logs into a file of this name."""
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

    def _start_member(self, *arguments: str) -> subprocess.Popen:
        process = self._start(f"{self.MEMBER.replace(' ', '-')}-{len(self.members)}", *arguments)
        self.members.append(process)
        return process

    def _wait_until_up(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if self.num_members() == self.settings.members:
                    socket.create_connection(("localhost", self._jobs), timeout=1).close()
                    return
            if any(process.poll() is not None for process in self.processes) or time.monotonic() > end:
                raise EngineError(f"the cluster did not come up; see {self.folder / 'log'}")
            time.sleep(0.1)


def _end(process: subprocess.Popen) -> str:
    """How a process has ended."""
    code = process.returncode
    return f"been killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def opened(pom: Path) -> list[str]:
    """Java's flags for the packages that a POM lists as those which the engine's scripts open on Java 17."""
    names = ElementTree.parse(pom).findtext(".//{*}opened") or ""
    return [f"--add-opens={name}=ALL-UNNAMED" for name in names.split()]


def main(cluster: type[LocalCluster], default: ClusterSettings, description: str | None) -> int:
    """Runs a cluster until Ctrl-C or SIGTERM, and returns the exit code."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--folder", type=Path, help="for logs and spilled data; by default a new one")
    for name, value in vars(default).items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help="see Settings in the source")
    given = vars(parser.parse_args())
    folder = given.pop("folder") or Path(tempfile.mkdtemp(prefix=f"{cluster.TARGET}-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say = functools.partial(print, "cluster.py:", file=sys.stderr, flush=True)
        with cluster(folder.absolute(), type(default)(**given), say) as running:
            logs = running.folder / "log"
            print(f"{cluster.ENGINE} is at http://{running.address}, its logs in {logs}; Ctrl-C stops it.")
            print("To run on it, in another terminal:")
            print(f"arith-data generate addition --data-dir data {' '.join(running.flags)}", flush=True)
            running.wait()
    except EngineError as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0
