"""Gives the page absolute links; pyproject.toml has the rest. Beam's ``--setup_file`` reads this, too."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent


def readme() -> str:
    """README.md for the package's page on PyPI, which is elsewhere than the files that the links lead to."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]
    relative = r"\]\((?!https?://|#)([^)]+)\)"
    text = re.sub(rf"(!\[[^\]]*){relative}", rf"\1]({repository}/raw/main/\2)", text)
    text = re.sub(r'(src(?:set)?=")(?!https?://)', rf"\1{repository}/raw/main/", text)
    return re.sub(relative, rf"]({repository}/blob/main/\1)", text)


setup(long_description=readme(), long_description_content_type="text/markdown")
