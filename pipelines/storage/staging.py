"""The storage for the files of a run until they are published."""

import contextlib
import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path, PurePath
from typing import Protocol

from seq2seq_arith.base import files
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.storage.paths import AnyPath

REPORT = ".report.json"  # the file of a run for the report of its workers; see ``steps.job``


class Staging(Protocol):
    """Stores the files of a dataset during its creation. Workers get a pickled copy."""

    @property
    def catalog(self) -> Path:
        """The directory of this machine for the files that describe the dataset."""
        ...

    def whole_file(self, name: str) -> AbstractContextManager[HashedFile]:
        """A file of the dataset, perhaps in a folder, visible when the block ends without an exception."""
        ...

    def expect(self, versions: dict[str, str]) -> None:
        """Sets the version of each file that the workers wrote, for storage in which other runs may write, too."""
        ...

    def own_file(self, name: str) -> AnyPath:
        """The path of a file that the workers of this run write for the run itself; no other run uses it."""
        ...


@dataclasses.dataclass(frozen=True)
class StagedDirectory:
    """Staging in a directory of this machine, which no other run has."""

    # The directory. All workers of a runner must see it under this path.
    path: Path
    # The files that must exist when the dataset gets its name, relative to it.
    expected: set[str] = dataclasses.field(default_factory=set, compare=False)

    @property
    def catalog(self) -> Path:
        return self.path

    @contextlib.contextmanager
    def whole_file(self, name: str) -> Iterator[HashedFile]:
        """As ``Staging.whole_file``; an existing file is replaced in one step."""
        folder = PurePath(name).parent
        if folder.name:
            # No parents=True: if a cancelled run has removed the directory, this must fail.
            (self.path / folder).mkdir(exist_ok=True)
        with files.whole_file(self.path / name) as file:
            yield file
        self.expected.add(name)

    def expect(self, versions: dict[str, str]) -> None:
        """As ``Staging.expect``, by name only: no other run writes here, but a file may be removed."""
        self.expected.update(versions)

    def lost(self) -> str | None:
        """A file that was written and then removed by another program; None if there is none."""
        return next((name for name in sorted(self.expected) if not (self.path / name).is_file()), None)

    def own_file(self, name: str) -> Path:
        return self.path / name
