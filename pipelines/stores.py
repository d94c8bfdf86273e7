"""Places of datasets: directories of this machine, which are ``Path``, and prefixes of object stores, ``ObjectPath``.

An object appears when its upload is complete, and not before.
"""

import contextlib
import dataclasses
import fnmatch
import importlib.util
import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from seq2seq_arith.pipelines import clients
from seq2seq_arith.pipelines.clients import PIECE
from seq2seq_arith.pipelines.errors import InputError, StoreError

LIST_SECONDS = 30.0
LISTING_SECONDS = 5.0  # of a listing that is for the eye alone; the end of the run waits for it


@dataclasses.dataclass(frozen=True)
class Entry:
    """An object of a listing: its name below the prefix, bytes, and when it was written, in seconds since 1970."""

    name: str
    size: int
    modified: float


@dataclasses.dataclass(frozen=True)
class Run:
    """One run that writes into a store.

    Attributes:
      token: Names it among all.
      held: A directory of the machine that publishes, for files that are held back until all others are there.
    """

    token: str
    held: Path


@dataclasses.dataclass(frozen=True)
class ObjectPath:
    """An object, or a prefix of objects, with the operations of ``Path`` that are needed here.

    Attributes:
      url: ``gs://BUCKET/KEY`` or ``s3://BUCKET/KEY``, without a slash at the end.
      flags: Beam's, which may set an endpoint, or whose credentials are used.
      run: The run that writes here.

    All operations raise InputError for what a person can put right, such as a bucket that is not there, and StoreError
    if the store fails.
    """

    url: str
    flags: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    run: Run | None = None

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "ObjectPath":
        return dataclasses.replace(self, url=f"{self.url}/{name}")

    @property
    def name(self) -> str:
        return self._key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def parents(self) -> "list[ObjectPath]":
        """The prefixes above this one, the nearest first, down to the bucket."""
        folders = self._key.split("/")[:-1]
        bucket = self.url.removesuffix(self._key).rstrip("/")
        urls = ["/".join([bucket, *folders[:length]]) for length in range(len(folders), -1, -1)]
        return [dataclasses.replace(self, url=url) for url in urls]

    def is_dir(self) -> bool:
        """Whether there are objects below."""
        return next(self.entries(), None) is not None

    def is_file(self) -> bool:
        with self._named():
            return self._store.version(self._bucket, self._key) is not None

    def read(self) -> tuple[bytes, str] | None:
        """The object and its version; None if there is none."""
        with self._named():
            return self._store.read(self._bucket, self._key)

    def pieces(self) -> Iterator[bytes]:
        """The object from its beginning to its end.

        Raises:
          FileNotFoundError: There is none.
        """
        with self._named():
            yield from self._store.pieces(self._bucket, self._key)

    def read_bytes(self) -> bytes:
        return b"".join(self.pieces())

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def put(self, data: bytes, version: str | None = None) -> bool:
        """Writes a small object; whether it did.

        Args:
          data: All of it.
          version: Of the object that is to be replaced, ABSENT if there shall be none; None replaces any.
        """
        with self._named():
            return self._store.put(self._bucket, self._key, data, version)

    def write_text(self, text: str) -> None:
        self.put(text.encode())

    def upload(self, file: IO[bytes]) -> None:
        """Writes an object whole, from a file that is read from its beginning.

        If its run has been given up meanwhile in this process, whose threads outlive it, it is removed again, unless a
        dataset that stands has it too.
        """
        with self._named():
            self._store.upload(self._bucket, self._key, file)
        is_kept = _given_up.get(self.run.token) if self.run else None
        if is_kept and not is_kept(self):
            self.unlink()

    def unlink(self, missing_ok: bool = True) -> None:
        """Removes the object, if it is there."""
        with self._named():
            self._store.delete(self._bucket, self._key)

    def mkdir(self, exist_ok: bool = True) -> None:
        """A store has no directories."""

    def entries(self, beside: str = "/") -> Iterator[Entry]:
        """All objects whose key goes on with ``beside``, by default those below; names go on from there."""
        prefix = f"{self._key}{beside}".removeprefix("/")
        with self._named():
            for key, size, modified in self._store.list(self._bucket, prefix):
                # What consoles make for an empty folder is an object whose name ends so.
                if not key.endswith("/"):
                    yield Entry(key.removeprefix(prefix), size, modified)

    @property
    def _bucket(self) -> str:
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def _key(self) -> str:
        return self.url.partition("://")[2].partition("/")[2]

    @property
    def _store(self) -> clients.Client:
        return clients.client(self.url.partition("://")[0], self.flags)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """What a client raises, in a sentence."""
        try:
            yield
        except (InputError, StoreError, FileNotFoundError):
            raise
        except Exception as error:  # clients derive theirs from many
            raise clients.explained(self.url, error) from error


