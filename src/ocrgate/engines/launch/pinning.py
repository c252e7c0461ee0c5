"""The commit of a model that was served once is served again.

A name on the hub can come to mean other weights from one day to the next (that of HunyuanOCR did,
with other prompts and sizes). So after the first good start the commit in the hub's cache is
remembered, and later starts ask for that one, until ``engine.revision`` names another.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

FILE = "models.json"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def pinned(model: str, state: Path) -> str | None:
    """The commit that was served before; None where none is known."""
    return _read(state).get(model)


def pin(model: str, state: Path, environ: Mapping[str, str]) -> str | None:
    """Remember the commit that the hub's cache has for ``model``, if none is remembered yet.

    Returns:
        The commit if it was written down now. None for folders, for models that are not in the
        cache, and where nothing can be written: the next start then asks the hub anew.
    """
    known = _read(state)
    commit = cached(model, environ)
    if commit is None or model in known:
        return None
    with contextlib.suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
        draft = state / f"{FILE}.partial"
        draft.write_text(json.dumps(known | {model: commit}, indent=2), encoding="utf-8")
        draft.replace(state / FILE)
        return commit
    return None


def cached(model: str, environ: Mapping[str, str]) -> str | None:
    """The commit behind ``main`` of a model, as the hub's cache on this machine tells."""
    home = Path(environ.get("HF_HOME") or Path("~/.cache/huggingface").expanduser())
    cache = Path(environ.get("HF_HUB_CACHE") or home / "hub")
    folder = f"models--{model.replace('/', '--')}"
    try:
        text = (cache / folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    return text if _COMMIT.fullmatch(text) else None


def _read(state: Path) -> dict[str, str]:
    try:
        found = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: commit for name, commit in pairs if _COMMIT.fullmatch(str(commit))}
