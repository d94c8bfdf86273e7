"""The snapshot of every input error: tests/input_errors.txt, one line per input error.

A test names the error's class; its sentence stands in the snapshot alone, beside the test's name. A changed sentence
is a changed line there: ``make input-errors`` writes it again, and the diff is reviewed. Paths that differ from run to
run are replaced by names in capitals.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from layout import ROOT

FILE = ROOT / "tests" / "input_errors.txt"
UPDATE = "UPDATE_INPUT_ERRORS"


class Snapshot:
    """What stands in the file, and what the tests of this process met.

    Attributes:
      expected: Sentence by key, a test's name and the number of the sentence in this test.
      met: The same for the tests that ran.
      collected: The names of all tests of the files that were collected, before any was left out.
    """

    def __init__(self) -> None:
        lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []
        self.expected = dict(line.split("\t", 1) for line in lines)
        self.met: dict[str, str] = {}
        self.collected: set[str] = set()

    def check(self, key: str, sentence: str) -> None:
        """Compares a sentence with that of the file, or notes it to be written."""
        self.met[key] = sentence
        if os.environ.get(UPDATE):
            return
        assert key in self.expected, f"a new input error: run make input-errors, and read its line:\n{sentence}"
        assert sentence == self.expected[key], (
            f"another sentence than in {FILE.name}: if it is meant, make input-errors"
        )

    def write(self) -> None:
        """Writes the file again, without the input errors of tests that a collected file no longer has."""
        files = {test.partition("::")[0] for test in self.collected}
        kept = {
            key: sentence
            for key, sentence in self.expected.items()
            if key.partition("::")[0] not in files or key.partition(" #")[0] in self.collected
        }
        lines = [f"{key}\t{sentence}\n" for key, sentence in sorted((kept | self.met).items())]
        FILE.write_text("".join(lines), encoding="utf-8")


class InputErrors:
    """The input errors of one test, in the order in which it meets them."""

    def __init__(self, snapshot: Snapshot, test: str, temporary: Path) -> None:
        self._snapshot = snapshot
        self._test = test
        self._temporary = temporary
        self._count = 0

    @contextlib.contextmanager
    def __call__(self, *errors: type[BaseException]) -> Iterator[pytest.ExceptionInfo]:
        """As ``pytest.raises``: one of the errors is raised, with the sentence of the snapshot."""
        with pytest.raises(errors) as caught:
            yield caught
        self.printed(str(caught.value))

    def printed(self, text: str) -> None:
        """Compares a text that a program printed with the snapshot."""
        self._count += 1
        key = f"{self._test} #{self._count}" if self._count > 1 else self._test
        self._snapshot.check(key, self._plain(text))

    def _plain(self, text: str) -> str:
        folder = self._temporary.resolve()
        if folder.name.startswith("popen-"):  # of a process of xdist; what all of them share is beside it
            folder = folder.parent
        text = re.sub(rf"{re.escape(str(folder))}(/popen-gw\d+)?(/[^/\s'\"]+)?", "TMP", text)
        for path, name in ((sys.prefix, "VENV"), (str(ROOT), "CHECKOUT")):
            text = text.replace(path, name)
        return text.strip().replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
