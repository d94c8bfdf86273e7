"""The way of a run's files into an object store, under their final names."""

import contextlib
import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar

from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.places.clients import ABSENT, etag
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.pipelines.publishing import prefixes

ANOTHER_PYARROW = "another run has made {} meanwhile with another PyArrow; give --overwrite to replace it"
DEPOSITS = 10  # attempts at writing an object that other runs write, too


@dataclasses.dataclass(frozen=True)
class Upload:
    """Staging below a prefix of a store, for one run. Workers write shards under their final names.

    Attributes:
      prefix: The dataset's prefix.
      token: A name that no other run has.
      catalog: A directory of the machine that publishes, for the files that are written last.
      overwrite: Whether files of the dataset that stands may be replaced.
      resumes: Whether there were files of this layout when the run began, so that it is worth looking for each.
      versions: The ETag of each file that the workers have written; see ``expect``.
      cancelled: The tokens of cancelled runs of this process, whose threads may still upload.
    """

    cancelled: ClassVar[set[str]] = set()

    prefix: ObjectPath
    token: str
    catalog: Path
    overwrite: bool = False
    resumes: bool = False
    versions: dict[str, str] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def whole_file(self, name: str) -> Iterator[HashedFile]:
        """As ``Staging.whole_file``: a nameless file of this machine, which is uploaded when it is complete.

        Raises:
          InputError: A dataset has another file of that name.
        """
        with tempfile.TemporaryFile(buffering=0) as whole, HashedFile(whole) as file:
            yield file
            version, is_new = self._deposit(name, whole, file.sha256)
            file.version = etag(version)
        # Threads can outlive a cancelled run. If the run was cancelled, delete the uploaded object, unless a published
        # dataset uses it.
        if is_new and self.token in Upload.cancelled and name not in prefixes.marked_files(self.prefix):
            (self.prefix / name).unlink()

    def expect(self, versions: dict[str, str]) -> None:
        """As ``Staging.expect``: these versions are published, and no other."""
        self.versions.update(versions)

    def _deposit(self, name: str, file: IO[bytes], sha256: str) -> tuple[str, bool]:
        """Writes a file where there is none, or another one that may go; its version, and whether it was written."""
        target, found = self.prefix / name, None
        if self.resumes:
            found = target.state()
        for _ in range(DEPOSITS):
            if found:
                if (found.sha256 or _sha256(target)) == sha256:
                    return found.version, False
                if not self.overwrite and name in prefixes.marked_files(self.prefix):
                    raise InputError(ANOTHER_PYARROW.format(self.prefix))
            if version := target.upload(file, sha256, found.version if found else ABSENT):
                return version, True
            found = target.state()
        raise StoreError(f"{target} is written by other runs again and again; stop them, and run this again")

    def own_file(self, name: str) -> ObjectPath:
        """A file beside the prefix, in a folder of this run."""
        return ObjectPath(f"{self.prefix.url}{prefixes.BESIDE}{self.token}/{name}", self.prefix.flags)


def _sha256(path: ObjectPath) -> str:
    """The sha256 of an object whose writer has not stated it; empty if it is gone."""
    digest = hashlib.sha256()
    try:
        for piece in path.pieces():
            digest.update(piece)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()
