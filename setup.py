"""Names the packages, and gives the page absolute links.

The three layers are folders at the top of the checkout. (Installed at the top, our ``datasets`` would overwrite Hugging
Face's.) The links of the same names in ``seq2seq_arith`` are for editors, type checkers, and imports that need no
installation. They are not used here: in a zip of the repository, and in a clone on Windows, they are text files.
"""

import re
import tomllib
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
ROOT = "seq2seq_arith"
LAYERS = ("pipelines", "datasets", "trainer")


def packages() -> list[str]:
    """The packages, by the names under which they are installed."""
    own = find_packages(str(HERE), include=[ROOT, f"{ROOT}.*"], exclude=[f"{ROOT}.{layer}*" for layer in LAYERS])
    layers = find_packages(str(HERE), include=[name for layer in LAYERS for name in (layer, f"{layer}.*")])
    return own + [f"{ROOT}.{name}" for name in layers]


def readme() -> str:
    """README.md for the package's page on PyPI, which is elsewhere than the files that the links lead to."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]
    relative = r"\]\((?!https?://|#)([^)]+)\)"
    text = re.sub(rf"(!\[[^\]]*){relative}", rf"\1]({repository}/raw/main/\2)", text)
    text = re.sub(r'(src(?:set)?=")(?!https?://)', rf"\1{repository}/raw/main/", text)
    return re.sub(relative, rf"]({repository}/blob/main/\1)", text)


setup(
    packages=packages(),
    package_dir={f"{ROOT}.{layer}": layer for layer in LAYERS},
    long_description=readme(),
    long_description_content_type="text/markdown",
)
