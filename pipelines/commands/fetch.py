"""``arith-data fetch``: copies a dataset from a store into a directory."""

import argparse
import time

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import StoreError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.commands.asked import refuse_surplus
from seq2seq_arith.pipelines.commands.ended import NOTHING_LEFT, failed, print_load
from seq2seq_arith.pipelines.fetch import fetch, find
from seq2seq_arith.pipelines.places.paths import local_path


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Copies a dataset, and checks every file; returns the exit code."""
    refuse_surplus(rest, arguments.url, "fetch takes a URL and a directory")
    data_dir = local_path(arguments.data_dir)
    source = find(arguments.url, rest)
    start = time.perf_counter()
    try:
        path, task, copied = fetch(source, data_dir, arguments.overwrite, arguments.sha256)
    except StoreError as error:
        return failed(f"{error}; {NOTHING_LEFT}")
    except OSError as error:
        return failed(f"{data_dir} could not be written: {error.strerror or error}; {NOTHING_LEFT}")
    events.emit("result", path=path, is_new=bool(copied))
    if copied:
        print(
            f"{printable(path)} is a copy of {printable(source)}, each file with its sha256; "
            f"{time.perf_counter() - start:.1f} s"
        )
    else:
        print(f"{printable(path)} is there already, and the same as {printable(source)}; nothing was done")
    print_load(task, path, arguments.data_dir)
    return SUCCESS