AnyPath = Path | ObjectPath


def place(directory: str, flags: list[str] | None = None) -> AnyPath:
    """The place that a person means: a directory of this machine, absolute, or a prefix of an object store.

    Args:
      directory: A path or a URL.
      flags: Beam's, for the store.

    Raises:
      InputError: It is empty, a URL of another kind, or what it needs is not installed.
    """
    if not directory:
        raise InputError("the data directory has an empty name; give a directory, or . for this one")
    scheme, separator, rest = directory.partition("://")
    if not separator:
        return Path(directory).absolute()
    if scheme not in clients.CLIENTS:
        raise InputError(f"{directory} is in no store that is known here; give a directory, gs://BUCKET or s3://BUCKET")
    rest = rest.rstrip("/")
    if not all(rest.split("/")):
        raise InputError(f"{directory} has an empty name between its slashes; give {scheme}://BUCKET/FOLDER")
    module, extra = clients.CLIENTS[scheme].MODULE, clients.CLIENTS[scheme].EXTRA
    if not _installed(module):
        raise InputError(f"{directory} needs {module}, which is not installed: pip install 'seq2seq_arith[{extra}]'")
    return ObjectPath(f"{scheme}://{rest}", tuple(flags or ()))


def sizes(directory: AnyPath) -> dict[str, int]:
    """Every file below a directory or a prefix, with its bytes."""
    if isinstance(directory, ObjectPath):
        return {entry.name: entry.size for entry in directory.entries()}
    found = {}
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            if not path.is_dir():
                found[str(path.relative_to(directory))] = path.lstat().st_size
    return found


def pieces(path: AnyPath) -> Iterator[bytes]:
    """A file from its beginning to its end.

    Raises:
      FileNotFoundError: There is none.
    """
    if isinstance(path, ObjectPath):
        yield from path.pieces()
        return
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def catalog_directory(directory: AnyPath) -> Path:
    """The directory of this machine where a run leaves the files that describe what it wrote into ``directory``."""
    if isinstance(directory, Path):
        return directory
    if directory.run is None:
        raise ValueError(f"{directory} is not staged")
    return directory.run.held


def own_file(directory: AnyPath, name: str) -> AnyPath:
    """A file that a run's workers leave for the run itself; beside a prefix, under a name that no other run has."""
    if isinstance(directory, Path) or directory.run is None:
        return directory / name
    return directory.parents[0] / f"{directory.name}.incomplete-{directory.run.token}" / name


def counter(directory: AnyPath, pattern: str) -> Callable[[], int]:
    """A function that says how many files match; of a store, those since now, and it asks only twice a minute.

    Where a listing takes long, it goes on saying what it last knew.
    """
    if isinstance(directory, Path):
        return lambda: len(list(directory.glob(pattern)))
    start = asked = time.time()
    count = 0

    def counted() -> int:
        nonlocal asked, count
        if time.time() - asked >= LIST_SECONDS:
            deadline = time.monotonic() + LISTING_SECONDS
            with contextlib.suppress(InputError, StoreError):
                entries = itertools.takewhile(lambda _: time.monotonic() < deadline, directory.entries())
                fresh = (entry.name for entry in entries if entry.modified >= start)
                count = max(count, len(fnmatch.filter(fresh, pattern)))
            asked = time.time() if time.monotonic() < deadline else math.inf
        return count

    return counted


def give_up(run: Run, is_kept: Callable[[ObjectPath], bool]) -> None:
    """Removes what threads of this process still upload for a run, as soon as they have, unless it is to be kept."""
    _given_up[run.token] = is_kept


_given_up: dict[str, Callable[[ObjectPath], bool]] = {}


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
