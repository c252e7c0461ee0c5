"""The options of ``ocrgate plan``."""

from pathlib import Path
from typing import Annotated

import typer

Gpu = Annotated[
    str | None, typer.Option(help="Which GPU, such as L4, RTX4090, A100-40; see --list.")
]
Model = Annotated[str, typer.Option(help="Recipe of the model.")]
Pages = Annotated[
    str,
    typer.Option(
        help="Which pages: mix, dense, screenshots, ..., as in 1240x1754:700 (size and tokens of "
        "text), or the record of an `ocrgate bench` that read such pages."
    ),
]
Slo = Annotated[
    str, typer.Option(help="In which time: e2e=10s, or e2e.p95=10s for 95 % of the pages.")
]
Side = Annotated[
    int, typer.Option(min=128, max=8192, help="Longest side of a page as it is sent, pixels.")
]
Gpus = Annotated[int, typer.Option(min=1, max=1024, help="How many of them.")]
GpuMemory = Annotated[float, typer.Option(min=0.1, max=0.99, help="Share of its memory for vLLM.")]
Neighbour = Annotated[float, typer.Option(min=0, help="GiB that other programs take of each GPU.")]
Peak = Annotated[
    float, typer.Option(min=1, max=100, help="Busiest time of the day, times its mean.")
]
MaxTokens = Annotated[int, typer.Option(min=16, help="Tokens of text at most.")]
Calibrate = Annotated[
    Path | None, typer.Option(help="Record of `ocrgate bench` against that engine.")
]
CalibratedOn = Annotated[
    str | None, typer.Option(help="GPU of that record, where it is another one.")
]
ListGpus = Annotated[bool, typer.Option("--list", help="Show the GPUs that are known and end.")]
