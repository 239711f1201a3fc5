"""Documents to try a collection with: a small company's, from the built-in world, in both languages.

The built-in model has learned to answer from such documents; what these say it has never seen.
"""

import os
from pathlib import Path
from random import Random

from engine.errors import EngineError
from engine.text.world import documents
from engine.text.world.facts import Language

COUNT = 12  # documents a language


def write_samples(folder: Path, seed: int = 1) -> list[Path]:
    """Writes them where they are not yet, so that what somebody has edited stays; returns their paths.

    No two of one language say something about the same thing. Raises EngineError error.not_written.
    """
    languages: tuple[Language, Language] = ("en", "ja")
    paths = []
    for language in languages:
        rng, told = Random(f"{seed} {language}"), set[str]()
        for number in range(1, COUNT + 1):
            known = [fact for fact in documents.facts(rng, language, testing=True) if fact.about not in told]
            told |= {fact.about for fact in known}
            text = documents.document(known, rng)
            if text:
                path = folder / f"{language}-{number:02d}.txt"
                _write(path, text + "\n")
                paths.append(path)
    return paths


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary.write_text(text, "utf-8")
            os.replace(temporary, path)
    except OSError as error:
        raise EngineError("error.not_written", file=str(path), reason=error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)
