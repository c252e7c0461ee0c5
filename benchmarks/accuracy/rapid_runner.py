"""Runs inside the interpreter that has the reference package; speaks JSON lines.

Standard input: one job a line, {"files": [.npy paths]}. Standard output: one answer a line,
{"pages": [{"text", "cpu"}]}. Arguments: ``cls`` turns the package's line classifier on.
"""

import json
import sys
import time

import numpy as np
from rapidocr import RapidOCR

_QUIET = {"Global.log_level": "error"}
_ONE_THREAD = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


def main() -> None:
    engine = RapidOCR(params={**_QUIET, **_ONE_THREAD, "Global.use_cls": "cls" in sys.argv})
    engine(np.full((64, 320, 3), 255, np.uint8))
    for line in sys.stdin:
        pages = [_read(engine, name) for name in json.loads(line)["files"]]
        print(json.dumps({"pages": pages}), flush=True)


def _read(engine: RapidOCR, name: str) -> dict[str, object]:
    pixels = np.load(name)
    if pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, ::-1])
    started = time.process_time()
    found = engine(pixels)
    spent = time.process_time() - started
    return {"text": "\n".join(found.txts or ()), "cpu": spent}


if __name__ == "__main__":
    main()
