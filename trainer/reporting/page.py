"""The page of a report: what was collected, put into one template.

The page is one file of HTML. Its style sheet and its pictures stand in it, it has no script, and a Content Security
Policy forbids it to load anything.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.text import VISIBLE_PAD
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import abridged, cut
from seq2seq_arith.base.version import __version__
from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.reporting import collect, sections
from seq2seq_arith.trainer.reporting.collect import RunReport
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run

TEMPLATES = Path(__file__).parent / "templates"
MOST_RUNS = len(drawing.COLOURS)
SUFFIXES = (".html", ".htm")


def write_report(path: Path, runs: Mapping[str, Run], **asked: Any) -> None:
    """Asks the best models of runs, by what the report calls them, and writes the report about them.

    ``asked`` is as for ``collect.collect``. Raises InputError before a model is asked, as the sentences below say, or
    as ``collect``; WriteError if the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"the report is {path}; give a file that ends in {SUFFIXES[0]}")
    if len(runs) > MOST_RUNS:
        raise InputError(f"there are {len(runs)} runs, and a report shows at most {MOST_RUNS}; give fewer")
    packages.require("arith-model report", "jinja2", "train")
    found = listing.usable(runs, lambda label, run: collect.collect(run, label, **asked))
    write(path, render(list(found.values())).encode())


def render(runs: Sequence[RunReport]) -> str:
    """The page, as HTML."""
    import jinja2

    descriptions = {each.task.description for each in runs}
    title = descriptions.pop().capitalize() if len(descriptions) == 1 else f"{len(runs)} runs"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"cut": cut, "abridged": abridged}
    environment.globals |= {"version": __version__, "blank": VISIBLE_PAD, "palette": drawing.VARIABLES}
    page = environment.get_template("page.html")
    labels, shared = [report.label for report in runs], sections.of_all(runs)
    return page.render(title=title, labels=labels, shared=shared, runs=list(map(sections.of_run, runs))) + "\n"
