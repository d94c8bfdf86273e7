"""Locations of datasets: a ``Path`` is a directory of this machine, an ``ObjectPath`` a prefix of an object store.

An object appears only when its upload is complete.
"""

import contextlib
import dataclasses
import errno
import io
import mmap
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError, StoreError
from seq2seq_arith.base.files import expanded, open_regular
from seq2seq_arith.base.machine import free_disk
from seq2seq_arith.pipelines.storage import clients
from seq2seq_arith.pipelines.storage.clients import ABSENT, PIECE, SHA256, Entry, State

MAX_JSON = 2**30  # bytes of the largest metadata, with some 8,000,000 files


@dataclasses.dataclass(frozen=True)
class ObjectPath:
    """An object, or a prefix of objects, with the required operations of ``Path``.

    All operations raise InputError if the user can correct the cause, such as a missing bucket, and StoreError if the
    store fails.
    """

    url: str  # ``gs://BUCKET/KEY`` or ``s3://BUCKET/KEY``, without a slash at the end
    # Beam's flags, which may set an endpoint or credentials.
    flags: tuple[str, ...] = dataclasses.field(default=(), repr=False)

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "ObjectPath":
        return dataclasses.replace(self, url=f"{self.url}/{name}")

    @property
    def name(self) -> str:
        return self._key.rpartition("/")[2]

    @property
    def parents(self) -> "list[ObjectPath]":
        """The prefixes above this one, from the nearest up to the bucket."""
        folders = self._key.split("/")[:-1]
        bucket = self.url.removesuffix(self._key).rstrip("/")
        urls = ["/".join([bucket, *folders[:length]]) for length in range(len(folders), -1, -1)]
        return [dataclasses.replace(self, url=url) for url in urls]

    @property
    def max_bytes(self) -> int:
        """The size of the largest object that can be written."""
        return clients.KINDS[self.url.partition("://")[0]].max_bytes

    def is_file(self) -> bool:
        """Whether there is an object of exactly this name."""
        return self.state() is not None

    def state(self) -> State | None:
        """The version of the object, and the sha256 that its writer stated; None if there is none."""
        with self._opened() as store:
            response = self._get(store, head=True)
            return response and State(clients.version_of(response.meta), response.attributes.get(SHA256, ""))

    def read(self) -> tuple[bytes, str] | None:
        """The object, a small one, and its version; None if there is none."""
        with self._opened() as store:
            response = self._get(store)
            return response and (bytes(response.bytes()), clients.version_of(response.meta))

    def pieces(self) -> Iterator[bytes]:
        """The object from its beginning to its end; raises FileNotFoundError if there is none."""
        with self._opened() as store:
            yield from map(bytes, store.get(self._key).stream(min_chunk_size=PIECE))

    def read_range(self, start: int, size: int) -> bytes:
        """The object's bytes from ``start`` on, at most ``size`` of them; raises FileNotFoundError if there is none."""
        from obstore.exceptions import BaseError

        with self._opened() as store:
            try:
                return bytes(store.get_range(self._key, start=start, length=size)) if size else b""
            except BaseError:
                if start >= store.head(self._key)["size"]:
                    return b""
                raise

    def put(self, data: bytes | mmap.mmap, version: str | None = None, sha256: str = "") -> str | None:
        """Writes the object if it has this version (None: any; ABSENT: none); returns the new version, or None."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        attributes = {SHA256: sha256} if sha256 else None
        with self._opened() as store:
            try:
                options: Any = {"attributes": attributes, "mode": clients.mode(version), "use_multipart": False}
                return clients.version_of(store.put(self._key, data, **options))
            except (AlreadyExistsError, PreconditionError):
                return None
            except FileNotFoundError as error:
                if version and not clients.is_of_bucket(error):  # S3's answer if there is no object to replace
                    return None
                raise clients.NoBucketError(str(error)) from None

    def upload(self, file: IO[bytes], sha256: str = "", version: str = ABSENT) -> str | None:
        """As ``put``, from an open file of this machine, which is not read into memory; ``state`` has the sha256."""
        with contextlib.ExitStack() as stack:
            content: bytes | mmap.mmap = b""
            if file.seek(0, io.SEEK_END):  # an empty file cannot be mapped
                content = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            return self.put(content, version, sha256)

    def unlink(self) -> None:
        """Removes the object, if it exists."""
        self._delete([self._key])

    def remove(self, names: Iterable[str]) -> None:
        """Removes these objects below the prefix, if they exist, many at a time."""
        self._delete([f"{self._key}/{name}".removeprefix("/") for name in names])

    def entries(self) -> Iterator[Entry]:
        """All objects below, by their names below this prefix."""
        with self._opened() as store:
            for chunk in store.list(self._key or None):
                for item in chunk:
                    name, modified = item["path"].removeprefix(f"{self._key}/"), item["last_modified"].timestamp()
                    yield Entry(name, item["size"], modified, clients.etag_of(item))

    @property
    def _key(self) -> str:
        return self.url.partition("://")[2].partition("/")[2]

    def _get(self, store: Any, head: bool = False) -> Any:
        try:
            return store.get(self._key, options={"head": head})
        except FileNotFoundError as error:
            if clients.is_of_bucket(error):
                raise clients.NoBucketError(str(error)) from None
            return None

    def _delete(self, keys: list[str]) -> None:
        with self._opened() as store:
            try:
                store.delete(keys)
            except FileNotFoundError:  # Google's store raises this for the first missing object
                for key in keys:
                    with contextlib.suppress(FileNotFoundError):
                        store.delete(key)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        """The bucket, as one of ``obstore``'s stores; its exceptions become InputError or StoreError."""
        scheme, _, rest = self.url.partition("://")
        try:
            yield clients.bucket(scheme, rest.partition("/")[0], self.flags)
        except (InputError, StoreError, FileNotFoundError):
            raise
        except Exception as error:  # its errors have no common base class
            raise clients.explain(self.url, error) from error


