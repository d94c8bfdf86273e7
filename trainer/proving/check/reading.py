"""The files of a run: its configuration, its proof, its weights and its certificate, exactly as expected or refused."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PROVER = 3  # the version of the prover whose certificates are read here
# ``examples/small_adder.py`` is code beside the package: only this file is the network that is described here.
SMALL_ADDER_SHA256 = "91a10fcad0d1567bf4d3161510d5df8b164fd9b925b88367b4c5b890e9c84327"
INPUT_FORMATS = {
    "latch_tagger": "aligned",
    "small_adder": "aligned",
    "gru_tagger": "aligned",
    "counter": "plain",
    "causal": "reversed_eos",
}


class Refused(Exception):
    """Why a proof is not accepted, as a sentence."""


def require(is_met: object, reason: str) -> None:
    """Raises Refused with the reason unless a condition is met."""
    if not is_met:
        raise Refused(reason)


@dataclass(frozen=True)
class Run:
    """A run whose files belong together."""

    task: str  # the name of the task
    size: int  # the maximum length of an operand
    network: str  # the name of the model, of ``__main__.NETWORKS``
    model: dict[str, Any]  # the options of the model
    files: Mapping[str, bytes]  # best.npz and certificate.npz, which is missing where none is needed


def open_run(folder: Path) -> Run:
    """Reads a run, and compares the checksums in its proof with its files."""
    config, proof = (_object(folder / name) for name in ("config.json", "proof.json"))
    try:
        parameters, model, precision = (
            config["data"]["parameters"],
            config["train"]["model"],
            config["train"]["precision"],
        )
        parts = {"task": parameters, "model": model, "precision": precision}
        config_sha256 = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        task, size = parameters["task"], parameters.get("digits", parameters.get("dashes"))
        name, input_format, code_sha256 = model["name"], model["input_format"], model.get("code_sha256")
        require("code_sha256" not in parameters, f"{task} is a custom task, which has no rule here")
    except (KeyError, TypeError, AttributeError):
        raise Refused("config.json is not the configuration of a run") from None
    require(proof.get("proved") is True, "proof.json does not state that the run is proved")
    require(proof.get("prover") == PROVER, f"the proof is not one of version {PROVER} of the prover")
    require(proof.get("task") == task, "the proof is about another task")
    require(proof.get("config_sha256") == config_sha256, "config.json is not the configuration that was proved")
    require(precision == "float32", "the network does not compute in float32")
    require(isinstance(size, int) and size > 0, "the configuration has no size of operands")
    files = {"best.npz": _content(folder / "best.npz")}
    require(_sha256(files["best.npz"]) == proof.get("weights_sha256"), "best.npz has other weights than those proved")
    if (stated := proof.get("certificate_sha256")) is not None:
        files["certificate.npz"] = _content(folder / "certificate.npz")
        require(_sha256(files["certificate.npz"]) == stated, "certificate.npz is not the certificate of the proof")
    if isinstance(name, str) and name.endswith("small_adder.py:small_adder"):
        require(code_sha256 == SMALL_ADDER_SHA256, "small_adder.py is not the file of the examples")
        name = "small_adder"
    else:
        require(code_sha256 is None, "the model is custom code")
    require(model.get("input_format_sha256") is None, "the input format is custom code")
    require(input_format == INPUT_FORMATS.get(name, input_format), f"the input format {input_format} is not described")
    return Run(task, size, name, model, files)


def weights(run: Run, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The weights of a run: exactly these arrays, float32 and finite; beside them, only the state of the training."""
    arrays = _arrays("best.npz", run.files["best.npz"])
    arrays.pop("state", None)
    require(arrays.keys() == shapes.keys(), f"best.npz does not have exactly the arrays {', '.join(sorted(shapes))}")
    for name, array in arrays.items():
        require(array.dtype == np.dtype("<f4"), f"{name} is not float32")
        require(array.shape == shapes[name], f"{name} has the shape {array.shape}, and not {shapes[name]}")
        require(np.isfinite(array).all(), f"{name} has a value that is not finite")
    return arrays


def certificate(run: Run, columns: Mapping[str, int], reals: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a certificate: exactly these, each with so many columns.

    Those of ``columns`` are of integers, and are returned as int64; those of ``reals`` are float64.
    """
    reals = reals or {}
    require("certificate.npz" in run.files, "the proof has no certificate")
    arrays = _arrays("certificate.npz", run.files["certificate.npz"])
    names = {**columns, **reals}
    require(arrays.keys() == names.keys(), f"the certificate does not have exactly the arrays {', '.join(names)}")
    for name, array in arrays.items():
        is_kind = array.dtype == np.float64 if name in reals else array.dtype.kind == "i"
        is_table = is_kind and array.ndim == 2 and array.shape[1] == names[name]
        kind = "real numbers" if name in reals else "integers"
        require(is_table, f"{name} of the certificate is not a table of {names[name]} columns of {kind}")
    return {name: array if name in reals else array.astype(np.int64) for name, array in arrays.items()}


def _arrays(file: str, content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an npz file, which must have different names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.namelist()
            require(len(set(members)) == len(members), f"{file} has a member twice")
            require(all(name.endswith(".npy") for name in members), f"{file} has a member that is not an array")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        raise Refused(f"{file} cannot be read ({error})") from None


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_content(path))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused(f"{path.name} is not a JSON object")
    return value


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path.name} cannot be read ({error.strerror})") from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
