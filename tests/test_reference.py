"""The pages of the reference that list what the code has are those of the code, and no entry lacks a part."""

import importlib.util

import pytest
import shtab
from layout import ROOT

from seq2seq_arith.base.options import Parameter, parameters_of
from seq2seq_arith.pipelines.commands import parser as arith_data
from seq2seq_arith.trainer.commands import parser as arith_model
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.registry import INPUT_FORMATS, MODELS, POSITIONAL_ENCODINGS

spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs/reference_pages.py")
assert spec and spec.loader
reference_pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference_pages)

ENTRIES = {**MODELS, **POSITIONAL_ENCODINGS, **INPUT_FORMATS}


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_page_is_that_of_the_code(name):
    stored = (reference_pages.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert stored == reference_pages.PAGES[name](), "run make reference"


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_has_a_definition_and_a_standard_name(name):
    entry = ENTRIES[name]
    assert len(entry.help.split()) > 3 and entry.term
    assert name in MODELS or name in INPUT_FORMATS or entry.paper.startswith("[")


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_an_option_is_a_phrase_that_can_be_read(kind):
    options = [option for option in parameters_of(kind).values() if isinstance(option, Parameter)]
    assert options
    assert [option.name for option in options if len(option.about.line.split()) < 2] == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("parser", "option"), [(arith_data, "--parquet-written"), (arith_model, "--positional-encoding")]
)
def test_shells_complete_the_options(parser, option, shell):
    completion = shtab.complete(parser(), shell)
    assert option in completion and parser().prog in completion
