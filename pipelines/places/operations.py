"""What a store must be able to do, and the words for it."""

from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, Protocol

ABSENT = ""  # stands for the version of an object that is not there
PIECE = 8 * 2**20  # bytes per read
UPLOAD_PIECE = 32 * 2**20  # bytes of a large object that are in memory while it is sent
SHA256 = "sha256"  # the name under which an object's own metadata hold its content's sha256


class State(NamedTuple):
    """The state of an object.

    Attributes:
      version: Identifies the content; another version may have the same content.
      sha256: That of the content, as the program that wrote it stated; empty if it did not.
    """

    version: str
    sha256: str


class Listed(NamedTuple):
    """An object in a listing: its key, its bytes, its time of writing in seconds since 1970, and its version."""

    key: str
    size: int
    modified: float
    version: str


class Client(Protocol):
    """The operations of a store. A version identifies one state of an object, or is ABSENT.

    Attributes:
      MODULE: The module that must be installed.
      EXTRA: This package's extra that installs it.
      FLAGS: How the names of Beam's flags begin which say how the store is reached.
    """

    MODULE: str
    EXTRA: str
    FLAGS: tuple[str, ...]

    def state(self, bucket: str, key: str) -> State | None:
        """The state of an object; None if there is none."""
        ...

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        """A small object and its version; None if there is none."""
        ...

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        """An object from its beginning to its end; raises FileNotFoundError if there is none."""
        ...

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        """At most ``size`` bytes of an object from ``start`` on; raises FileNotFoundError if there is none."""
        ...

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool:
        """Writes a small object if its version is the given one, or in any case for None; returns whether it did."""
        ...

    def upload(self, bucket: str, key: str, file: IO[bytes], sha256: str, version: str) -> str | None:
        """Writes an object from a file, which is read from its beginning, if the object has the given version.

        Returns:
          The new version; None if the object had another one.
        """
        ...

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Removes those of these objects that are there, many at once."""
        ...

    def list(self, bucket: str, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin so."""
        ...

    @staticmethod
    def trouble(error: Exception) -> str:
        """The kind of failure: a key of ``clients.SENTENCES``, or empty."""
        ...
