"""The page of a report, rendered from one template.

The page is one HTML file that contains its style sheet and its pictures. It has no script, and its Content Security
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
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.data import making
from seq2seq_arith.trainer.reporting import collect, errors, sections
from seq2seq_arith.trainer.reporting.collect import RunReport
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run

TEMPLATES = Path(__file__).parent / "templates"
MAX_RUNS = len(figures.COLOURS)
SUFFIXES = (".html", ".htm")


def write_report(path: Path, runs: Mapping[str, Run], **options: Any) -> None:
    """Evaluates the best models of runs, by their names in the report, and writes the report about them.

    ``options`` are those of ``collect.collect``. Raises InputError if the file does not end in .html, there are too
    many runs, or as ``collect``; WriteError if the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"the report is {path}; give a file that ends in {SUFFIXES[0]}")
    if len(runs) > MAX_RUNS:
        raise InputError(f"there are {len(runs)} runs, and a report shows at most {MAX_RUNS}; give fewer")
    packages.require("arith-model report", "jinja2", "train")
    reports = listing.usable(runs, lambda label, run: collect.collect(run, label, **options))
    write(path, render(list(reports.values())).encode())


def render(runs: Sequence[RunReport]) -> str:
    """The page, as HTML."""
    import jinja2

    descriptions = {report.task.description for report in runs}
    title = descriptions.pop().capitalize() if len(descriptions) == 1 else f"{len(runs)} runs"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"cut": cut, "abridged": abridged}
    environment.globals |= {"version": __version__, "blank": VISIBLE_PAD, "palette": figures.VARIABLES}
    environment.globals |= {"sections": sections, "errors": errors, "making": making, "most_mistakes": collect.MISTAKES}
    labels = [report.label for report in runs]
    return environment.get_template("page.html").render(title=title, labels=labels, runs=runs) + "\n"
