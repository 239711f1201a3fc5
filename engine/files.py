"""Writing files whole or not at all. Standard library only: the engine and the window both use it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; the file written there takes the place of `path` when the block ends.

    If the block raises, `path` stays as it was and the temporary file is deleted. The new content is on the disk
    before the name changes, so that neither a kill nor a power cut leaves half a file. Raises OSError.

    with replacing(folder / "config.json") as temporary:
        temporary.write_text(text, "utf-8")
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")  # two processes may write the same file
    try:
        yield temporary
        with temporary.open("r+b") as file:  # writable: Windows refuses to sync anything else
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):  # the temporary file may not exist, nor its folder
            temporary.unlink(missing_ok=True)
