"""One attempt at a page: send it, and follow the answer until it ends, loops or falls silent."""

from collections.abc import Callable
from dataclasses import dataclass

from ocrgate.engines.openai.chunks import DONE, decode_chunk
from ocrgate.engines.openai.faults import EngineBroke, GarbledOutput, of_error_object, of_finish
from ocrgate.engines.openai.link import Link, Stream
from ocrgate.engines.openai.patience import Patience
from ocrgate.engines.openai.sse import EventParser, EventTooLong
from ocrgate.engines.openai.transcript import Transcript
from ocrgate.ports import Clock

_AFTER_END = 2.0
"""Seconds for the token count and the last event, once the model has said that it is done."""

Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds of silence that are borne: before the first token, and after it."""

    first_token: float
    stall: float


class Attempt:
    """Follows one answer.

    Args:
        link: where to ask.
        waits: how long to wait.
        clock: tells the time of the waiting.
        tell: told the text that came and the tokens until now, once per chunk of the network.
    """

    def __init__(self, link: Link, waits: Waits, clock: Clock, tell: Tell | None = None) -> None:
        self._link = link
        self._waits = waits
        self._clock = clock
        self._tell = tell

    async def run(self, body: bytes, transcript: Transcript) -> None:
        """Send ``body`` and write what comes into ``transcript``, which holds it also after an
        error. A loop closes the connection at once.

        Raises:
            EngineUnavailable, EngineFailed, BadEngineOutput, DocumentLimit: see :mod:`.faults`.
        """
        try:
            async with (
                Patience(self._clock, self._waits.first_token) as patience,
                self._link.chat(body) as stream,
            ):
                await self._follow(stream, transcript, patience)
        except TimeoutError as error:
            if transcript.end == "open":
                raise self._too_slow(transcript) from error
        except EngineBroke:
            if transcript.end == "open":  # else only the count of tokens is lost
                raise
        if transcript.end == "open":
            raise EngineBroke(f"{self._link.server} ended the answer without a finish_reason")
        if transcript.end == "other":
            raise of_finish(transcript.reason, self._link.server)

    async def _follow(self, stream: Stream, transcript: Transcript, patience: Patience) -> None:
        parser = EventParser()
        try:
            async for data in stream.chunks:
                before, was_open = transcript.chunks, transcript.end == "open"
                stream.ended = self._take(parser.feed(data), transcript)
                if stream.ended or transcript.is_cut:
                    return
                if transcript.end != "open":
                    if was_open:  # whatever else comes, such as comments, buys no more time
                        patience.note(_AFTER_END)
                elif transcript.begun and transcript.chunks != before:
                    patience.note(self._waits.stall)
        except EventTooLong as error:
            raise GarbledOutput(f"{self._link.server} sends no events: {error}") from error

    def _take(self, events: list[bytes], transcript: Transcript) -> bool:
        """Take events that came together; whether the last of all is among them."""
        texts = []
        tokens = transcript.tokens
        ended = False
        for event in events:
            if event.strip() == DONE:
                ended = True
                break
            if event:
                texts.append(self._piece(event, transcript))
        if self._tell is not None and (transcript.tokens != tokens or any(texts)):
            self._tell("".join(texts), transcript.tokens)
        return ended

    def _piece(self, event: bytes, transcript: Transcript) -> str:
        chunk = decode_chunk(event)
        if chunk.error is not None:
            raise of_error_object(event, self._link.server)
        return transcript.add(chunk)

    def _too_slow(self, transcript: Transcript) -> EngineBroke:
        if transcript.begun:
            what = f"no token for {self._waits.stall:g} s after {transcript.tokens}"
        else:
            what = f"no first token within {self._waits.first_token:g} s"
        return EngineBroke(f"{self._link.server} fell silent: {what}")
