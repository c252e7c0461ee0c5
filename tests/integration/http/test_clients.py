"""Programs that people already have, unchanged, against a real server."""

import asyncio
import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import HTTPValidationError, SDKError

from ocrgate.domain.recognition import Block, Line, PageReading, PageWarning, Word
from ocrgate.errors import EngineFailed
from ocrgate.testing import ScriptedEngine, page_reading

URI = "data:image/png;base64," + base64.b64encode(b"a page").decode()
PICTURE: Any = {"type": "image_url", "image_url": {"url": URI}}
ASKING: Any = [{"role": "user", "content": [{"type": "text", "text": "Read this."}, PICTURE]}]
PAGES = ["first\nline two", "second"]


def openai_client(site: Any, key: str = "none") -> openai.OpenAI:
    """The official client, pointed at the site."""
    return openai.OpenAI(base_url=f"{site.url}/v1", api_key=key, max_retries=0)


@pytest.fixture
def two_pages(build: Any) -> Any:
    """A site whose documents have two pages."""
    return build(ScriptedEngine(PAGES), pages=2)


class TestOpenAI:
    """The ``openai`` package."""

    def test_reads_the_image_in_a_message(self, two_pages: Any, served: Any) -> None:
        """A chat completion whose content is the text of all pages."""
        with served(two_pages) as site, openai_client(site) as client:
            model = client.models.list().data[0].id
            answer = client.chat.completions.create(model=model, messages=ASKING, temperature=0.3)
        assert answer.choices[0].message.content == "first\nline two\n\nsecond"
        assert (answer.choices[0].finish_reason, answer.model) == ("stop", "scripted")
        assert answer.usage is not None
        assert answer.usage.total_tokens == 0

    def test_streams_line_by_line(self, two_pages: Any, served: Any) -> None:
        """The pieces add up to the plain answer; usage comes last when asked for."""
        with served(two_pages) as site, openai_client(site) as client:
            chunks = list(
                client.chat.completions.create(
                    model="ocrgate",
                    messages=ASKING,
                    stream=True,
                    stream_options={"include_usage": True},
                )
            )
        deltas = [c.choices[0].delta for c in chunks if c.choices]
        assert deltas[0].role == "assistant"
        assert "".join(d.content or "" for d in deltas) == "first\nline two\n\nsecond"
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert chunks[-1].usage is not None
        assert all(c.usage is None for c in chunks[:-1])

    def test_streams_a_page_before_the_next_is_read(self, build: Any, served: Any) -> None:
        """The first page is there while the second is still being worked on."""
        engine = ScriptedEngine(PAGES, delay=lambda request: 3600 * (request.number - 1))
        with served(build(engine, pages=2)) as site, openai_client(site) as client:
            stream = client.chat.completions.create(model="ocrgate", messages=ASKING, stream=True)
            heard = ""
            for chunk in stream:
                heard += chunk.choices[0].delta.content or ""
                if heard == PAGES[0]:
                    break
            stream.close()

    def test_an_error_in_mid_stream_is_raised(self, build: Any, served: Any) -> None:
        """A stream that breaks does not look like a short document."""
        errors = [None, EngineFailed("gone"), EngineFailed("gone"), EngineFailed("gone")]
        site = build(ScriptedEngine(PAGES, errors=errors), pages=2)
        with served(site) as site, openai_client(site) as client:
            stream = client.chat.completions.create(model="ocrgate", messages=ASKING, stream=True)
            with pytest.raises(openai.APIError, match="gone"):
                list(stream)

    def test_a_page_that_was_cut_off_says_so(self, build: Any, served: Any) -> None:
        """finish_reason is length, as for any model that ran out of room."""
        cut = PageReading(1, 9, 9, (Block((Line("a"),)),), warnings=(PageWarning.TRUNCATED,))
        with served(build(ScriptedEngine({1: cut}))) as site, openai_client(site) as client:
            answer = client.chat.completions.create(model="ocrgate", messages=ASKING)
            chunks = list(
                client.chat.completions.create(model="ocrgate", messages=ASKING, stream=True)
            )
        assert answer.choices[0].finish_reason == "length"
        assert chunks[-1].choices[0].finish_reason == "length"

    def test_its_own_exceptions_are_raised(self, two_pages: Any, served: Any) -> None:
        """Each kind of error is the exception that its users catch."""
        remote: Any = [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://h/a.png"}}],
            }
        ]
        with served(two_pages) as site, openai_client(site) as client:
            with pytest.raises(openai.UnprocessableEntityError, match="not fetched") as bad:
                client.chat.completions.create(model="ocrgate", messages=remote)
            with pytest.raises(openai.NotFoundError, match="scripted"):
                client.chat.completions.create(model="gpt-unknown", messages=ASKING)
            with pytest.raises(openai.NotFoundError):
                client.models.retrieve("gpt-unknown")
            site.key()
            with pytest.raises(openai.AuthenticationError):
                client.models.list()
        assert bad.value.code == "invalid_request"
        assert bad.value.param == "messages[0].content[0].image_url"

    def test_a_key_made_here_is_sent_as_it_sends_keys(self, two_pages: Any, served: Any) -> None:
        """The api_key argument is all it takes."""
        with served(two_pages) as site, openai_client(site, site.key()) as client:
            assert client.models.retrieve("scripted").id == "scripted"

    async def test_the_asynchronous_client_works_too(self, two_pages: Any, served: Any) -> None:
        """The same for programs with an event loop."""
        with served(two_pages) as site:
            async with openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none") as client:
                answer = await client.chat.completions.create(model="ocrgate", messages=ASKING)
        assert answer.choices[0].message.content == "first\nline two\n\nsecond"


