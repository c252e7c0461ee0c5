"""The networks of one process, loaded when first needed."""

from dataclasses import dataclass
from pathlib import Path

from ocrgate.domain.recognition import Quality
from ocrgate.engines.cpu.detect import Detector
from ocrgate.engines.cpu.inference import Inference
from ocrgate.engines.cpu.recognize import Recognizer
from ocrgate.engines.cpu.weights import WEIGHTS, Size, carrier_folder, read_alphabet, verified

_LEAST_WIDTH = {Size.TINY: 320, Size.SMALL: 160}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which sizes a quality uses; ``again`` reads once more what ``first`` was not sure of."""

    detector: Size
    first: Size
    again: Size | None


PLANS = {
    Quality.FAST: Plan(Size.TINY, Size.TINY, None),
    Quality.AUTO: Plan(Size.TINY, Size.TINY, Size.SMALL),
    Quality.HIGH: Plan(Size.SMALL, Size.SMALL, None),
}


_RARE_LETTERS = ("ja", "zh-hant", "zh-tw", "zh-hk", "zh-mo")  # tiny knows too few of their letters


def plan_for(quality: Quality, language: str | None = None) -> Plan:
    """The plan of a quality; in ``auto``, a language named by the caller may skip ``tiny``.

    Args:
        quality: as asked for.
        language: an IETF tag such as ``ja`` or ``zh-Hant``, where the caller knows it.
    """
    plan = PLANS[quality]
    if plan.again and language and language.lower().startswith(_RARE_LETTERS):
        return Plan(plan.detector, plan.again, None)
    return plan


class Models:
    """Detectors and recognizers by size.

    Raises:
        EngineUnavailable: from every method, when weights are missing or altered.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or carrier_folder()
        self._detectors: dict[Size, Detector] = {}
        self._recognizers: dict[Size, Recognizer] = {}

    def detector(self, size: Size) -> Detector:
        """The detector of that size."""
        if size not in self._detectors:
            path = verified(self._folder, WEIGHTS[size].detector)
            self._detectors[size] = Detector(Inference(path))
        return self._detectors[size]

    def recognizer(self, size: Size) -> Recognizer:
        """The recognizer of that size."""
        if size not in self._recognizers:
            weights = WEIGHTS[size]
            network = Inference(verified(self._folder, weights.recognizer))
            alphabet = read_alphabet(verified(self._folder, weights.alphabet))
            self._recognizers[size] = Recognizer(network, alphabet, _LEAST_WIDTH[size])
        return self._recognizers[size]

    def verify(self) -> None:
        """Check every file of every size, loading none."""
        for weights in WEIGHTS.values():
            for file in (weights.detector, weights.recognizer, weights.alphabet):
                verified(self._folder, file)
