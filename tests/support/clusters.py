"""Clusters that the tests start themselves: ``engines/*/cluster.py`` on what ``make flink`` and ``make spark`` make."""

import contextlib
import importlib.util
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from programs import run, without_lock
from sockets import listening

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "engines.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
OWN = re.compile(r"of your own[^`]*`([^`]*)`\s+instead\s+of\s+the\s+first\s+two\s+flags\s+and\s+the\s+last\s+(one|two)")


def missing(engine: str) -> str | None:
    """The programs that this machine lacks, in a sentence; None if it has them all."""
    lacking = [name for name, program in {"a JDK": "javac", "Maven": "mvn", "make": "make"}.items() if not has(program)]
    return f"{engine} needs {' and '.join(lacking)}, which is not here" if lacking else None


def has(program: str) -> bool:
    """Whether there is such a program."""
    return shutil.which(program) is not None


def load(engine: str):
    """The module ``cluster`` of an engine, after ``make`` has made its jars."""
    built = subprocess.run(["make", engine], cwd=ROOT, capture_output=True, text=True, timeout=900)
    if built.returncode:
        raise RuntimeError(f"make {engine}: {built.stdout}{built.stderr}")
    return module(engine)


def module(engine: str):
    """The module ``cluster`` of an engine; the jars are needed only to start a cluster."""
    spec = importlib.util.spec_from_file_location(f"{engine}_cluster", ROOT / "engines" / engine / "cluster.py")
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
    return process.stderr.splitlines()[-1]


def blocks(heading: str) -> list[str]:
    """The commands below a heading of the page of the engines, block by block."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    return BLOCK.findall(rest.partition("\n## ")[0])


def own_flags(heading: str, address: str, flags: list[str]) -> list[str]:
    """The flags for an engine of one's own, as its part of the page says.

    ``address`` is of its master, which stands on the page as HOST:8081; ``flags`` are what ``cluster.py`` prints.
    """
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    ((said, last),) = OWN.findall(rest.partition("\n## ")[0])
    of_own = re.sub(r"=build/", f"={ROOT}/build/", re.sub(r"HOST:\d+", address, said)).split()
    return [*of_own, *flags[2 : -{"one": 1, "two": 2}[last]]]


def sockets_of(process: subprocess.Popen[str]) -> set[tuple[str, int]]:
    """The addresses and ports at which a process and its children listen until it ends."""
    seen: set[tuple[str, int]] = set()
    while process.poll() is None:
        seen |= listening(process.pid)
        time.sleep(0.1)
    return seen


class Followed:
    """The page's lines for an engine, typed as they stand, in a checkout of their own whose ``.venv`` is ours.

    The first block makes the jars and starts a cluster, which runs until ``end``. The second one runs on it.

    ``folder`` is an empty one for the checkout; ``flags`` are those that the cluster has printed.
    """

    def __init__(self, heading: str, folder: Path) -> None:
        self.folder = folder
        first, self._second, *_ = blocks(heading)
        shutil.copy2(ROOT / "Makefile", folder)
        shutil.copytree(ROOT / "engines", folder / "engines")
        (ROOT / "build").mkdir(exist_ok=True)
        (folder / "build").symlink_to(ROOT / "build")
        (folder / ".venv").symlink_to(sys.prefix)
        self._log = folder / "printed"
        with self._log.open("w") as log:
            self._shell = self._type(first, stdout=log, stderr=subprocess.STDOUT)
        try:
            self.flags = self._wait()
        except BaseException:
            self.end()
            raise

    def printed(self) -> str:
        """What the cluster's program has printed."""
        return self._log.read_text()

    def processes(self, word: str = "") -> list[psutil.Process]:
        """The processes that the program has started and that run, by a word of the command."""
        return [process for process in self._below() if word in " ".join(_command(process))]

    def all_processes(self) -> list[psutil.Process]:
        """These and all that they have started, Python's workers included."""
        return self._below(recursive=True)

    def run(self) -> subprocess.CompletedProcess[str]:
        """Types the second block, with the ports that the cluster has printed."""
        told = dict(flag.split("=", 1) for flag in self.flags)
        lines = re.sub(r"(--\w+)=localhost:PORT", lambda flag: f"{flag[1]}={told[flag[1]]}", self._second)
        shell = self._type(lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stdout, stderr = shell.communicate(timeout=300)
        return subprocess.CompletedProcess(lines, shell.returncode, stdout, stderr)

    def typed_flags(self) -> list[str]:
        """The flags for Beam in the second block, as the shell sees them, with PORT for the ports."""
        words = shlex.split(self._second.replace("\\\n", " ").replace("$PWD", str(self.folder)), comments=True)
        return words[next(place for place, word in enumerate(words) if word.startswith("--runner=")) :]

    def printed_flags(self) -> list[str]:
        """The flags that the cluster has printed, with PORT for the ports."""
        printed = [re.sub(r"=localhost:\d+$", "=localhost:PORT", flag) for flag in self.flags]
        return [flag.replace(f"={sys.prefix}/", f"={self.folder / '.venv'}/") for flag in printed]

    def end(self, number: int = signal.SIGINT) -> int:
        """Sends the program a signal, as Ctrl-C does, and returns its exit code."""
        if program := self._program():
            program.send_signal(number)
        return self._shell.wait(60)

    def page(self) -> str:
        """The address of the engine's page."""
        return re.findall(r"is at (http://\S+),", self.printed())[0]

    def _program(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            shell = psutil.Process(self._shell.pid)
            for process in [shell, *shell.children()]:
                if any(word.endswith("cluster.py") for word in _command(process)[1:2]):
                    return process
        return None

    def _below(self, recursive: bool = False) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if program := self._program():
                return program.children(recursive)
        return []

    def _type(self, lines: str, **options) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-e", "-c", lines], cwd=self.folder, text=True, start_new_session=True, **options
        )

    def _wait(self) -> list[str]:
        """The flags, as soon as they are printed."""
        while self._shell.poll() is None:
            if found := re.search(r"^arith-data .* (--runner=.*)\n", self.printed(), re.MULTILINE):
                return found[1].split()
            time.sleep(0.1)
        raise RuntimeError(self.printed())


def _command(process: psutil.Process) -> list[str]:
    """The words of a process's command; none if it has ended."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
