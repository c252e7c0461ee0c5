"""What the server says of itself."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Health(Struct, frozen=True, omit_defaults=True):
    """Whether the server lives, and whether it would read a page now."""

    status: Literal["ok", "starting", "draining", "unready"]
    detail: str | None = None
    engine: str | None = None
    last_page_age: Annotated[
        float | None, Meta(description="Seconds since a page was last recognized.")
    ] = None


class Version(Struct, frozen=True):
    """Which program answers."""

    name: str
    version: str
    engine: str