AnyPath = Path | ObjectPath


def parse_place(directory: str, flags: Sequence[str] = ()) -> AnyPath:
    """The location of a path or a URL: an absolute directory of this machine, or a prefix of an object store."""
    _refuse_empty(directory)
    scheme, separator, rest = directory.partition("://")
    if not separator:
        return expanded(directory).absolute()
    if scheme not in clients.KINDS:
        raise InputError(f"{directory} is not in a supported store; give a directory, gs://BUCKET or s3://BUCKET")
    rest = rest.rstrip("/")
    if not all(rest.split("/")):
        raise InputError(f"{directory} has an empty name between its slashes; give {scheme}://BUCKET/FOLDER")
    for module in clients.KINDS[scheme].modules:
        packages.require(directory, module, clients.KINDS[scheme].extra)
    return ObjectPath(f"{scheme}://{rest}", tuple(flags))


def sizes(directory: AnyPath) -> dict[str, int]:
    """The bytes of every file below a directory or a prefix, by the file's name."""
    if isinstance(directory, ObjectPath):
        return {entry.name: entry.size for entry in directory.entries()}
    file_sizes = {}
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            if not path.is_dir():
                file_sizes[str(path.relative_to(directory))] = path.stat(follow_symlinks=path.exists()).st_size
    return file_sizes


def pieces(path: AnyPath) -> Iterator[bytes]:
    """A file from its beginning to its end; OSError if it cannot be read, FileNotFoundError if there is none."""
    if isinstance(path, ObjectPath):
        yield from path.pieces()
        return
    with open_regular(path) as file:
        while piece := file.read(PIECE):
            yield piece


def read_into(path: AnyPath, start: int, buffer: memoryview) -> int:
    """Fills the buffer from byte ``start`` of a file, and returns the number of bytes: fewer at its end."""
    if isinstance(path, ObjectPath):
        content = path.read_range(start, len(buffer))
        buffer[: len(content)] = content
        return len(content)
    with open_regular(path) as file:
        file.seek(start)
        return file.readinto(buffer)  # type: ignore[attr-defined]


def read_bytes(path: AnyPath, max_bytes: int = MAX_JSON) -> bytes:
    """The content of a file, by default of JSON; raises as ``pieces``, and OSError for more bytes than ``most``."""
    content, size = [], 0
    for piece in pieces(path):
        content.append(piece)
        if (size := size + len(piece)) > max_bytes:
            raise OSError(errno.EFBIG, f"it has more than {max_bytes:,} bytes", str(path))
    return b"".join(content)


def local_path(directory: str) -> Path:
    """The absolute path of a directory on this machine; InputError for a URL."""
    _refuse_empty(directory)
    if "://" in directory:
        raise InputError(
            f"{directory} is not on a disk of this machine; make the dataset with arith-data generate, or fetch it "
            "with arith-data fetch"
        )
    return expanded(directory).absolute()


def _refuse_empty(directory: str) -> None:
    if not directory:
        raise InputError("the data directory has an empty name; give a directory, or . for this one")


def check_space(needed: int, directory: Path, advice: str) -> None:
    """Raises InputError, with an advice, if the disk of a directory has less free space than this number of bytes."""
    existing, free = free_disk(directory)
    if not free and not shutil.disk_usage(existing).total:
        raise InputError(f"{existing} is not on a disk, so no dataset can be written there; give another directory")
    if needed > free:
        raise InputError(f"{existing} has {free:,} bytes left and the dataset needs about {needed:,}; {advice}")
