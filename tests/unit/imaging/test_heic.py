"""Photographs from phones, where the extra that reads them is installed."""

import base64
from pathlib import Path

import numpy as np
import pytest

from ocrgate.domain.document import Encoding, ImageSpec, MediaType
from ocrgate.errors import DocumentLimit, UnreadableDocument
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.session import RasterSession

pytest.importorskip("pi_heif", reason="the heic extra is not installed")

# 64 by 48 pixels, white, the upper left quarter red, to be turned by a quarter (EXIF 6).
PHOTO = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0005VZDn*}000000000XXk=`10000000000aA{+70000000000000"
    "0000000G-+&aV*mgE07O6l0ssL300001>;M4(00000002z@0ssI200KDx0RR9100000Bme*aIB98aW&i*H000620"
    "00$fZf0cy000000RRAKc4ILB0000LX>Mj^0ssI300IC2MR;ju000004sdC7Z2$lO00031009SSaB^?}008D`aAR)"
    "(004Gqc4I>U18@KU0FVFx0000U@BsY%`1k+-4+CHT0RR|40Sp2E{{wIU00RJ!0009300RIXx&lC90096hLID8-Z~"
    "y=U0FVFx0{{R603M(qfd!W8<fgf}2xu@M00096AOHXZ03l)k0RRR>0l{;?i2wiq6Ju{|a&BX6cmM$a4FCp!0000K"
    "X>)L8000000000$0000$0000eV{Bn?0000$000010000m000010000000002|NsB+000020000GaA|mH000000|*"
    "ER00009X>xCL0{{R38EJ5BVE_OC000000RRC8fdT^sgoXeB02*m>Wo7^X0000001jhhb7KGk009620001aZDe6|0"
    "000<C;_h%faNx~|C(-JfuJ6VGMes4vW58Yhq71idTOftvNX0&_>4P@DEIrm%W8$C|NaG%t0k0!iz|rR9VCO@oeA~"
    "P@UvXTrT_o{21R&jW&i+9O#mtY000O80Ra*K0{{R30RRR70000000"
)
RAW = ImageSpec(max_side=4096, encoding=Encoding.RAW)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo on disk."""
    file = tmp_path / "photo.heic"
    file.write_bytes(PHOTO)
    return file


def test_photo_is_upright(photo: Path) -> None:
    """Width, height and pixels are those that a phone shows."""
    session = RasterSession(ImageLimits(), confine=False)
    info = session.probe(str(photo))
    assert (info.media, info.pages, info.width, info.height) == (MediaType.HEIC, 1, 48, 64)
    page = session.prepare(str(photo), 1, RAW)
    rows = np.frombuffer(page.data, np.uint8).reshape(64, 48, 3)
    assert rows[5, 5].min() > 240
    assert abs(int(rows[5, 40, 0]) - 200) < 15
    assert rows[5, 40, 1] < 80


def test_limits_hold(photo: Path) -> None:
    """Too many pixels are refused from the header."""
    with pytest.raises(DocumentLimit):
        RasterSession(ImageLimits(max_pixels=100), confine=False).probe(str(photo))


def test_there_is_one_page(photo: Path) -> None:
    """The other pictures of a burst are not pages."""
    with pytest.raises(UnreadableDocument, match="no page 2"):
        RasterSession(ImageLimits(), confine=False).prepare(str(photo), 2, RAW)


def test_cut_photo_is_a_typed_error(photo: Path) -> None:
    """An upload that broke off says so."""
    session = RasterSession(ImageLimits(), confine=False)
    for end in range(40, len(PHOTO) - 40, 20):
        photo.write_bytes(PHOTO[:end])
        with pytest.raises(UnreadableDocument):
            session.prepare(str(photo), 1, RAW)
