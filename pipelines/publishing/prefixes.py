"""The objects of a dataset's prefix: which a marker names, and which may be removed."""

import dataclasses
import time
from collections.abc import Container, Iterator, Mapping

from seq2seq_arith.pipelines.formats.layout import FEATURES, METADATA, Layout, format_name, read_metadata
from seq2seq_arith.pipelines.places.clients import Entry
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.pipelines.publishing.publisher import OLD_SECONDS

AT_ONCE = 1000  # objects that are removed after one look at the marker
BESIDE = ".incomplete-"  # what a prefix and the token of a run have between them


@dataclasses.dataclass(frozen=True)
class Listing:
    """The objects of a dataset's prefix, and those beside it that belong to runs.

    Attributes:
      files: The files of the dataset, by name.
      reports: The reports of runs, by names below the folder of the config.
    """

    files: Mapping[str, Entry]
    reports: tuple[Entry, ...]

    @classmethod
    def of(cls, path: ObjectPath) -> "Listing":
        """Lists both, which are in the folder of the config, at once."""
        files, reports, below = {}, [], f"{path.name}/"
        for entry in path.parents[0].entries():
            if entry.name.startswith(below):
                name = entry.name.removeprefix(below)
                files[name] = entry._replace(name=name)
            elif entry.name.startswith(path.name + BESIDE):
                reports.append(entry)
        return cls(files, tuple(reports))


def marked_files(path: ObjectPath) -> Container[str]:
    """The files that the marker names; empty, and so false, without a marker."""
    return (read_metadata(path) or {}).get("files") or {}


def own_files(layout: Layout) -> Iterator[str]:
    """The files that the workers of a run write."""
    return (name for _, _, name in layout.shard_files())


def remove_own(path: ObjectPath, layout: Layout, before: Mapping[str, Entry]) -> None:
    """Removes shards of this layout that were not there, or not the same, when a run of it began."""
    own = set(own_files(layout))
    new = [entry.name for entry in path.entries() if entry.name in own and before.get(entry.name) != entry]
    remove_unmarked(path, new)


def remove_strays(path: ObjectPath, listing: Listing, before: float | None = None) -> None:
    """Removes the shards that a dataset's marker does not name; only those written before a time, if one is given."""
    if kept := marked_files(path):
        strays = [entry for entry in listing.files.values() if _is_of_a_layout(entry.name) and entry.name not in kept]
        remove_unmarked(path, [entry.name for entry in strays if before is None or entry.modified < before])


def remove_old_reports(path: ObjectPath, listing: Listing) -> None:
    """Removes reports that are too old to be those of runs that are still going on."""
    before = time.time() - OLD_SECONDS
    path.parents[0].remove([entry.name for entry in listing.reports if entry.modified < before])


def remove_unmarked(path: ObjectPath, names: list[str]) -> None:
    """Removes these files unless the marker names them. Another run may write it at any time: look at it per batch."""
    kept, version = {}, None
    for start in range(0, len(names), AT_ONCE):
        state = (path / METADATA).state()
        if state and state.version != version:
            kept, version = marked_files(path), state.version
        path.remove([name for name in names[start : start + AT_ONCE] if name not in kept])


def is_ours(name: str) -> bool:
    """Whether this program writes such a file before the marker."""
    return name == FEATURES or _is_of_a_layout(name)


def _is_of_a_layout(name: str) -> bool:
    """Whether a file is a shard, of whatever layout."""
    return format_name(name) is not None
