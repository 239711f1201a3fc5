"""Everything runs offscreen, with settings of its own, and leaves nothing behind."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
