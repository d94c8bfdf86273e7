"""The settings of the site that ``make docs`` builds of these pages, and what it adds to them.

The pages are plain Markdown, which GitHub shows, too. Four things are different on the site:

- The menu is made of the lists of ``index.md``, so that there is no second list of the pages.
- A link to a file outside of ``docs/`` leads to the repository, because that file is not on the site.
- The theme has a button for light and dark, which also a ``<picture>`` follows.
- It has a playground, which is in the menu: the network that comes with the package, which fails, and beside it the
  one that ``make docs`` trains, unless notebooks are off.

Sphinx takes pages from one folder, so the notebooks are copied into it, and its files stay in ``docs/notebooks/``.
"""

import json
import os
import re
import shutil
import tomllib
from pathlib import Path

from seq2seq_arith.trainer.quiet import import_tensorflow

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTEBOOKS = ROOT / "notebooks"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY, SITE = PROJECT["urls"]["Repository"], PROJECT["urls"]["Documentation"]
# A Markdown link, or an image, to another file: neither a URL nor a place on the same page.
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")
PICTURE = re.compile(r'<picture><source [^>]*srcset="([^"]+)"><img src="([^"]+)" alt="([^"]+)"></picture>')

project = PROJECT["name"]
author = copyright = PROJECT["authors"][0]["name"]
html_title = f"{project} documentation"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxarg.ext"]
exclude_patterns = ["notebooks/.ipynb_checkpoints"]

highlight_language = "text"
smartquotes = False  # which would make one dash of the two of an option
# Links may name any heading of a page, as on GitHub.
myst_heading_anchors = 4
# Boxes for traps, in the form that GitHub shows, too: > [!WARNING]
myst_enable_extensions = ["alert", "attrs_inline"]
myst_links_external_new_tab = False

# NOTEBOOKS=off shows the notebooks as they are stored, the lesson alone with outputs: running them takes minutes.
nb_execution_mode = "off" if os.environ.get("NOTEBOOKS") == "off" else "cache"
nb_execution_cache_path = str(ROOT / "build" / "notebooks")
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Names of other projects cannot be looked up without their inventories, which are elsewhere: only ours are checked.
nitpicky = True
suppress_warnings = [
    "myst.domains",  # sphinx-argparse's domain resolves no links of Markdown, and need not
    "misc.highlighting_failure",  # the lines of notebooks that begin with ! or % are no Python
]
nitpick_ignore_regex = [("py:.*", r"(?!seq2seq_arith\.).*")]
# These are shown in a signature, and are of no use to a reader.
nitpick_ignore = [
    ("py:class", "seq2seq_arith.arithmetic.sampling.Sampler"),
    ("py:class", "seq2seq_arith.arithmetic.own_tasks.OwnTask"),
    ("py:class", "seq2seq_arith.arithmetic.scoring.Mistake"),
    ("py:class", "seq2seq_arith.arithmetic.scoring.Share"),
    ("py:class", "seq2seq_arith.arithmetic.text.Question"),
    ("py:class", "seq2seq_arith.base.errors._OneSentence"),
    ("py:class", "seq2seq_arith.pipelines.storage.paths.ObjectPath"),
    ("py:class", "seq2seq_arith.trainer.data.records.Source"),
    ("py:class", "seq2seq_arith.trainer.figures.HeatMap"),
    ("py:class", "seq2seq_arith.trainer.plugins.Kind"),
    ("py:class", "seq2seq_arith.trainer.plugins.Plugin"),
    ("py:class", "seq2seq_arith.trainer.registry.InputFormatEntry"),
    ("py:class", "seq2seq_arith.trainer.registry.ModelEntry"),
    ("py:class", "seq2seq_arith.trainer.registry.PositionalEncodingEntry"),
    ("py:class", "seq2seq_arith.trainer.runs.evaluated.EpochScore"),
    ("py:class", "seq2seq_arith.trainer.runs.evaluated.SetScore"),
    ("py:class", "seq2seq_arith.trainer.runs.samples.Sample"),
]

# make linkcheck asks for pages elsewhere. Links to files of the repository are tested (tests/test_site.py), and the
# addresses of this machine answer only while a program listens there.
linkcheck_ignore = [re.escape(SITE), rf"{re.escape(REPOSITORY)}/(blob|tree)/", r"https?://(localhost|127\.0\.0\.1)"]
linkcheck_timeout = 30

html_theme = "furo"
html_baseurl = SITE
html_static_path = ["site.css", "site.js"]
html_css_files, html_js_files = ["site.css"], [("site.js", {"defer": "defer"})]
html_show_sphinx = False
html_copy_source = False


