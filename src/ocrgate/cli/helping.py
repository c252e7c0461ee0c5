"""Commands whose ``-h`` shows no place for a value beside an option that takes none."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Group"]


class Command(TyperCommand):
    """A command; its flags are shown as ``--force``, not as ``--force <bool>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of ``-h`` included."""
        return [_shown(param) for param in super().get_params(ctx)]


class Group(TyperGroup):
    """Several commands; the same of the flags before them."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of ``-h`` included."""
        return [_shown(param) for param in super().get_params(ctx)]


def _shown(param: Any) -> Any:
    if getattr(param, "is_flag", False):
        param.metavar = ""
    return param
