"""An order: checked once, and passed on as one object."""

import dataclasses

import pytest
from stored import TASK

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines import order
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.order import Order


def test_only_a_local_run_needs_this_machines_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "free_memory", lambda: 1000)
    local = Order(TASK, Layout(8), tmp_path)
    with pytest.raises(InputError, match="this machine has 1,000 free"):
        local.check_engine()
    dataclasses.replace(local, beam_options=pipeline_options(["--runner=my.own.Runner"])).check_engine()
