"""The sockets at which processes listen."""

import contextlib
import ipaddress

import psutil


def listening(process: int | psutil.Process) -> set[tuple[str, int]]:
    """The addresses and ports at which a process and its child processes listen, as ``/proc/PID/net/tcp`` has them."""
    found = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        root = process if isinstance(process, psutil.Process) else psutil.Process(process)
        for each in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                connections = each.net_connections("tcp")
                found |= {tuple(one.laddr) for one in connections if one.status == psutil.CONN_LISTEN}
    return found


def reachable(sockets: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the sockets that other machines can reach."""
    return {(address, port) for address, port in sockets if not _is_loopback(address)}


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback  # Java's are IPv4 in IPv6