def mistral_client(site: Any, key: str = "none") -> Mistral:
    """The official client, pointed at the site."""
    return Mistral(api_key=key, server_url=site.url)


class TestMistral:
    """The ``mistralai`` package."""

    def test_reads_a_document(self, two_pages: Any, served: Any) -> None:
        """Pages from 0, Markdown, dimensions, usage."""
        with served(two_pages) as site, mistral_client(site) as client:
            reply = client.ocr.process(
                model="mistral-ocr-latest", document={"type": "document_url", "document_url": URI}
            )
        assert [(page.index, page.markdown) for page in reply.pages] == [
            (0, "first line two"),
            (1, "second"),
        ]
        assert reply.model == "scripted"
        assert (reply.usage_info.pages_processed, reply.usage_info.doc_size_bytes) == (2, 6)
        size = reply.pages[0].dimensions
        assert size
        assert (size.width, size.height) == (100, 100)
        assert reply.pages[0].images == []

    def test_lists_models(self, two_pages: Any, served: Any) -> None:
        """On the route that OpenAI's client lists them on."""
        with served(two_pages) as site, mistral_client(site) as client:
            listed = client.models.list().data
            one = client.models.retrieve(model_id="ocrgate")
        assert listed
        assert "ocrgate" in [model.id for model in listed]
        assert one.capabilities.ocr

    @pytest.mark.parametrize("pages", [[1], "1"])
    def test_pages_count_from_zero(self, two_pages: Any, served: Any, pages: Any) -> None:
        """Page 1 is the second one."""
        with served(two_pages) as site, mistral_client(site) as client:
            reply = client.ocr.process(
                model="m", document={"type": "image_url", "image_url": URI}, pages=pages
            )
        assert [(page.index, page.markdown) for page in reply.pages] == [(1, "second")]

    def test_blocks_and_confidences_come_when_asked_for(self, build: Any, served: Any) -> None:
        """Boxes in whole pixels, scores per page, block and word."""
        reading = page_reading("one two", confidence=0.5)
        line = reading.blocks[0].lines[0]
        assert line.polygon
        words = (Word("one", line.polygon, 0.4), Word("two", line.polygon, 0.6))
        block = Block((Line(line.text, line.polygon, 0.5, words),))
        engine = ScriptedEngine({1: PageReading(1, 100, 100, (block,))})
        document: Any = {"type": "image_url", "image_url": {"url": URI}}
        with served(build(engine)) as site, mistral_client(site) as client:
            by_word = client.ocr.process(
                model="m", document=document, confidence_scores_granularity="word"
            )
            by_block = client.ocr.process(
                model="m", document=document, confidence_scores_granularity="block"
            )
            bare = client.ocr.process(model="m", document=document, include_blocks=False)
        scores = by_word.pages[0].confidence_scores
        assert scores
        assert scores.average_page_confidence_score == 0.5
        assert [(w.text, w.start_index) for w in scores.word_confidence_scores or []] == [
            ("one", 0),
            ("two", 4),
        ]
        found = by_block.pages[0].blocks
        assert found
        assert found[0].type == "text"
        assert (found[0].top_left_x, found[0].bottom_right_y, found[0].content) == (
            0,
            100,
            "one two",
        )
        assert found[0].confidence_scores
        assert not bare.pages[0].blocks

    def test_its_own_exceptions_are_raised(self, two_pages: Any, served: Any) -> None:
        """A bad field is its validation error with place and words; the rest are its SDK error."""
        remote: Any = {"type": "document_url", "document_url": "https://h/a.pdf"}
        with served(two_pages) as site, mistral_client(site) as client:
            with pytest.raises(HTTPValidationError) as bad:
                client.ocr.process(model="m", document=remote)
            site.key()
            with pytest.raises(SDKError) as closed:
                client.ocr.process(model="m", document=remote)
        assert bad.value.data.detail
        assert bad.value.data.detail[0].loc == ["body", "document.document_url"]
        assert closed.value.status_code == 401


