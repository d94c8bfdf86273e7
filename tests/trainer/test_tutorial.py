"""The first page that a newcomer follows: its commands print what it shows, as far as nothing must be trained.

What is trained there has the figures of ``benchmarks/results.jsonl`` (``sweeps/test_figures.py``).
"""

import re
import shlex

import pytest
from layout import ROOT

from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.__main__ import main as arith_model

PROGRAMS = {"arith-data": arith_data, "arith-model": arith_model}
PAGE = (ROOT / "docs/start/first-model.md").read_text(encoding="utf-8")
# From a command that stands alone to what the page says that it prints.
SHOWN = dict(re.findall(r"```sh\n(arith-.+)\n```\n\n```\n((?:.*\n)*?)```", PAGE))
UNTRAINED = [command for command in SHOWN if shlex.split(command)[1] in ("show", "describe")]
assert len(UNTRAINED) == 3
LEFT_OUT = "...\n"


@pytest.mark.parametrize("command", UNTRAINED)
def test_a_command_prints_what_the_page_shows(command, capsys):
    """Line for line; ``...`` stands for any lines."""
    program, *words = shlex.split(command)
    assert PROGRAMS[program](words) == 0
    parts = [re.escape(part) for part in SHOWN[command].split(LEFT_OUT)]
    assert re.fullmatch(r"(?:.*\n)*?".join(parts), capsys.readouterr().out)
