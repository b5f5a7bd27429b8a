"""The console looks as it did: every picture is compared with the one that was looked at.

``CHAOSTUI_UPDATE_PICTURES=1`` writes them anew; look at each before you commit it.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.tui.pictures import PICTURES, Picture, take

KNOWN = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
async def test_the_console_looks_as_it_did(picture: Picture, tmp_path: Path) -> None:
    """The same engine and the same keys give the same picture, letter by letter and in colour."""
    svg, text = await take(picture, tmp_path)
    as_text, as_svg = KNOWN / f"{picture.name}.txt", KNOWN / f"{picture.name}.svg.gz"
    if os.environ.get("CHAOSTUI_UPDATE_PICTURES") == "1":
        KNOWN.mkdir(exist_ok=True)
        as_text.write_text(text + "\n")
        as_svg.write_bytes(gzip.compress(svg.encode(), mtime=0))

    assert text + "\n" == as_text.read_text()
    assert svg == gzip.decompress(as_svg.read_bytes()).decode()
