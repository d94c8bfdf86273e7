"""``arith-data fetch``: copies a dataset from a store into a directory."""

import argparse
import time

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import StoreError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.commands.shared import (
    DATASET,
    NOTHING_LEFT,
    add_sha256,
    failed,
    print_load,
    refuse_surplus,
)
from seq2seq_arith.pipelines.places.paths import local_path

DOES = "copy a finished dataset, for example from an object store"
DESCRIPTION = "Copies a dataset, checks every file, and makes it visible when it is complete."
EXAMPLES = ["fetch gs://BUCKET/data/seq2seq_arith/addition/1.0.0 data"]


def options(parser: argparse.ArgumentParser) -> None:
    """Adds its options."""
    parser.add_argument("url", help=DATASET)
    parser.add_argument("data_dir", metavar="DIR", help="where datasets are kept here, as TFDS's data_dir")
    parser.add_argument("--overwrite", action="store_true", help="replace a dataset that has other files")
    add_sha256(parser)


def run(args: argparse.Namespace) -> int:
    """Copies a dataset, and checks every file; returns the exit code."""
    from seq2seq_arith.pipelines.fetch import fetch, find

    refuse_surplus(args.rest, args.url, "fetch takes a URL and a directory")
    data_dir = local_path(args.data_dir)
    source = find(args.url, args.rest)
    start = time.perf_counter()
    try:
        path, task, copied = fetch(source, data_dir, args.overwrite, args.sha256)
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
    print_load(task, path, args.data_dir)
    return SUCCESS
