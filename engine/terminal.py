"""How the command line speaks: progress on stderr, the result on stdout."""

import argparse
import json
import sys
import time
from typing import Any

REPORT_SECONDS = 0.5


def print_result(options: argparse.Namespace, result: dict[str, Any], words: str) -> None:
    print(json.dumps(result, ensure_ascii=False) if options.json else words)


class ProgressLine:
    """One line on stderr that is written over on a terminal, and now and then a new one elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown_at, self._width = 0.0, 0

    def show(self, words: str, final: bool = False) -> None:
        pause = REPORT_SECONDS if self._terminal else 10 * REPORT_SECONDS
        if not final and time.monotonic() - self._shown_at < pause:
            return
        self._shown_at = time.monotonic()
        if self._terminal:
            print("\r" + words.ljust(self._width), end="\n" if final else "", file=sys.stderr, flush=True)
            self._width = len(words)
        else:
            print(words, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._terminal and self._width:
            print(file=sys.stderr)
