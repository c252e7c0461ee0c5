"""The embedded engine inside its worker process: synchronous, one page at a time."""

from collections.abc import Callable

import numpy as np

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Quality
from ocrgate.engines.cpu.cancel import checker
from ocrgate.engines.cpu.models import PLANS, Models, plan_for
from ocrgate.engines.cpu.page import PageReader
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.cpu.unpack import pixels_of

_WARM_LINE = np.full((48, 320), 255, np.uint8)


def _never() -> bool:
    return False


class Session:
    """Reads pages with the networks of this process.

    Raises:
        EngineUnavailable: the weights are missing or altered.
    """

    def __init__(self, params: CpuParams) -> None:
        self._side = params.detector_side
        self._models = Models()
        self._models.verify()

    def warm_up(self, *, cancelled: Callable[[], bool] = _never) -> None:
        """Load what ``auto`` needs and run it once, so that no page waits for it."""
        check = checker(cancelled)
        plan = PLANS[Quality.AUTO]
        for size in (plan.first, plan.again):
            check()
            if size is not None:
                self._models.recognizer(size).read(_WARM_LINE)
        self._models.detector(plan.detector).find(_WARM_LINE, self._side, check)

    def read(
        self,
        image: PageImage,
        request: PageRequest,
        *,
        cancelled: Callable[[], bool] = _never,
    ) -> PageReading:
        """Read one page. ``cancelled`` is asked between lines; once true, the page is dropped.

        Raises:
            ReadingCancelled: ``cancelled()`` was true.
            EngineFailed: the image is not what it says it is.
        """
        reader = PageReader(
            self._models,
            plan_for(request.quality, request.language),
            self._side,
            checker(cancelled),
        )
        source = (image.source_width, image.source_height)
        found = reader.read(pixels_of(image), source)
        return PageReading(
            number=request.number,
            width=image.source_width,
            height=image.source_height,
            blocks=found.blocks,
            rotation=found.rotation,
            warnings=found.warnings,
        )
