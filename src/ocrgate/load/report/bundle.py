"""The plotting library as it travels inside a page: compressed, and the page unpacks it itself."""

import base64
import gzip
from functools import cache


def packed(data: bytes) -> str:
    """Bytes as base64 of gzip: what ``DecompressionStream("gzip")`` of a browser reads.

    The same bytes give the same text, whenever and wherever they are packed.
    """
    return base64.b64encode(gzip.compress(data, compresslevel=9, mtime=0)).decode("ascii")


@cache
def plotting_library() -> str:
    """plotly.js (MIT), packed: some 2 MB instead of 4.8.

    Raises:
        ModuleNotFoundError: plotly is not installed; the extra ``report`` brings it.
    """
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an extra

    return packed(get_plotlyjs().encode())
