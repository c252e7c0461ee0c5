"""An OpenAI-compatible server that misbehaves as it is told, on a port of this machine."""

from ocrgate.testing.faulty.persona import Persona
from ocrgate.testing.faulty.scripts import Mute, Raw, Refuse, Script, Talk, endless
from ocrgate.testing.faulty.server import FaultyEngine
from ocrgate.testing.faulty.wire import Received, Wire

__all__ = [
    "FaultyEngine",
    "Mute",
    "Persona",
    "Raw",
    "Received",
    "Refuse",
    "Script",
    "Talk",
    "Wire",
    "endless",
]
