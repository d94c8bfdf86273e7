"""The conversion and validation of arguments of the Python interface; the errors are sentences for its users.

Strings may be one string, a list, a generator, a column of Arrow or pandas, or a NumPy array:

>>> import numpy as np
>>> strings("39+3", "question"), strings(np.array(["1+1", "2+2"]), "question")
(['39+3'], ['1+1', '2+2'])
"""

import contextlib
from typing import Any

import numpy as np

from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.terminal import silent
from seq2seq_arith.trainer.config import TrainConfig


def listed(values: Any) -> list[Any] | None:
    """The values of a sequence, a generator, a column or an array as a list; None for anything else."""
    try:
        for name in ("to_pylist", "tolist"):  # iterating over Arrow gives scalars that are not strings
            if hasattr(values, name):
                values = getattr(values, name)()
        return None if isinstance(values, str | bytes) else list(values)
    except TypeError:
        return None


def strings(values: Any, what: str) -> list[str]:
    """Strings, or a single string, as a list; raises InputError, which calls them ``what``, for anything else."""
    if isinstance(values, str):
        return [values]
    texts = listed(values)
    if texts is None:
        raise InputError(f"the {what}s are {shown(values)}; give one string or several, such as ['39+3']")
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise InputError(f"{what} {number} is {shown(text)}; give strings, such as '39+3'")
    return texts


def ids(values: Any, characters: int) -> np.ndarray:
    """Ids of characters as an array of integers; raises InputError unless they are from 0 to ``characters`` - 1."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(f"the ids are of the type {array.dtype}; give whole numbers from 0 to {characters - 1}")
    if (wrong := array[(array < 0) | (array >= characters)]).size:
        raise InputError(f"the id {wrong[0]} is not that of a character; give whole numbers from 0 to {characters - 1}")
    return array


def loud(verbose: Any) -> contextlib.AbstractContextManager[None]:
    """A block that prints nothing if ``verbose`` is 0, as in Keras; raises InputError if it is neither 0 nor 1."""
    if verbose not in (0, 1):
        raise InputError(f"verbose is {shown(verbose)}; give 0 to print nothing, or 1")
    return contextlib.nullcontext() if verbose else silent()


def objects(values: Any, kind: type, what: str) -> list[Any]:
    """Objects of one class, or a single one, as a list; raises InputError if there is anything else."""
    items = [values] if isinstance(values, kind) else listed(values)
    for item in [values] if items is None else items:
        if not isinstance(item, kind):
            raise InputError(f"{what} got an object of type {type(item).__name__}; give only {kind.__name__} objects")
    return items or []


def callbacks(values: Any, config: TrainConfig) -> list[Any]:
    """Keras callbacks as a list.

    Raises InputError for other objects, and for a callback that sets a learning rate that has a schedule.
    """
    import keras

    callbacks = objects(values, keras.callbacks.Callback, "callbacks")
    setters = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
    has_schedule = config.schedule != "constant" or config.warmup
    if has_schedule and (wrong := [type(item).__name__ for item in callbacks if isinstance(item, setters)]):
        raise InputError(
            f"{wrong[0]} sets the learning rate, and so do schedule={config.schedule!r} and warmup={config.warmup:g}; "
            "give schedule='constant', warmup=0"
        )
    return callbacks
