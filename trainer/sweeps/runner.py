"""Trains and evaluates the missing runs of a sweep, each in its own process."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError, RunError, SweepError
from seq2seq_arith.base.files import expanded, file_lock
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.runs.run import ELSEWHERE, differences, local_folder
from seq2seq_arith.trainer.sweeps import results
from seq2seq_arith.trainer.sweeps.plan import Job, Planned
from seq2seq_arith.trainer.sweeps.results import Result

PROGRAM = (sys.executable, "-m", "seq2seq_arith.trainer")


class Runner:
    """Runs the missing runs of a sweep, ``jobs`` at once, in a folder of all runs and of ``results.jsonl``.

    ``checked`` has the jobs by the names of their runs.
    """

    def __init__(
        self,
        planned: Sequence[Planned],
        checked: Mapping[str, Job],
        *,
        run_dir: str,
        data_dir: str,
        jobs: int,
    ) -> None:
        self.planned = planned
        self.checked = checked
        self.folder = local_folder(run_dir)
        self.data_dir = str(expanded(data_dir))
        self.jobs = jobs
        self.results = self.folder / results.RESULTS
        self._running: set[subprocess.Popen] = set()
        self._guard = threading.Lock()
        self._stopped = False

    def run(self, make: Callable[[str], object]) -> None:
        """Trains and evaluates every run without a line in the results, and adds it; ``make`` creates a dataset."""
        with file_lock(self.folder / ".sweep.lock", str(self.folder), "another sweep is running in", ELSEWHERE):
            missing = self.missing()
            count = len(self.planned)
            done_before = f"{count - len(missing)} of them done before"
            say(f"{count} runs, {done_before}; the results are in {printable(self.results)}")
            # One after another: two runs cannot create the same dataset at once.
            for name in dict.fromkeys(self.checked[run.name].settings["dataset"] for run in missing):
                make(name)
            failed = self._run_all(missing, count)
        if failed:
            raise SweepError(
                f"{len(failed)} of {count} runs failed: {'; '.join(failed)}; the same command retries them"
            )

    def missing(self) -> list[Planned]:
        """The runs without a line in the results; raises InputError if a run has a line with other settings."""
        done = set()
        for row in results.read(self.results) if self.results.exists() else []:
            done.add(name := f"{row.run}-seed{row.seed}")
            trained = TrainConfig.from_json(row.settings).to_json()
            existing = {"dataset": row.dataset, "train": trained, "suite": row.suite}
            if name in self.checked and (changed := differences(existing, self.checked[name].settings)):
                raise InputError(
                    f"{self.results} has a run {name} with other settings ({'; '.join(changed.values())}); give "
                    "another --run-dir, or another name to these runs"
                )
        return [run for run in self.planned if run.name not in done]

    def _run_all(self, missing: Sequence[Planned], count: int) -> list[str]:
        failed = []
        with ThreadPoolExecutor(self.jobs) as pool:
            started = {pool.submit(self._run_one, planned): planned for planned in missing}
            try:
                for number, future in enumerate(as_completed(started), count - len(missing) + 1):
                    planned = started[future]
                    try:
                        row = future.result()
                    except (InputError, RunError) as error:
                        failed.append(f"{planned.name} ({error})")
                        say(f"{number} of {count}: {planned.name} failed: {printable(error)}")
                        continue
                    results.append(self.results, row)
                    events.emit("result", **row.to_json())
                    say(f"{number} of {count}: {planned.name}: {_worst(row)}")
            except BaseException:
                with self._guard:
                    self._stopped = True
                    for process in self._running:
                        process.terminate()  # it has its last checkpoint
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return failed

    def _run_one(self, planned: Planned) -> Result:
        """Trains and evaluates a run; a stopped one is resumed."""
        folder, job = self.folder / planned.name, self.checked[planned.name]
        self._call(planned, ["train", *job.train, f"--data-dir={self.data_dir}", f"--run-dir={folder}", "--no-suite"])
        self._call(planned, ["evaluate", str(folder), *job.evaluate])
        return results.row_of(folder, planned.group, planned.seed, planned.suite)

    def _call(self, planned: Planned, words: Sequence[str]) -> None:
        """Runs ``arith-model``, whose output goes into a file beside the run's folder."""
        log = self.folder / f"{planned.name}.log"
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        environment = {"TF_NUM_INTRAOP_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)} | os.environ
        with log.open("ab") as file:
            begin = file.tell()
            with self._guard:
                if self._stopped:
                    raise SweepError("stopped")
                process = subprocess.Popen(
                    [*PROGRAM, *words], stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
                )
                self._running.add(process)
            code = process.wait()
            with self._guard:
                self._running.discard(process)
        if code:
            lines = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
            end = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
            message = lines[-1].removeprefix("arith-model: ") if lines and code > 0 else end
            raise SweepError(f"{message}; see {log}")


def _worst(row: Result) -> str:
    suites = row.scores.select(STANDARD).suites()
    return "; ".join(f"at {size} {suite.in_brief()}" for (_, size), suite in suites.items())
