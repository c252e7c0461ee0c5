"""What the server says of itself."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Live(Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Health(Struct, frozen=True, omit_defaults=True):
    """Whether a page would be read now."""

    status: Annotated[
        Literal["ok", "starting", "draining", "unready"],
        Meta(description="ok: a real page was recognized lately. draining: on its way out."),
    ]
    engine: str
    detail: Annotated[str | None, Meta(description="Why not.")] = None
    last_page_age: Annotated[
        float | None, Meta(description="Seconds since a page was last recognized.")
    ] = None


class Version(Struct, frozen=True):
    """Which program answers."""

    name: str
    version: str
    engine: str
