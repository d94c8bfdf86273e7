"""Finds the packages of seq2seq_arith, and gives the package's page absolute links.

Beam's ``--setup_file`` reads this file, too.

The three layers are at the top of the checkout, and are installed inside the package ``seq2seq_arith``: a top-level
package called ``datasets`` in site-packages would overwrite Hugging Face's.
"""

import re
import tomllib
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
ROOT = "seq2seq_arith"
LAYERS = ("pipelines", "datasets", "trainer")


def package_dir() -> dict[str, str]:
    """The installed name of every package, and its folder in the checkout."""
    names = [top if name == "" else f"{top}.{name}" for top in (ROOT, *LAYERS) for name in ("", *find_packages(top))]
    return {name if name.split(".")[0] == ROOT else f"{ROOT}.{name}": name.replace(".", "/") for name in names}


def readme() -> str:
    """README.md for the package's page on PyPI, which is elsewhere than the files that the links lead to."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]
    relative = r"\]\((?!https?://|#)([^)]+)\)"
    text = re.sub(rf"(!\[[^\]]*){relative}", rf"\1]({repository}/raw/main/\2)", text)
    return re.sub(relative, rf"]({repository}/blob/main/\1)", text)


setup(
    packages=list(package_dir()),
    package_dir=package_dir(),
    long_description=readme(),
    long_description_content_type="text/markdown",
)
