"""The sockets at which processes listen, and ports that are kept for them."""

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator

import psutil


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """A port of this machine for a server that is started in the block, and that nobody else is given meanwhile.

    A server may take seconds until it listens, in which other tests ask for ports, too, and connect to others. On
    Linux, the port is bound until the block ends, by a socket that does not listen and lets a server bind it as well;
    elsewhere it is only free at first.
    """
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        if sys.platform != "linux":
            kept.close()
        yield port


def listening(process: int | psutil.Process) -> set[tuple[str, int]]:
    """The addresses and ports at which a process and its child processes listen, as ``/proc/PID/net/tcp`` has them."""
    addresses = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        root = process if isinstance(process, psutil.Process) else psutil.Process(process)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                connections = process.net_connections("tcp")
                addresses |= {
                    tuple(connection.laddr) for connection in connections if connection.status == psutil.CONN_LISTEN
                }
    return addresses


def reachable(sockets: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the sockets that other machines can reach."""
    return {(address, port) for address, port in sockets if not _is_loopback(address)}


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback  # Java's are IPv4 in IPv6
