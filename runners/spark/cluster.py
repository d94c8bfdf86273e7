"""A Spark cluster on this machine: a master, workers and Beam's job server, each in its own process.

``python runners/spark/cluster.py`` starts one, prints the flags with which ``arith-data`` runs on it, and stops it on
Ctrl-C. In a program, ``with Cluster(...) as cluster`` does the same. ``make spark`` makes the jar.

For each job the job server becomes Spark's driver, and each worker starts an executor, which starts Python's worker.
"""

import sys
from pathlib import Path
from typing import Any, ClassVar

sys.path.append(str(Path(__file__).resolve().parents[1]))
from local_cluster import LocalCluster, main, opened

HOST = "127.0.0.1"
KEPT = 10_000  # milliseconds: keep an idle worker of Python this long; it ends with its job anyway
POM = Path(__file__).with_name("pom.xml")  # lists the Java packages that Spark's scripts open on Java 17
DEPLOY = "org.apache.spark.deploy"
SCALA = "2.12"  # as in the POM


class Cluster(LocalCluster):
    """A cluster of Spark, whose members are its workers.

    Spark uses the folder ``home`` as its installation; ``work`` has the logs of the executors.
    """

    RUNNER, TARGET = "Spark", "spark"
    # Megabytes per worker, in which Spark sorts, too. It spills what does not fit to the disk.
    SETTINGS: ClassVar = {"memory": 1024}

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self.master = f"spark://{HOST}:{self._rpc}"  # as Beam's --spark_master_url takes it

    @property
    def flags(self) -> list[str]:
        return [
            *super().flags,
            f"--environment_cache_millis={KEPT}",
            # The file of each job: by default the job server's jar, 0.2 GB, which the workers have already.
            f"--files_to_stage={self.settings.jars / 'servers.jar'}",
        ]

    def start_master(self) -> None:
        jars = self.folder / "home" / "jars"
        jars.mkdir(parents=True, exist_ok=True)
        (jars / self.jar.name).unlink(missing_ok=True)
        (jars / self.jar.name).symlink_to(self.jar.resolve())
        master = ("--host", HOST, "--port", str(self._rpc), "--webui-port", str(self._page))
        self._start("master", *self._spark("master.Master"), *master)

    def start_member(self, name: str) -> None:
        size = ("--cores", "1", "--memory", f"{self.settings.memory}m")
        where = ("--host", HOST, "--work-dir", str(self.folder / "work" / name))
        self._start(name, *self._spark("worker.Worker"), *size, *where, "--webui-port", "0", self.master)

    def num_members(self) -> int:
        return self.rest("/json/")["aliveworkers"]

    def job_server(self) -> tuple[list[str], str]:
        """It sends Spark's settings along with each job."""
        values = {
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.executor.memory": f"{self.settings.memory}m",
            "spark.ui.enabled": "false",
        }
        return [f"-D{name}={value}" for name, value in values.items()], f"--spark-master-url={self.master}"

    def _spark(self, main: str) -> list[str]:
        return ["-Xmx512m", *opened(POM), "-cp", str(self.jar), f"{DEPLOY}.{main}"]

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {
            "SPARK_HOME": str(self.folder / "home"),
            "SPARK_LOCAL_DIRS": str(self.tmp),
            "SPARK_LOCAL_IP": HOST,  # of all pages, too
            "SPARK_SCALA_VERSION": SCALA,
        }


if __name__ == "__main__":
    sys.exit(main(Cluster, __doc__))
