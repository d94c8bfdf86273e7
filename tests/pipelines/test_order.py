"""An order: checked once, and passed on as one object."""

import dataclasses

import pytest
from stored import TASK

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines import order
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.publishing.stores import StorePublisher


def test_where_it_is_published(tmp_path):
    for data_dir, kind in ((tmp_path, DirectoryPublisher), (ObjectPath("gs://bucket"), StorePublisher)):
        publisher = Order(TASK, Layout(8), data_dir).publisher
        assert type(publisher) is kind
        assert str(publisher.path) == f"{data_dir}/seq2seq_arith/addition-n200/1.0.0"


def test_only_a_local_run_needs_this_machines_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "free_memory", lambda: 1000)
    local = Order(TASK, Layout(8), tmp_path)
    with pytest.raises(InputError, match="this machine has 1,000 free"):
        local.check_engine()
    dataclasses.replace(local, beam_options=pipeline_options(["--runner=my.own.Runner"])).check_engine()
