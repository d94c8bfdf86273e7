"""Who has a run for training: what its lock says on a disk, and its lease in a store."""

import contextlib
import dataclasses
import json
import os
import socket
import time


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process that trains.

    >>> print(Holder("node1", 7, 0.0))
    process 7 on node1

    Attributes:
      host: The name of its machine.
      process: Its number there.
      time: Of its last sign of life, in seconds since 1970.
    """

    host: str
    process: int
    time: float

    @classmethod
    def here(cls) -> "Holder":
        """This process, now."""
        return cls(socket.gethostname(), os.getpid(), time.time())

    @classmethod
    def unpacked(cls, content: bytes) -> "Holder | None":
        """The holder that ``packed`` has written; None if this says none."""
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            found = cls(**json.loads(content))
            if isinstance(found.process, int) and isinstance(found.time, (int, float)):
                return found
        return None

    def packed(self) -> bytes:
        """What ``unpacked`` reads."""
        return json.dumps(dataclasses.asdict(self)).encode()

    def lives(self, patience: float) -> bool:
        """Whether it may still be training; one of another machine is believed to for so many seconds."""
        if self.host == socket.gethostname():
            try:
                os.kill(self.process, 0)
            except ProcessLookupError:
                return False
            except (OSError, OverflowError):
                pass
        return time.time() - self.time < patience

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"
