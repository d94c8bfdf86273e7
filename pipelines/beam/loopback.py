"""Keeps the servers that Beam starts in this process on the loopback interface."""

import contextlib
from collections.abc import Iterator
from typing import Any

EVERYWHERE, LOOPBACK = "[::]:", "localhost:"


@contextlib.contextmanager
def on_loopback() -> Iterator[None]:
    """Lets gRPC servers that are made in the block listen on the loopback interface instead of on all interfaces.

    For ``--direct_running_mode=multi_threading`` and ``--environment_type=LOOPBACK``, Beam starts servers for workers
    on this machine, which it tells ``localhost:PORT``. They do not ask who calls, and Beam binds them to ``[::]``.
    """
    import grpc  # Beam has imported it already

    make_server = grpc.server

    def server(*arguments: Any, **options: Any) -> grpc.Server:
        made = make_server(*arguments, **options)
        bind = made.add_insecure_port
        made.add_insecure_port = lambda address: bind(address.replace(EVERYWHERE, LOOPBACK))
        return made

    grpc.server = server
    try:
        yield
    finally:
        grpc.server = make_server
