"""``arith-model serve``: shows a page on which a person asks runs, or writes one that needs no server."""

import argparse

from seq2seq_arith.base import packages
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import check_int
from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.run import local_folder

MAX_PORT = 2**16 - 1


def run(args: argparse.Namespace) -> int:
    """Shows a page on which a person asks runs, or writes one that needs no server."""
    top = expanded(args.runs_dir)
    plugins.allow(*args.model, *args.view)
    if args.export is not None:
        folder = local_folder(args.export)
        import_tensorflow()
        from seq2seq_arith.trainer.playground import export

        export.export(top, folder)
        return SUCCESS
    check_int("port", args.port, 0, MAX_PORT)
    packages.require("arith-model serve", "aiohttp", "serve")
    import_tensorflow()
    from seq2seq_arith.trainer.playground import server

    server.serve(top, args.port)
    return SUCCESS
