"""What callers give to the Python interface, brought into one form, or refused in a sentence.

Strings come as one, as a list, a generator, a column of Arrow or pandas, or an array of NumPy:

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
    """The values of a sequence, a generator, a column or an array as a list; None of what has no values."""
    try:
        for name in ("to_pylist", "tolist"):  # iterating over Arrow gives scalars that are not strings
            if hasattr(values, name):
                values = getattr(values, name)()
        return None if isinstance(values, str | bytes) else list(values)
    except TypeError:
        return None


def strings(values: Any, what: str) -> list[str]:
    """Strings as a list, also of one alone; raises InputError if there is anything else, which ``what`` names."""
    if isinstance(values, str):
        return [values]
    found = listed(values)
    if found is None:
        raise InputError(f"the {what}s are {shown(values)}; give one string or several, such as ['39+3']")
    for number, each in enumerate(found, 1):
        if not isinstance(each, str):
            raise InputError(f"{what} {number} is {shown(each)}; give strings, such as '39+3'")
    return found


def ids(values: Any, characters: int) -> np.ndarray:
    """Ids of characters as an array of whole numbers; raises InputError if one of them is not below ``characters``."""
    found = np.asarray(values)
    if found.dtype.kind not in "iu":
        raise InputError(f"the ids are of the type {found.dtype}; give whole numbers from 0 to {characters - 1}")
    if (wrong := found[(found < 0) | (found >= characters)]).size:
        raise InputError(f"the id {wrong[0]} stands for no character; give whole numbers from 0 to {characters - 1}")
    return found


def loud(verbose: Any) -> contextlib.AbstractContextManager[None]:
    """A block that prints nothing if ``verbose`` is 0, as Keras's; raises InputError if it is neither 0 nor 1."""
    if verbose not in (0, 1):
        raise InputError(f"verbose is {shown(verbose)}; give 0 to print nothing, or 1")
    return contextlib.nullcontext() if verbose else silent()


def objects(values: Any, kind: type, what: str) -> list[Any]:
    """Objects of one kind as a list, also of one alone; raises InputError if there is anything else."""
    found = [values] if isinstance(values, kind) else listed(values)
    for each in [values] if found is None else found:
        if not isinstance(each, kind):
            raise InputError(f"{what} got one of the type {type(each).__name__}; give objects of {kind.__name__} only")
    return found or []


def callbacks(values: Any, config: TrainConfig) -> list[Any]:
    """Keras's callbacks as a list; raises InputError for other objects, and what sets a rate that has a schedule."""
    import keras

    found = objects(values, keras.callbacks.Callback, "callbacks")
    setters = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
    has_schedule = config.schedule != "constant" or config.warmup
    if has_schedule and (wrong := [type(each).__name__ for each in found if isinstance(each, setters)]):
        raise InputError(
            f"{wrong[0]} sets the learning rate, and so do schedule={config.schedule!r} and warmup={config.warmup:g}; "
            "give schedule='constant', warmup=0"
        )
    return found
