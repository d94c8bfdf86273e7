"""The common base of the clusters of Flink and of Spark on this machine, whose processes start and stop together.

A cluster has no authentication, so all of it listens on the loopback interface only. Every user of this machine can
connect to it, and thereby run programs as the user who started it.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types
import urllib.request
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

from seq2seq_arith.base.errors import RunnerError
from seq2seq_arith.base.terminal import program, uninterrupted

BUILD = Path(__file__).resolve().parents[1] / "build"
WATCH_SECONDS = 0.5  # between two checks of the processes
LOGGING = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
"""


class LocalCluster:
    """A cluster that runs until the end of the ``with`` block: a master, members that work, and Beam's job server.

    A subclass names the runner (RUNNER) and its target of ``make`` (TARGET), has the defaults of its own settings
    (SETTINGS, each of which is an option of its program), and implements the methods below.

    Attributes:
      folder: Holds ``conf``, ``log`` and ``tmp``; it is kept.
      settings: ``members`` is the number of processes that work on jobs, each on one part of a job at a time; ``jars``
        is the folder of the jars that ``make`` gathers; ``start_seconds`` is the timeout for the start of all.
      processes: All processes, by the name of their log.
    """

    RUNNER: str
    TARGET: str
    SETTINGS: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = types.SimpleNamespace(**self.defaults() | settings)
        self.processes: dict[str, subprocess.Popen] = {}
        self._page, self._rpc, self._jobs = (free_port() for _ in range(3))

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """All settings and their defaults."""
        return {"members": 2, "start_seconds": 120, "jars": BUILD / cls.TARGET, **cls.SETTINGS}

    @property
    def address(self) -> str:
        """The host and port of the runner's pages and of its REST API."""
        return f"localhost:{self._page}"

    @property
    def flags(self) -> list[str]:
        """Beam's flags for a run on this cluster, with one worker process of Python per member."""
        worker = Path(sys.executable).with_name("arith-worker")
        if not worker.exists():
            raise RunnerError(
                f"there is no {worker}; run this with the Python of the environment that has seq2seq_arith"
            )
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self._jobs}",
            "--environment_type=PROCESS",
            f"--environment_options=process_command={worker}",
        ]

    def start_master(self) -> None:
        """Starts the master, which registers the members."""
        raise NotImplementedError

    def start_member(self, name: str) -> None:
        """Starts one more member, without waiting for it."""
        raise NotImplementedError

    def num_members(self) -> int:
        """The number of members that the master has registered; raises OSError if it does not answer."""
        raise NotImplementedError

    def job_server(self) -> tuple[list[str], str]:
        """Java's flags for Beam's job server, and its own flag that names the master."""
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return os.environ | {"JDK_JAVA_OPTIONS": f"-Dlog4j2.configurationFile={self.folder}/conf/log4j2.properties"}

    @property
    def tmp(self) -> Path:
        """The folder for data of the runner that does not fit into memory, and for the files that Beam stages."""
        return self.folder / "tmp"

    @property
    def jar(self) -> Path:
        """Beam's job server."""
        return self.settings.jars / "job-server.jar"

    def __enter__(self):
        """Starts every process; raises RunnerError if one does not start."""
        if not self.jar.exists():
            raise RunnerError(f"{self.settings.jars} has no job-server.jar; run: make {self.TARGET}")
        if shutil.which("java") is None:
            raise RunnerError(
                f"{self.RUNNER} needs java, which is not in PATH; install a JDK, for example 17, and add it to PATH"
            )
        for name in ("conf", "log", "tmp/artifacts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "conf" / "log4j2.properties").write_text(LOGGING)
        try:
            self.start_master()
            for number in range(self.settings.members):
                self.start_member(f"member-{number}")
            java, master = self.job_server()
            ports = (f"--job-port={self._jobs}", "--artifact-port=0", "--expansion-port=0")
            artifacts = f"--artifacts-dir={self.tmp / 'artifacts'}"
            self._start("job-server", "-Xmx512m", *java, "-jar", str(self.jar), master, artifacts, *ports)
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def rest(self, path: str) -> Any:
        """The answer of the runner's REST API, as JSON."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """Stops every process. Python's workers end with the process that started them."""
        with uninterrupted():  # a closing terminal sends the signal twice
            for process in reversed(self.processes.values()):
                process.terminate()
            for process in reversed(self.processes.values()):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with its child processes
                process.wait()
            self.processes.clear()

    def wait(self) -> None:
        """Waits until a process has ended; raises RunnerError then."""
        while True:
            self._check_processes()
            time.sleep(WATCH_SECONDS)

    def _check_processes(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RunnerError(
                    f"{name} of the cluster has ended with exit code {process.returncode}; see "
                    f"{self.folder / 'log' / name}.log"
                )

    def _start(self, name: str, *arguments: str) -> None:
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
        self.processes[name] = process

    def _wait_until_up(self) -> None:
        end = time.monotonic() + self.settings.start_seconds
        while True:
            with contextlib.suppress(OSError):
                if self.num_members() == self.settings.members:
                    socket.create_connection(("localhost", self._jobs), timeout=1).close()
                    return
            self._check_processes()
            if time.monotonic() > end:
                raise RunnerError(
                    f"the cluster did not come up within {self.settings.start_seconds} seconds, and no process has "
                    f"ended; give a larger --start-seconds, or see {self.folder / 'log'}"
                )
            time.sleep(0.1)


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def opened(pom: Path) -> list[str]:
    """Java's flags for the packages that a POM lists, which the runner's own scripts open on Java 17."""
    names = ElementTree.parse(pom).findtext(".//{*}opened") or ""
    return [f"--add-opens={name}=ALL-UNNAMED" for name in names.split()]


def main(cluster: type[LocalCluster], description: str | None) -> int:
    """Runs a cluster until Ctrl-C, SIGTERM or the end of its terminal, and returns the exit code."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--folder", type=Path, help="for logs and spilled data, which stay there; by default a new one")
    for name, value in cluster.defaults().items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value, help="see SETTINGS in the source")
    settings = vars(parser.parse_args())
    folder = settings.pop("folder") or Path(tempfile.mkdtemp(prefix=f"{cluster.TARGET}-"))
    with program("cluster.py", sys.argv) as outcome, cluster(folder.absolute(), **settings) as running:
        logs = running.folder / "log"
        print(f"{cluster.RUNNER} is at http://{running.address}, its logs in {logs}; Ctrl-C stops it.")
        print("To run on it, in another terminal:")
        print(f"arith-data generate addition --data-dir data {shlex.join(running.flags)}", flush=True)
        running.wait()
    return outcome.code
