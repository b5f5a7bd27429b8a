"""``python -m chaostui`` is the command ``chaostui``."""

from __future__ import annotations

import sys

from chaostui.cli import main

sys.exit(main())
