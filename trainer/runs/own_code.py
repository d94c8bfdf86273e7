"""Opens runs whose model or view may be code of one's own, which runs only if a person names it."""

from collections.abc import Sequence

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.runs.run import Run, open_run


def open_with(folder: str, model: str | None, view: str | None) -> Run:
    """The run in a folder, and permission for the code that is named.

    Raises:
      InputError: There is no run, or its model or its view is not the one that is named.
    """
    plugins.allow(model, view)
    run = open_run(folder)
    for option, name, there in (("model", model, run.config.model.name), ("view", view, run.config.model.view)):
        if name and plugins.absolute(name) != there:
            raise InputError(
                f"--{option} is {name}, and the {option} of {folder} is {there}; leave it out, or name that one"
            )
    return run


def open_all_with(folders: Sequence[str], models: Sequence[str], views: Sequence[str]) -> list[Run]:
    """The runs in several folders, and permission for the code that is named.

    Raises:
      InputError: A folder is given twice or holds no run, or code is named that none of the runs has.
    """
    plugins.allow(*models, *views)
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise InputError(f"the folder {twice} is given twice; give it once")
    runs = [open_run(folder) for folder in folders]
    used = {"model": {run.config.model.name for run in runs}, "view": {run.config.model.view for run in runs}}
    for option, names in (("model", models), ("view", views)):
        for name in names:
            if plugins.absolute(name) not in used[option]:
                raise InputError(f"--{option} is {name}, which is the {option} of none of these runs; leave it out")
    return runs
