"""The step that a run is in, by what has been counted."""

from collections.abc import Callable, Mapping

DRAWS, DEDUPLICATES, WRITES, PUBLISHES = "draws", "drops duplicates", "writes", "publishes"
# The steps that take long, by their labels in the pipeline, in order.
LABELS = {"Draw": DRAWS, "Deduplicate": DEDUPLICATES, "Write": WRITES}


def current_step(totals: Mapping[str, int], count: Callable[[str], int], told: str = "") -> str:
    """The step that the engine tells, or else the first one that has not counted everything.

    >>> current_step({"draws": 9, "shards": 2}, {"draws": 9, "deduplicated shards": 1, "shards": 0}.get)
    'drops duplicates'

    Args:
      totals: The numbers of ``draws`` and of ``shards``.
      count: From the name of a counter to its value.
      told: What the engine tells, which is of no use when everything has been counted.
    """
    if count("shards") >= totals["shards"]:
        return PUBLISHES
    if told:
        return told
    if count("draws") < totals["draws"]:
        return DRAWS
    return DEDUPLICATES if count("deduplicated shards") < totals["shards"] else WRITES
