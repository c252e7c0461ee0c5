"""Fakes of every port, for the tests of whoever builds on ocrgate.

They are real implementations with a script instead of a machine behind them: each keeps a record of
what it was asked, and none starts a process. :class:`FaultyEngine` and :class:`PausingServer` alone
open a socket, since what they stand for is an HTTP server that misbehaves.
"""

from ocrgate.testing.clock import ManualClock, ManualTimer
from ocrgate.testing.engine import Call, ScriptedEngine
from ocrgate.testing.faulty import (
    FaultyEngine,
    Mute,
    Persona,
    Raw,
    Received,
    Refuse,
    Script,
    Talk,
    endless,
)
from ocrgate.testing.keys import MemoryKeyStore
from ocrgate.testing.pausing import PausingServer
from ocrgate.testing.rasterizer import ScriptedRasterizer
from ocrgate.testing.reading import page_reading
from ocrgate.testing.workers import InlineWorkers

__all__ = [
    "Call",
    "FaultyEngine",
    "InlineWorkers",
    "ManualClock",
    "ManualTimer",
    "MemoryKeyStore",
    "Mute",
    "PausingServer",
    "Persona",
    "Raw",
    "Received",
    "Refuse",
    "Script",
    "ScriptedEngine",
    "ScriptedRasterizer",
    "Talk",
    "endless",
    "page_reading",
]
