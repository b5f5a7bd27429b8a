"""Takes the pictures of this folder: SVG and PNG, the same each time.

    python screenshots/take.py          # needs chromium for the PNGs, and Fira Code

The console runs on the engine in memory that its tests use, with a clock and dice of its own,
so that a picture changes only when the console does.
"""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.tui.pictures import SHOWCASE, take  # noqa: E402


def png(svg: Path) -> None:
    """Draw an SVG in its own size with Chromium."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text())
    assert found is not None
    size = ",".join(str(math.ceil(float(number))) for number in found.groups())
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--force-device-scale-factor=1", f"--window-size={size}",
         f"--screenshot={svg.with_suffix('.png')}", svg.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip


async def main() -> None:
    """Take all of them."""
    for picture in SHOWCASE:
        with tempfile.TemporaryDirectory() as folder:
            svg, _ = await take(picture, Path(folder))
        path = HERE / f"{picture.name}.svg"
        path.write_text(svg)
        png(path)
        print(path.name)


if __name__ == "__main__":
    asyncio.run(main())
