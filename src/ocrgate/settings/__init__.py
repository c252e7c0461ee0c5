"""The only reader of environment and files. Importing this loads no heavy module.

Order, strongest first: flag, ``OCRGATE_*`` variable (nested by ``__``), ``ocrgate.toml``, default.
"""

from ocrgate.settings.bind import InsecureBind, is_loopback, needs_key, require_safe_bind
from ocrgate.settings.catalog import Setting, declared, kinds, rows, schema
from ocrgate.settings.load import Loaded, Problem, SettingsError, load
from ocrgate.settings.model import (
    AuthSettings,
    EngineParams,
    ServerSettings,
    Settings,
    TelemetrySettings,
)

__all__ = [
    "AuthSettings",
    "EngineParams",
    "InsecureBind",
    "Loaded",
    "Problem",
    "ServerSettings",
    "Setting",
    "Settings",
    "SettingsError",
    "TelemetrySettings",
    "declared",
    "is_loopback",
    "kinds",
    "load",
    "needs_key",
    "require_safe_bind",
    "rows",
    "schema",
]
