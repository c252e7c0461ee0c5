"""Files that try to hurt: small on the wire, huge, endless or broken once a decoder believes them.

Every maker returns the bytes of one file and needs little memory itself. ``BOMBS`` lists those
that must be refused, ``BROKEN`` those that are damaged, each by name.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from PIL import Image

MB = 2**20


# --- raster -------------------------------------------------------------------------------------


def png(width: int, height: int, *, bits: int = 1, color: int = 0) -> bytes:
    """A blank PNG; ``color`` is 0 for gray, 2 for RGB."""
    row = bytes(1 + (width * bits * (3 if color == 2 else 1) + 7) // 8)
    body = deflate(row for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + _crc(kind + content)


def png_of_many_chunks(count: int) -> bytes:
    """A PNG of one pixel behind ``count`` empty chunks."""
    whole = png(1, 1)
    return whole[:33] + png_chunk(b"teXt", b"") * count + whole[33:]


def webp(width: int, height: int) -> bytes:
    """A lossless WebP of one color: 34 bytes whatever its size."""
    bits = _Bits()
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 4)  # opaque, version 0
    bits.put(0, 3)  # no transforms, no color cache, one group of codes
    for _ in range(5):  # green, red, blue, alpha, distance: each code has the one symbol 0
        bits.put(0b0001, 4)
    body = bits.bytes()
    body += b"\0" * (len(body) % 2)
    return _riff(b"VP8L", body)


def tiff_g4(width: int, height: int) -> bytes:
    """A white fax page: one bit per row."""
    strip = b"\xff" * (height // 8 + 1) + b"\x00\x10\x01"
    entries = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, 4),
        (262, 3, 0),
        (273, 4, 8),
        (278, 4, height),
        (279, 4, len(strip)),
    )
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory + bytes(4)


def tiff_of_many_pages(pages: int) -> bytes:
    """A TIFF whose pages are all the same tiny fax page, in a chain."""
    page = tiff_g4(8, 8)
    start = int.from_bytes(page[4:8], "little")
    directory = page[start:-4]
    step = len(directory) + 4
    chain = b"".join(
        directory + struct.pack("<I", start + step * (index + 1) if index + 1 < pages else 0)
        for index in range(pages)
    )
    return page[:start] + chain


def tiff_cycle() -> bytes:
    """A TIFF whose only page says that it is followed by itself."""
    page = tiff_g4(8, 8)
    return page[:-4] + page[4:8]


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """A GIF that declares a large screen and frames without pixels."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + frame * frames + b";"