def curl(*arguments: str) -> str:
    """What curl prints."""
    command = ["curl", "-sS", "--max-time", "20", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
class TestCurl:
    """``curl``, as the README shows it."""

    def test_a_form_a_file_and_json(self, build: Any, served: Any, tmp_path: Path) -> None:
        """``-F``, ``--data-binary`` and ``--json`` give the same text."""
        page = tmp_path / "page.png"
        page.write_bytes(b"x" * 1_500_000)
        body = tmp_path / "body.json"
        body.write_text('{"image": "QUJD", "format": "text"}')
        with served(build()) as site:
            url = f"{site.url}/ocr"
            form = curl("-F", f"file=@{page}", "-F", "format=text", url)
            raw = curl("--data-binary", f"@{page}", f"{url}?format=text")
            json = curl("-H", "Content-Type: application/json", "-d", f"@{body}", url)
        assert form == raw == json == "hello\nworld\n"

    def test_a_file_that_is_too_large_is_not_uploaded(
        self, build: Any, served: Any, tmp_path: Path
    ) -> None:
        """Curl asks before it sends more than a megabyte, and is told no."""
        big = tmp_path / "big.png"
        with big.open("wb") as file:
            file.truncate(200 * 2**20)
        shown = "%{http_code} %{size_upload}"
        with served(build()) as site:
            said = curl("-F", f"file=@{big}", "-o", "/dev/null", "-w", shown, f"{site.url}/ocr")
        assert said == "413 0"


@pytest.mark.skipif(shutil.which("hey") is None, reason="hey is not installed")
def test_hey_sees_only_good_answers(build: Any, served: Any, tmp_path: Path) -> None:
    """A load generator over kept connections: every request is answered with 200."""
    page = tmp_path / "page.png"
    page.write_bytes(b"x" * 10_000)
    with served(build(ScriptedEngine(slots=32), prefetch=64)) as site:
        command = ["hey", "-n", "400", "-c", "20", "-m", "POST", "-D", str(page)]
        said = subprocess.run(
            [*command, "-T", "image/png", f"{site.url}/ocr"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    assert "[200]\t400 responses" in said


async def test_many_clients_at_once_share_kept_connections(build: Any, served: Any) -> None:
    """Twenty connections with ten requests each: every answer is right."""
    head = b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"

    async def visitor(port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        seen = []
        for _ in range(10):
            writer.write(head + b"x" * 10_000)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            seen.append(answer.split(b"\r\n")[0])
        writer.close()
        await writer.wait_closed()
        return seen

    with served(build(ScriptedEngine(slots=32), prefetch=64)) as site:
        port = int(site.url.rpartition(":")[2])
        answers = await asyncio.gather(*(visitor(port) for _ in range(20)))
    assert {line for seen in answers for line in seen} == {b"HTTP/1.1 200 OK"}
