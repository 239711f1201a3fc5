"""Starts Nakami. Nothing happens at import time, because child processes import this file again."""

import multiprocessing

if __name__ == "__main__":
    multiprocessing.freeze_support()
    from gui.app import main

    raise SystemExit(main())
