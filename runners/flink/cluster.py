"""A Flink cluster on this machine: a job manager, task managers and Beam's job server, each in its own process.

``python runners/flink/cluster.py`` starts one, prints the flags with which ``arith-data`` runs on it, and stops it on
Ctrl-C. In a program, ``with Cluster(...) as cluster`` does the same. ``make flink`` gathers the jars.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

sys.path.append(str(Path(__file__).resolve().parents[1]))
from local_cluster import LocalCluster, main, opened

from seq2seq_arith.base.errors import RunnerError

KEPT = 3_000  # milliseconds: keep an idle worker this long (starting one takes seconds)

POM = Path(__file__).with_name("job-server") / "pom.xml"  # lists the Java packages that Flink's scripts open on Java 17
RUNTIME = "org.apache.flink.runtime"
MEMORY = "BASH_JAVA_UTILS_EXEC_RESULT:"  # before each answer of Flink to its own scripts


class Cluster(LocalCluster):
    """A cluster of Flink, whose members are task managers.

    The folder ``tmp`` has a folder per task manager and purpose, where Flink spills.
    """

    RUNNER, TARGET = "Flink", "flink"
    # Megabytes per task manager: to sort in (Flink spills the rest to the disk), and for data that passes through.
    SETTINGS: ClassVar = {"managed": 128, "heap": 512}

    @property
    def flags(self) -> list[str]:
        return [
            *super().flags,
            f"--parallelism={self.settings.members}",
            f"--environment_cache_millis={KEPT}",
            f"--flink_master={self.address}",  # for the page of the job; the job server knows it already
        ]

    def start_master(self) -> None:
        (self.folder / "conf" / "config.yaml").write_text(self._config())
        self._start_flink("job-manager", "JM", "entrypoint.StandaloneSessionClusterEntrypoint")

    def start_member(self, name: str) -> None:
        self._start_flink(name, "TM", "taskexecutor.TaskManagerRunner")

    def num_members(self) -> int:
        return self.rest("/overview")["taskmanagers"]

    def job_server(self) -> tuple[list[str], str]:
        return [], f"--flink-master={self.address}"

    def _start_flink(self, name: str, kind: str, main: str) -> None:
        """Starts a process with the flags for Java and for Flink that Flink computes for its own scripts."""
        query = self._flink("util.bash.BashJavaUtils", f"GET_{kind}_RESOURCE_PARAMS")
        answer = subprocess.run(["java", *query], capture_output=True, text=True, env=self._environment())
        java, options, *_ = [
            line.removeprefix(MEMORY).split() for line in answer.stdout.splitlines() if line.startswith(MEMORY)
        ] + [[], []]
        if answer.returncode or not java:
            raise RunnerError(f"Flink cannot divide its memory: {(answer.stderr or answer.stdout).strip()[-2000:]}")
        self._start(name, *java, *self._flink(main), *options)

    def _flink(self, main: str, *arguments: str) -> list[str]:
        # Beam is part of the cluster, as if it were in Flink's folder ``lib``. It also comes with every job, but that
        # copy stops its Python workers whenever no step needs them for a moment.
        classes = f"{self.settings.jars / 'cluster'}/*{os.pathsep}{self.jar}"
        return [*opened(POM), "-cp", classes, f"{RUNTIME}.{main}", *arguments, "--configDir", str(self.folder / "conf")]

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"FLINK_CONF_DIR": str(self.folder / "conf")}

    def _config(self) -> str:
        values = {
            "jobmanager.rpc.address": "localhost",
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": "localhost",
            "jobmanager.memory.process.size": "1g",
            "rest.address": "localhost",
            "rest.bind-address": "localhost",
            "rest.port": self._page,
            "taskmanager.host": "localhost",
            "taskmanager.bind-host": "localhost",
            "taskmanager.numberOfTaskSlots": 1,
            "taskmanager.memory.managed.size": f"{self.settings.managed}m",
            "taskmanager.memory.task.heap.size": f"{self.settings.heap}m",
            # For the data that goes to Python's workers and comes back; by default a job has none.
            "taskmanager.memory.task.off-heap.size": "512m",
            "taskmanager.memory.network.min": "64m",
            "taskmanager.memory.network.max": "64m",
            "classloader.resolve-order": "parent-first",
            "io.tmp.dirs": self.tmp,
        }
        return "".join(f"{name}: {json.dumps(str(value))}\n" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main(Cluster, __doc__))
