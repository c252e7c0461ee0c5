"""The image encoder: what it takes in a step, and its cache of what it has encoded."""

from collections import OrderedDict

from ocrgate.simulate.decoding import Sequence
from ocrgate.simulate.profile import Speed

_PATCHES_PER_TOKEN = 4  # the merger makes one token of 2 x 2 patches


class Encoder:
    """Images are encoded whole, in the step in which their first token is computed.

    What was encoded stays until the room is wanted, the oldest first, and is not thrown away
    meanwhile by being used: a page that is thrown out of the batch and comes back soon does not
    encode its image again. ``budget`` tokens go through it in a step, and as many fit in its cache.

    Attributes:
        seconds: that the images of this step take.
        patches: of them.
    """

    def __init__(self, budget: int, speed: Speed) -> None:
        self.seconds = 0.0
        self.patches = 0
        self._budget = self._left = budget
        self._speed = speed
        self._held: dict[Sequence, int] = {}
        self._idle: OrderedDict[Sequence, int] = OrderedDict()

    def begin(self) -> None:
        """A new step."""
        self._left = self._budget
        self.seconds = 0.0
        self.patches = 0

    def can(self, sequence: Sequence) -> bool:
        """Whether its image is there, or can be encoded in this step."""
        if sequence in self._held or sequence in self._idle:
            return True
        tokens = sequence.request.image_tokens
        return tokens <= min(self._left, self._budget - sum(self._held.values()))

    def take(self, sequence: Sequence) -> None:
        """Have its image, which :meth:`can` be had; it stays until :meth:`release`."""
        if sequence in self._held:
            return
        tokens = sequence.request.image_tokens
        if self._idle.pop(sequence, None) is None:
            self._make_room(tokens)
            self._left -= tokens
            patches = tokens * _PATCHES_PER_TOKEN
            self.patches += patches
            self.seconds += self._speed.encode(patches)
        self._held[sequence] = tokens

    def release(self, sequence: Sequence) -> None:
        """Its image was computed into the KV cache, or it has left; what was encoded stays."""
        tokens = self._held.pop(sequence, None)
        if tokens is not None:
            self._idle[sequence] = tokens

    def clear(self) -> None:
        """Nothing is there any more."""
        self._held.clear()
        self._idle.clear()

    def _make_room(self, tokens: int) -> None:
        room = self._budget - sum(self._held.values()) - sum(self._idle.values())
        while room < tokens:
            room += self._idle.popitem(last=False)[1]