def gif_of_comments(size: int) -> bytes:
    """A GIF of one pixel behind ``size`` bytes of comments."""
    whole = gif(1, 1)
    block = b"\xff" + b"c" * 255
    return whole[:19] + b"!\xfe" + block * (size // 256) + b"\0" + whole[19:]


def bmp(width: int, height: int) -> bytes:
    """A BMP header without the pixels that it declares."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def jpeg(width: int, height: int, *, progressive: bool = False, color: bool = False) -> bytes:
    """A JPEG that Pillow wrote, of one shade."""
    out = io.BytesIO()
    mode, shade = ("RGB", (200, 180, 40)) if color else ("L", 180)
    Image.new(mode, (width, height), shade).save(out, "JPEG", progressive=progressive)
    return out.getvalue()


def jpeg_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG that goes over its pixels ``scans`` more times than it needs."""
    whole = jpeg(width, height, progressive=True)
    first = whole.index(b"\xff\xda")
    second = whole.index(b"\xff\xda", first + 2)
    end = whole.index(b"\xff", second + 2 + int.from_bytes(whole[second + 2 : second + 4], "big"))
    while whole[end + 1] == 0:
        end = whole.index(b"\xff", end + 2)
    return whole[:-2] + whole[second:end] * scans + whole[-2:]


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    whole = jpeg(8, 8)
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def jpeg_of_segments(count: int) -> bytes:
    """A JPEG of 8 by 8 pixels behind ``count`` empty comments."""
    whole = jpeg(8, 8)
    return whole[:2] + b"\xff\xfe\x00\x02" * count + whole[2:]


# --- PDF ----------------------------------------------------------------------------------------


def pdf(objects: Mapping[int, bytes]) -> bytes:
    """A PDF of these numbered objects; object 1 is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    places: dict[int, int] = {}
    for name, body in objects.items():
        places[name] = len(out)
        out += b"%d 0 obj\n" % name + body + b"\nendobj\n"
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n" % size
    for name in range(size):
        used = name in places
        out += b"%010d %05d %s \n" % (places.get(name, 0), 0 if used else 65535, b"fn"[used:][:1])
    out += b"trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)


def pdf_page(
    content: bytes,
    *,
    box: str = "0 0 612 792",
    resources: str = "",
    page: str = "",
    more: Mapping[int, bytes] | None = None,
) -> bytes:
    """A PDF of one page.

    ``content`` is the stream object that draws it, ``page`` more entries of its dictionary,
    ``more`` the objects from number 5 on.
    """
    entries = f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R {page}"
    return pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: f"{entries} /Resources << {resources} >> >>".encode(),
            4: content,
            **(more or {}),
        }
    )


def stream(raw: bytes, entries: str = "") -> bytes:
    """A stream object of these raw bytes."""
    head = f"<< /Length {len(raw)} {entries} >>".encode()
    return head + b"\nstream\n" + raw + b"\nendstream"


def pdf_of_pages(pages: int) -> bytes:
    """A PDF of blank pages."""
    kids = b" ".join(b"%d 0 R" % (3 + index) for index in range(pages))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    return pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages),
            **dict.fromkeys(range(3, 3 + pages), page),
        }
    )


def pdf_box(width: float, height: float) -> bytes:
    """A PDF of one page of this size in points, with a line of text on it."""
    text = stream(b"BT /F1 24 Tf 20 20 Td (Hello) Tj ET")
    font = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    return pdf_page(text, box=f"0 0 {width:f} {height:f}", resources=font)


def pdf_image(width: int, height: int, *, bits: int = 1, color: str = "/DeviceGray") -> bytes:
    """A PDF of one page that is one deflated picture of zeros."""
    row = bytes((width * bits * (3 if color == "/DeviceRGB" else 1) + 7) // 8)
    entries = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
        f"/BitsPerComponent {bits} /ColorSpace {color} /Filter /FlateDecode"
    )
    return pdf_page(
        stream(b"612 0 0 792 0 0 cm /Im0 Do"),
        resources="/XObject << /Im0 5 0 R >>",
        more={5: stream(deflate(row for _ in range(height)), entries)},
    )


def pdf_zip(size: int) -> bytes:
    """A PDF whose page content is ``size`` bytes of spaces, deflated."""
    return pdf_page(stream(deflate_repeated(b" " * MB, size // MB), "/Filter /FlateDecode"))


def pdf_zip_in_zip(size: int) -> bytes:
    """A PDF whose page content is deflated twice: a few kilobytes become ``size``."""
    twice = zlib.compress(deflate_repeated(b" " * MB, size // MB), 9)
    return pdf_page(stream(twice, "/Filter [/FlateDecode /FlateDecode]"))


def pdf_zip_objects(size: int) -> bytes:
    """A PDF whose pages are described inside a stream of objects that unpacks to ``size``."""
    inner = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>",
    }
    starts = [sum(len(body) + 1 for body in list(inner.values())[:n]) for n in range(len(inner))]
    index = b" ".join(b"%d %d" % pair for pair in zip(inner, starts, strict=True)) + b" "
    text = (index + b" ".join(inner.values())).ljust(MB)
    entries = f"/Type /ObjStm /N 3 /First {len(index)} /Filter /FlateDecode"
    body = stream(deflate_twofold(text, b" " * MB, size // MB), entries)
    places = [(0, 0, 0), *((2, 4, n) for n in range(3)), (1, 9, 0)]
    return _with_xref_stream(4, body, b"".join(struct.pack(">BIB", *row) for row in places), 5)


def pdf_zip_xref(size: int) -> bytes:
    """A PDF of one page whose cross-reference table unpacks to ``size``."""
    catalog = b"<< /Type /Catalog /Pages << /Type /Pages /Kids [] /Count 1 >> >>"
    rows = struct.pack(">BIB", 0, 0, 0) + struct.pack(">BIB", 1, 9, 0)
    return _with_xref_stream(1, catalog, rows, size // 6, padding=size // MB)


def _with_xref_stream(name: int, body: bytes, rows: bytes, size: int, padding: int = 0) -> bytes:
    """A PDF of one object and a cross-reference stream of 6-byte rows, padded by megabytes."""
    out = b"%PDF-1.7\n" + b"%d 0 obj\n" % name + body + b"\nendobj\n"
    table = (
        deflate_twofold(rows.ljust(MB, b"\0"), bytes(MB), padding) if padding else deflate([rows])
    )
    entries = f"/Type /XRef /Size {size} /W [1 4 1] /Root 1 0 R /Filter /FlateDecode"
    tail = b"%d 0 obj\n" % (name + 1) + stream(table, entries) + b"\nendobj\n"
    return out + tail + b"startxref\n%d\n%%%%EOF\n" % len(out)


def pdf_nested_forms(depth: int, width: int) -> bytes:
    """A PDF whose page draws a form that draws a form, ``width`` times at each level."""
    forms = {
        5 + level: stream(
            b"/F Do " * width if level + 1 < depth else b"0 0 9 9 re f",
            "/Type /XObject /Subtype /Form /BBox [0 0 99 99] "
            f"/Resources << /XObject << /F {6 + level} 0 R >> >>",
        )
        for level in range(depth)
    }
    return pdf_page(stream(b"/F Do"), resources="/XObject << /F 5 0 R >>", more=forms)


def pdf_cut() -> bytes:
    """A PDF that ends in the middle."""
    return pdf_box(612, 792)[:200]


# --- what must be refused -----------------------------------------------------------------------

BOMBS: Mapping[str, Callable[[], bytes]] = {
    "png-30000-1bit.png": cache(lambda: png(30_000, 30_000)),
    "png-chunks.png": cache(lambda: png_of_many_chunks(1_000_000)),
    "webp-16383.webp": lambda: webp(16_383, 16_383),
    "webp-8900.webp": lambda: webp(8900, 8900),
    "tiff-g4-30000.tif": lambda: tiff_g4(30_000, 30_000),
    "tiff-pages.tif": cache(lambda: tiff_of_many_pages(100_000)),
    "gif-15000.gif": lambda: gif(15_000, 15_000),
    "gif-comments.gif": cache(lambda: gif_of_comments(32 * MB)),
    "bmp-huge.bmp": lambda: bmp(2**31 - 1, 2**31 - 1),
    "jpeg-scans.jpg": cache(lambda: jpeg_scans(1_000, 1_000, 500)),
    "jpeg-65535.jpg": lambda: jpeg_claiming(65_535, 65_535),
    "jpeg-segments.jpg": cache(lambda: jpeg_of_segments(1_000_000)),
    "pdf-pages.pdf": cache(lambda: pdf_of_pages(10_000)),
    "pdf-page-1e9pt.pdf": lambda: pdf_box(1e9, 1e9),
    "pdf-zip.pdf": cache(lambda: pdf_zip(1024 * MB)),
    "pdf-zip-objects.pdf": cache(lambda: pdf_zip_objects(1024 * MB)),
    "pdf-object-streams.pdf": lambda: pdf_box(9, 9) + b"/ObjStm " * 1_000_000,
    "pdf-zip-broken.pdf": cache(lambda: pdf_zip(1024 * MB).replace(b"xref", b"xerf")),
    "pdf-forms.pdf": lambda: pdf_nested_forms(12, 10),
    "pdf-zip-in-zip.pdf": cache(lambda: pdf_zip_in_zip(1024 * MB)),
}

BROKEN: Mapping[str, Callable[[], bytes]] = {
    "empty.png": lambda: b"",
    "cut.jpg": lambda: jpeg(400, 300)[:-200],
    "cut.png": lambda: png(400, 300, bits=8)[:-30],
    "cut-header.png": lambda: png(400, 300)[:20],
    "cut.webp": lambda: webp(400, 300)[:24],
    "cut.tif": lambda: tiff_g4(400, 300)[:40],
    "cut.gif": lambda: gif(400, 300)[:16],
    "no-pixels.bmp": lambda: bmp(400, 300),
    "cut.pdf": pdf_cut,
    "signature-only.jpg": lambda: b"\xff\xd8\xff",
    "signature-only.pdf": lambda: b"%PDF-1.7",
}


# --- bytes and bits -----------------------------------------------------------------------------


def deflate(pieces: Iterable[bytes]) -> bytes:
    """A zlib stream of pieces, without holding them together."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])


def deflate_repeated(piece: bytes, times: int) -> bytes:
    """A zlib stream of ``piece`` many times over, for the cost of packing it once."""
    return deflate_twofold(piece, piece, times - 1)


def deflate_twofold(first: bytes, piece: bytes, times: int) -> bytes:
    """A zlib stream of ``first``, then ``piece`` many times over."""
    packer = zlib.compressobj(9, wbits=-15)
    head = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    check = zlib.adler32(first)
    for _ in range(times):
        check = zlib.adler32(piece, check)
    return b"\x78\xda" + head + block * times + packer.flush() + struct.pack(">I", check)


def _crc(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))


def _riff(kind: bytes, body: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


class _Bits:
    """Bits written from the least significant on."""

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def put(self, value: int, length: int) -> None:
        self._value |= value << self._length
        self._length += length

    def bytes(self) -> bytes:
        return self._value.to_bytes((self._length + 7) // 8, "little")
