"""Clusters that the tests start themselves: ``runners/*/cluster.py`` on what ``make flink`` and ``make spark`` make."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from layout import ROOT
from programs import ends_as_told, run, without_lock
from sockets import listening

PAGE = ROOT / "docs/how-to/flink-spark-prism.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
OWN = re.compile(r"On your own[^`]*`([^`]*)`\s+instead\s+of\s+`--runner`,\s+`--job_endpoint`\s+and\s+the\s+last\s+flag")


def missing(runner: str) -> str | None:
    """The programs that this machine lacks, in a sentence; None if it has them all."""
    programs = {"a JDK": "javac", "Maven": "mvn", "make": "make"}
    lacking = [name for name, program in programs.items() if shutil.which(program) is None]
    return f"{runner} needs {' and '.join(lacking)}, which is not here" if lacking else None


def load(runner: str):
    """The module ``cluster`` of a runner, after ``make`` has made its jars."""
    built = subprocess.run(["make", runner], cwd=ROOT, capture_output=True, text=True, timeout=900)
    if built.returncode:
        raise RuntimeError(f"make {runner}: {built.stdout}{built.stderr}")
    return module(runner)


def module(runner: str):
    """The module ``cluster`` of a runner; the jars are needed only to start a cluster."""
    spec = importlib.util.spec_from_file_location(f"{runner}_cluster", ROOT / "runners" / runner / "cluster.py")
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def reason_without_workers(flags: list[str], data_dir: Path) -> str:
    """The last line of a run with a cluster's flags whose workers cannot be started, and which leaves nothing."""
    chosen = [flag for flag in flags if "process_command" not in flag]
    nobody = "--environment_options=process_command=/none"
    process = run("generate", "addition", "--data-dir", data_dir, *chosen, nobody)
    assert process.returncode == 1
    assert without_lock(data_dir) == {}
    line = process.stderr.splitlines()[-1]
    assert ends_as_told(line, "")
    assert "No such file" in line
    return line


def blocks(heading: str) -> list[str]:
    """The commands below a heading of the page of the runners, block by block."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    return BLOCK.findall(rest.partition("\n## ")[0])


def own_flags(heading: str, address: str, flags: list[str]) -> list[str]:
    """The flags for a runner of one's own, as its part of the page says.

    ``address`` is of its master, which stands on the page as HOST:8081; ``flags`` are what ``cluster.py`` prints.
    """
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    (options,) = OWN.findall(rest.partition("\n## ")[0])
    of_own = re.sub(r"=build/", f"={ROOT}/build/", re.sub(r"HOST:\d+", address, options)).split()
    return [*of_own, *flags[2:-1]]


def sockets_of(*processes: subprocess.Popen[str]) -> set[tuple[str, int]]:
    """The addresses and ports at which processes and their children listen until the first one ends."""
    seen: set[tuple[str, int]] = set()
    while processes[0].poll() is None:
        seen |= {address for process in processes for address in listening(process.pid)}
        time.sleep(0.1)
    return seen


def typed_flags(heading: str) -> list[str]:
    """The flags for Beam in the second block of a runner's part of the page, as a shell sees them."""
    words = shlex.split(blocks(heading)[1].replace("\\\n", " "), comments=True)
    return words[next(place for place, word in enumerate(words) if word.startswith("--runner=")) :]
