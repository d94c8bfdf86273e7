"""Work that is done ahead in a thread, so that the devices do not wait for the host."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Makes what is asked for by number, and one more in a thread while the caller is busy.

    Args:
      make: Makes the thing with a number. It is never called twice at a time.
    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1)
        self._begun: tuple[int, Future[T]] | None = None

    def begin(self, number: int) -> None:
        """Begins to make a thing, unless it is the last one that was begun."""
        if self._begun is None or self._begun[0] != number:
            self._begun = number, self._pool.submit(self._make, number)

    def take(self, number: int) -> T:
        """A thing, which is waited for if need be; an error of making it is raised here."""
        self.begin(number)
        assert self._begun is not None
        return self._begun[1].result()
