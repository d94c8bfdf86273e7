"""Beam in IPython and Jupyter."""

import contextlib
from collections.abc import Iterator

from apache_beam import pipeline


@contextlib.contextmanager
def plain_labels() -> Iterator[None]:
    """Lets Beam build and run pipelines in the block without the number of the notebook's cell in the steps' names.

    To find those names, Beam imports its data frames, and with them pandas: it fails where pandas is missing or newer
    than Beam knows. Outside of IPython the function that is replaced does nothing.
    """
    original = pipeline.alter_label_if_ipython
    pipeline.alter_label_if_ipython = lambda transform, pvalueish: None
    try:
        yield
    finally:
        pipeline.alter_label_if_ipython = original