def setup(app):
    """Called by Sphinx."""
    import_tensorflow()  # without its start-up lines; autodoc imports it anyway
    _copy_notebooks()
    app.connect("source-read", _adapt)
    app.connect("autodoc-process-docstring", _quote_stars)
    app.connect("html-page-context", _follow_here, priority=900)  # after the theme has made its menu
    app.connect("build-finished", _add_playground)
    return {"parallel_read_safe": True}


def _copy_notebooks() -> None:
    """Copies the notebooks below this folder; one that has not changed keeps its time, and is not built again."""
    target = DOCS / "notebooks"
    target.mkdir(exist_ok=True)
    names = {each.name for each in NOTEBOOKS.glob("*.ipynb")}
    for old in target.glob("*.ipynb"):
        if old.name not in names:
            old.unlink()
    for name in names:
        shutil.copy2(NOTEBOOKS / name, target / name)


def _adapt(app, page: str, content: list[str]) -> None:
    """What is different on the site in one page; Sphinx reads the changed content."""
    if page == "index":
        content[0] += "".join(_menus(content[0]))
    if page == "reference/slices":
        content[0] += "\n```{toctree}\n:hidden:\n:glob:\n\nslices-*\n```\n"
    if page.startswith("notebooks/"):
        content[0] = _with_lexer(content[0])
    else:
        themes = r"![\3](\2){.only-light} ![\3](\1){.only-dark}"
        content[0] = PICTURE.sub(themes, content[0])
    content[0] = LINK.sub(lambda found: f"]({_on_site(page, found[1])}{found[2] or ''})", content[0])


def _add_playground(app, failure: Exception | None) -> None:
    """Writes the page on which both networks of subtraction answer a question that one of them gets wrong."""
    if failure is None and app.builder.name == "html":
        from seq2seq_arith.trainer.playground import page
        from seq2seq_arith.trainer.recipes import DEMO_QUESTIONS
        from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS

        runs = {name: PRETRAINED_RUNS / name for name in ("subtraction-random-pairs", "subtraction")}
        asked = dict(zip(("run", "beside"), runs, strict=False)) | {"question": DEMO_QUESTIONS["subtraction"]}
        content = page.standalone(runs, asked).replace(f'href="{SITE}', 'href="./')
        (app.outdir / "playground.html").write_text(content, encoding="utf-8")


def _follow_here(app, page: str, template: str, context: dict, tree: object) -> None:
    """A page of the site that no Markdown makes is the one of this build."""
    here = "../" * page.count("/") or "./"
    for part in ("body", "furo_navigation_tree"):
        context[part] = context.get(part, "").replace(f'href="{SITE}', f'href="{here}')


def _quote_stars(app, kind: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """A star in the shape of an array, such as [examples, *question_shape], does not begin emphasis."""
    lines[:] = [re.sub(r", \*(?=\w)", r", \\*", line) for line in lines]


def _with_lexer(notebook: str) -> str:
    """The JSON of a notebook that says how its cells are coloured, which one that has not been run does not."""
    read = json.loads(notebook)
    read["metadata"].setdefault("language_info", {"name": "python", "pygments_lexer": "ipython3"})
    return json.dumps(read)


def _menus(index: str) -> list[str]:
    """A part of the menu for each heading of the index: the pages that its list names, in this order."""
    page = r"(?:\.\./(?=notebooks/))?(?P<page>\w[\w/.-]*)\.(?:md|ipynb)"
    entry = re.compile(rf"^- \[(?P<title>[^\]]*)\]\((?:{page}|(?P<url>{re.escape(SITE)}[^)]*))\)", re.MULTILINE)
    menus = []
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        entries = [found["page"] or f"{found['title']} <{found['url']}>" for found in entry.finditer(section)]
        if entries:
            title = section.partition("\n")[0]
            menus.append("\n".join(["\n```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```\n"]))
    return menus


def _on_site(page: str, link: str) -> str:
    """The link of a page to a file: to a page of the site if it is one, or to the repository."""
    # The notebooks' own place is beside this folder, the pages' is in it.
    folder = NOTEBOOKS if page.startswith("notebooks/") else (DOCS / page).parent
    path = Path(os.path.normpath(folder / link))
    if path.is_relative_to(NOTEBOOKS):
        path = DOCS / "notebooks" / path.relative_to(NOTEBOOKS)
    if path.is_relative_to(DOCS):
        return os.path.relpath(path, (DOCS / page).parent)
    return f"{REPOSITORY}/{'tree' if path.is_dir() else 'blob'}/main/{path.relative_to(ROOT).as_posix()}"
