"""Files that are written completely or not at all, locks, and checksums."""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from seq2seq_arith.base.errors import BusyError, InputError

TEMPORARY = ".temp-"
TEMPORARY_SECONDS = 3600  # an older temporary file belongs to a process that was killed
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux


class HashedFile(io.RawIOBase):
    """A binary file, new at a path or open and unbuffered, that computes the length and the sha256 of its content."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        # Mode x is O_EXCL, which follows no link either.
        self._file = file.open("xb", buffering=0) if isinstance(file, Path) else file
        self._hash = hashlib.sha256()
        self.num_bytes = 0
        self.version = ""  # of the object that the file has become, in an object store

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.num_bytes

    def write(self, data) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        self._hash.update(view)
        written = 0
        while written < len(view):
            written += self._file.write(view[written:])
        self.num_bytes += written
        return written

    def close(self) -> None:
        self._file.close()
        super().close()

    def sync(self) -> None:
        """Waits until the content is on the disk."""
        os.fsync(self._file.fileno())


def json_sha256(values: Mapping[str, Any]) -> str:
    """The sha256 of a JSON object as it is written to a file, without its entry ``sha256``."""
    content = {key: value for key, value in values.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[HashedFile]:
    """A file that gets its name when the block ends without an exception; otherwise no part of it remains.

    The content and the directory entry are on the disk when the block has ended. A file of that name is replaced in
    one step. Several processes may write the same file concurrently: each has a temporary file with a random name,
    created with ``O_EXCL``.
    """
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        with HashedFile(temporary) as file:
            yield file
            file.sync()
        temporary.replace(path)
        sync(path.parent)
    finally:
        # If the folder itself is the cause, removing fails, too; the first error is the one to report.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a small file as ``whole_file`` does; creates its folder if needed."""
    make_directory(path.parent)
    with whole_file(path) as file:
        file.write(content)


def open_regular(path: Path) -> IO[bytes]:
    """Opens a regular file for reading; a pipe or a device would block, or never end, and a link may lead anywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "Not a regular file, but a link", str(path)) from None
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "Not a regular file", str(path))


def expanded(name: str | Path) -> Path:
    """The path of a name that begins with ``~`` for a home directory; a shell leaves it in ``--data-dir=~/data``."""
    with contextlib.suppress(RuntimeError):  # there is no such user
        return Path(name).expanduser()
    return Path(name)


def make_directory(path: Path) -> None:
    """Creates a directory and its missing parents; waits until each new directory entry is on the disk."""
    missing = [part for part in (path, *path.parents) if not part.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for part in missing:
        sync(part.parent)


def sync(path: Path) -> None:
    """Waits until the content of a file, or the entries of a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(folder: Path) -> None:
    """Removes the temporary files of killed processes: those that are too old to belong to a running one."""
    for path in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > TEMPORARY_SECONDS:
                path.unlink()


def remove_tree(path: Path) -> None:
    """Removes a tree, file or link; retries for some seconds, as threads may still write; no error if it stays."""
    for attempt in range(20):
        if path.is_symlink() or not path.is_dir():
            with contextlib.suppress(OSError):
                path.unlink()
            return
        time.sleep(0.02 * attempt)
        shutil.rmtree(path, ignore_errors=True)


def exchange(path: Path, other: Path) -> bool:
    """Exchanges the names of two files or directories atomically, by Linux's ``renameat2``; False if it is missing."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    folder = ctypes.c_int(AT_FDCWD)
    if renameat2(folder, os.fsencode(path), folder, os.fsencode(other), ctypes.c_uint(RENAME_EXCHANGE)) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), str(path))


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a file; the test acquires the lock for a moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Creates a file and holds its lock, unless another process holds it; yields whether this process holds it.

    The operating system releases the lock when the process ends. The file remains: removing it would let two processes
    hold locks of one name. Over NFS, Linux requests the lock from the server, so it is valid across machines.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def file_lock(lock: Path, place: str, busy: str, instead: str) -> Iterator[None]:
    """Holds the lock of a file, whose folder is created.

    Raises InputError if ``place`` cannot be written; BusyError if another process holds the lock: its message begins
    with ``busy``, and ends with what to do ``instead``.
    """
    with contextlib.ExitStack() as stack:
        try:
            make_directory(lock.parent)
            is_ours = stack.enter_context(locked(lock))
        except OSError as error:
            raise InputError(f"{place} cannot be written ({error.strerror}); {instead}") from None
        if not is_ours:
            raise BusyError(f"{busy} {place}; wait for it, or {instead}")
        yield
