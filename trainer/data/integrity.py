"""Compares the files of a dataset with its metadata while a model is trained on them."""

import hashlib
import threading
from collections.abc import Iterable

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import METADATA
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.trainer.data.records import Shard, advice


class FileCheck:
    """Compares the size and the sha256 of files with what the metadata state, once, in a thread.

    The records that training reads are checked one by one, but each of them also fits into another file of the dataset,
    or into another dataset. So whole files are compared, too, without letting the first step wait.

    Args:
      shards: The files; none for no check.
    """

    def __init__(self, shards: Iterable[Shard] = ()) -> None:
        self._error: Exception | None = None
        # A daemon, so that a training that is stopped does not wait for it.
        self._thread = threading.Thread(target=self._compare, args=(list(shards),), daemon=True)
        self._thread.start()

    def raise_found(self) -> None:
        """Raises what was found so far, if anything.

        Raises:
          InputError: A file is missing, or is not the one that the metadata name.
          StoreError: An object store fails.
        """
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Waits until all files are compared, and raises what was found, if anything; as ``raise_found``."""
        self._thread.join()
        self.raise_found()

    def _compare(self, shards: list[Shard]) -> None:
        try:
            for shard in shards:
                compare(shard)
        except Exception as error:
            self._error = error


def compare(shard: Shard) -> None:
    """Compares one file.

    Raises:
      InputError: It is missing, or is not the one that the metadata name.
      StoreError: An object store fails.
    """
    digest, size = hashlib.sha256(), 0
    directory = shard.path.parents[0]
    try:
        for piece in paths.pieces(shard.path):
            digest.update(piece)
            size += len(piece)
            if size > shard.num_bytes:
                break
    except OSError as error:
        raise InputError(f"{shard.path} cannot be read ({error.strerror or error}); {advice(directory)}") from None
    if size != shard.num_bytes:
        raise InputError(
            f"{shard.path} does not have the {shard.num_bytes:,} bytes of its {shard.examples:,} examples; "
            f"{advice(directory)}"
        )
    if digest.hexdigest() != shard.sha256:
        raise InputError(f"{shard.path} does not have the sha256 that {METADATA} states; {advice(directory)}")
