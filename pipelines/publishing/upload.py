"""Uploads the files of a run into an object store, under their final names."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import IO

from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.storage.clients import ABSENT, etag
from seq2seq_arith.pipelines.storage.paths import ObjectPath

ANOTHER_PYARROW = "another run has made {} meanwhile with another version of PyArrow; give --overwrite to replace it"
DEPOSITS = 10  # attempts to write an object that other runs write, too
BESIDE = ".incomplete-"  # between a prefix and the token of a run


@dataclasses.dataclass(frozen=True)
class Upload:
    """Staging below a prefix of a store, for one run. Workers write shards under their final names."""

    prefix: ObjectPath  # the dataset's prefix
    token: str  # a name that no other run has
    catalog: Path  # a directory of the machine that publishes, for the files that are written last
    overwrite: bool = False  # whether files of the existing dataset may be replaced
    # Whether files of this layout existed when the run began, so that each of them is looked up.
    resumes: bool = False
    # The ETag of each file that the workers have written; see ``expect``.
    versions: dict[str, str] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def whole_file(self, name: str) -> Iterator[HashedFile]:
        """As ``Staging.whole_file``: a nameless file of this machine, which is uploaded when it is complete."""
        with tempfile.TemporaryFile(buffering=0) as whole, HashedFile(whole) as file:
            yield file
            file.version = etag(self._deposit(name, whole, file.sha256))

    def expect(self, versions: dict[str, str]) -> None:
        """As ``Staging.expect``: these versions are published, and no other."""
        self.versions.update(versions)

    def _deposit(self, name: str, file: IO[bytes], sha256: str) -> str:
        """Writes a file unless it exists; replaces another one if allowed. Returns the version of the stored file."""
        target = self.prefix / name
        existing = target.state() if self.resumes else None
        for _ in range(DEPOSITS):
            if existing:
                if existing.sha256 == sha256:
                    return existing.version
                if not self.overwrite and name in marked_files(self.prefix):
                    raise InputError(ANOTHER_PYARROW.format(self.prefix))
            if version := target.upload(file, sha256, existing.version if existing else ABSENT):
                return version
            existing = target.state()
        raise StoreError(f"{target} is written by other runs again and again; stop them, and run this again")

    def own_file(self, name: str) -> ObjectPath:
        """A file beside the prefix, in a folder of this run."""
        return ObjectPath(f"{self.prefix.url}{BESIDE}{self.token}/{name}", self.prefix.flags)


def marked_files(path: ObjectPath) -> Container[str]:
    """The files that the marker names; empty, and so false, without a marker."""
    return (read_metadata(path) or {}).get("files") or {}
