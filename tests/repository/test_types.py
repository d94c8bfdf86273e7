"""An import names a file that plain tools find: a type checker follows calls between the layers in a bare checkout."""

import json
import subprocess
import sys
from pathlib import Path

from layout import ROOT

IMPORT = "from seq2seq_arith.arithmetic.task import Task\n\n"
RIGHT = {
    "right": f"{IMPORT}Task('addition', size=3).config_name.upper()\n",
    "public": "from seq2seq_arith import Task\n\nTask('addition', size=3).config_name.upper()\n",
    "options": "import seq2seq_arith as sa\n\nsa.train('pq', dashes=3, hidden=8, options={'a': 1}).config.epochs + 1\n",
    "parameters": "import seq2seq_arith as sa\n\nsa.generate('pq', dashes=3, seed=None).splits['train'].real\n",
    "data": "from seq2seq_arith.pipelines.formats.layout import Layout\n\nLayout(3).num_shards.bit_length()\n",
}
# Options that are made from fields are checked when they are given: a type checker takes any.
WRONG = {
    "wrong_type": f"{IMPORT}Task('addition', size='three').config_name.upper()\n",
    "too_many": "from seq2seq_arith.arithmetic.coverage import num_draws\n\nnum_draws(1, 2, 3)\n",
    "public_wrong_type": "from seq2seq_arith import Task\n\nTask('addition', size='three')\n",
    "no_name": "import seq2seq_arith as sa\n\nsa.nothing\n",
    "no_keyword": "import seq2seq_arith as sa\n\nsa.open_run('runs/a', modle='m.py:f')\n",
    "data_wrong_type": "from seq2seq_arith.pipelines.formats.layout import Layout\n\nLayout('three')\n",
}


def test_calls_across_layers(tmp_path):
    for name, code in (RIGHT | WRONG).items():
        (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}))
    checker = Path(sys.executable).with_name("pyright")
    done = subprocess.run([checker, "--outputjson"], cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = {
        (Path(error["file"]).stem, error["range"]["start"]["line"])
        for error in json.loads(done.stdout)["generalDiagnostics"]
        if error["severity"] == "error"
    }
    assert errors == {(name, 2) for name in WRONG}
