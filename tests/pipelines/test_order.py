"""An order: checked once, and passed on as one object."""

import dataclasses
import shutil

import pytest
from programs import run_here
from stored import TASK

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines import order
from seq2seq_arith.pipelines.beam import options
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.create import create
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.order import Order, check_memory
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.publishing.stores import StorePublisher


def test_where_it_is_published(tmp_path):
    for data_dir, kind in ((tmp_path, DirectoryPublisher), (ObjectPath("gs://bucket"), StorePublisher)):
        publisher = Order(TASK, Layout(8), data_dir).publisher
        assert type(publisher) is kind
        assert str(publisher.path) == f"{data_dir}/seq2seq_arith/addition-n200/1.0.0"


def test_memory():
    check_memory(1)
    with pytest.raises(InputError, match=r"a local run needs about .* give fewer examples, or a --runner"):
        check_memory(2**60)


def test_space(tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    words = (
        f"^{tmp_path} has 1,000 bytes left and the dataset needs about [\\d,]+; make room, give another --data-dir, or"
    )
    with pytest.raises(InputError, match=f"{words} fewer examples$"):
        Order(TASK, Layout(8), tmp_path).check_space()


def test_only_a_local_run_needs_this_machines_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "free_memory", lambda: 1000)
    local = Order(TASK, Layout(8), tmp_path)
    with pytest.raises(InputError, match="this machine has 1,000 free"):
        local.check_engine()
    dataclasses.replace(local, beam_options=pipeline_options(["--runner=my.own.Runner"])).check_engine()


def test_draws_are_counted_once(tmp_path, monkeypatch):
    calls, count = [], coverage.num_draws
    monkeypatch.setattr(coverage, "num_draws", lambda task: calls.append(task) or count(task))
    create(Order(TASK, Layout(2, ("tfrecord",)), tmp_path))
    assert calls == [TASK]


def test_beams_flags_are_parsed_once(tmp_path, monkeypatch):
    parsed, parse = [], options.pipeline_options
    monkeypatch.setattr(options, "pipeline_options", lambda flags, *how: parsed.append(flags) or parse(flags, *how))
    arguments = ("generate", "addition", "--num-examples=200", "--num-shards=1", "--no-parquet", "--data-dir", tmp_path)
    assert run_here(*arguments, "--direct_num_workers=1").returncode == 0
    assert parsed == [["--direct_num_workers=1"]]
