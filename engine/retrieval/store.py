"""The database of a collection, in SQLite: documents with their texts, passages, terms.

A write is one transaction: if the process is killed, the collection is as it was before the write or after it.
Readers do not wait for a writer (write-ahead log); writers wait for each other. Tables and columns keep the names
of the first version ("about", "chunks"), so that every collection can be opened.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, not_written
from engine.messages.documents import DocumentEntry
from engine.retrieval.analysis import VERSION
from engine.retrieval.passages import Document, PassageSpan

FILE = "collection.sqlite"
FORMAT = 1
WAIT_SECONDS = 30.0  # longest wait for another process's write

SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    digest TEXT NOT NULL, characters INTEGER NOT NULL, pages TEXT NOT NULL, headings TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    place INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, page INTEGER NOT NULL,
    heading TEXT NOT NULL, text TEXT NOT NULL, row INTEGER
);
CREATE INDEX chunks_of_document ON chunks (document, place);
CREATE TABLE terms (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
CREATE TABLE postings (document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE, data BLOB NOT NULL);
CREATE TABLE skipped (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, reason TEXT NOT NULL,
    arguments TEXT NOT NULL
);
"""


# Columns of `documents` that were added later: collections that lack them get them when they are opened.
NEW_COLUMNS = (
    "encoding TEXT NOT NULL DEFAULT ''",
    "certain INTEGER NOT NULL DEFAULT 1",
    "replaced INTEGER NOT NULL DEFAULT 0",
    "chosen TEXT NOT NULL DEFAULT ''",
)


@dataclass(frozen=True, slots=True)
class FileState:
    """Size, time and content of a file when it was last read: if they are the same, it is unchanged."""

    size: int
    modified: int  # nanoseconds
    digest: str = ""
    chosen: str = ""  # the encoding chosen for it; "" if it was detected


@dataclass(frozen=True, slots=True)
class Table:
    """One row for each of the N passages, in the order of their IDs."""

    ids: NDArray[np.int64]
    documents: NDArray[np.int64]
    places: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pages: NDArray[np.int64]
    rows: NDArray[np.int64]  # row of the passage's vector in the file of vectors; -1: not yet computed


def _stored(path: str) -> str | bytes:
    """Return a path as the database stores it: its bytes if they are not UTF-8, because SQLite requires valid text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _path(stored: str | bytes) -> str:
    return os.fsdecode(stored)


class Store:
    def __init__(self, folder: Path, create: bool = False) -> None:
        """Open the database in a folder; with `create`, make it if it does not exist.

        Raises EngineError: error.collection_missing, error.collection_damaged, error.not_written.
        """
        self.folder = folder
        path = folder / FILE
        if not create and not path.is_file():
            raise EngineError("error.collection_missing", folder=str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._check_format()
        except OSError as error:
            raise not_written(path, error) from error
        except sqlite3.DatabaseError as error:
            raise EngineError("error.collection_damaged", file=str(path), reason=str(error)) from error

    def _check_format(self) -> None:
        with self.writing():
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
                for statement in SCHEMA.split(";"):
                    self._connection.execute(statement)
                self.set_meta("format", FORMAT)
                self.set_meta("analysis", VERSION)
            known = {name for _, name, *_ in self._connection.execute("PRAGMA table_info(documents)")}
            for column in NEW_COLUMNS:
                if known and column.split()[0] not in known:
                    self._connection.execute(f"ALTER TABLE documents ADD COLUMN {column}")
        if self.get_meta("format") != FORMAT:
            raise EngineError("error.collection_format", folder=str(self.folder))
        if self.get_number("analysis") != VERSION:
            with self.writing():
                self._forget_terms()

    def _forget_terms(self) -> None:
        """Delete the terms of another version of the analysis, and the vectors fitted to them."""
        self._connection.execute("DELETE FROM postings")
        self._connection.execute("DELETE FROM terms")
        if (self.get_list("embedder") or ["lsa"])[0] == "lsa":
            self.set_meta("fit", 0)
            self.clear_rows()
        self.set_meta("analysis", VERSION)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Run the block as one transaction.

        Raises EngineError: error.not_written, error.collection_busy, error.collection_damaged.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise EngineError("error.collection_busy", file=str(self.folder / FILE)) from error
            raise not_written(self.folder / FILE, error) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read one consistent state in the block, whatever other processes write meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")  # nothing was written, and COMMIT fails in a damaged database

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Run a query. Raises EngineError error.collection_damaged if it meets a damaged page."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: sqlite3.DatabaseError) -> EngineError:
        return EngineError("error.collection_damaged", file=str(self.folder / FILE), reason=str(error))

    def changes(self) -> tuple[int, int]:
        """Return a pair that changes whenever any process writes."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version, self._connection.total_changes

    # --- About the collection ---------------------------------------------------------------------

    def set_meta(self, key: str, value: object) -> None:
        self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, json.dumps(value)))

    def get_meta(self, key: str) -> Any:
        """Return the JSON value of `key`, or None if it was never set."""
        rows = self._rows("SELECT value FROM about WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else None

    def get_number(self, key: str) -> int:
        """Return the value of `key`; 0 if it is no number."""
        value = self.get_meta(key)
        return value if isinstance(value, int) else 0

    def get_list(self, key: str) -> list[Any]:
        """Return the value of `key`; an empty list if it is no list."""
        value = self.get_meta(key)
        return value if isinstance(value, list) else []

    def get_dict(self, key: str) -> dict[str, Any]:
        """Return the dictionary stored under `key`; an empty one if there is none."""
        value = self.get_meta(key)
        return value if isinstance(value, dict) else {}

    def size_on_disk(self) -> int:
        """Return the bytes of all files of the collection."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    # --- Documents --------------------------------------------------------------------------------

    def states(self) -> dict[str, FileState]:
        rows = self._rows("SELECT path, size, modified, digest, chosen FROM documents")
        return {_path(path): FileState(*state) for path, *state in rows}

    def entries(self) -> list[DocumentEntry]:
        rows = self._rows(
            "SELECT id, path, size, characters, (SELECT count(*) FROM chunks WHERE document = documents.id),"
            " encoding, certain, replaced FROM documents ORDER BY path"
        )
        return [
            DocumentEntry(number, _path(path), size, characters, passages, "", None, encoding, bool(certain), replaced)
            for number, path, size, characters, passages, encoding, certain, replaced in rows
        ]

    def put(
        self,
        path: str,
        state: FileState,
        document: Document,
        passages: Sequence[PassageSpan],
        counts: Sequence[Counter[str]],
    ) -> None:
        """Add a document, or a new version of one, which keeps its ID. Call it within `writing`.

        `counts`: how often each term occurs in each passage.
        """
        values = {
            "path": _stored(path),
            "size": state.size,
            "modified": state.modified,
            "digest": state.digest,
            "characters": len(document.text),
            "pages": json.dumps(document.pages),
            "headings": json.dumps(document.headings),
            "text": document.text,
            "encoding": document.encoding,
            "certain": document.certain,
            "replaced": document.replaced,
            "chosen": state.chosen,
        }
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        updates = ", ".join(f"{name} = excluded.{name}" for name in values)
        (number,) = self._connection.execute(
            f"INSERT INTO documents ({names}) VALUES ({marks}) ON CONFLICT (path) DO UPDATE SET {updates} RETURNING id",
            values,
        ).fetchone()
        for table, column in (("skipped", "path"), ("chunks", "document"), ("postings", "document")):
            value = _stored(path) if column == "path" else number
            self._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (value,))
        self._connection.executemany(
            "INSERT INTO chunks (document, place, start, end, page, heading, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (number, place, p.start, p.end, p.page, p.heading, document.text[p.start : p.end])
                for place, p in enumerate(passages)
            ],
        )
        self._connection.execute("INSERT INTO postings VALUES (?, ?)", (number, self._postings(counts)))

    def _postings(self, counts: Sequence[Counter[str]]) -> bytes:
        """Return three rows of int32: the passage's place, the term's ID, how often it occurs there."""
        words = [word for passage in counts for word in passage]
        places = np.repeat(np.arange(len(counts)), [len(passage) for passage in counts])
        numbers = [count for passage in counts for count in passage.values()]
        return np.array([places, self._term_ids(words), numbers], np.int32).tobytes()

    def _term_ids(self, words: Sequence[str]) -> list[int]:
        distinct = [(word,) for word in set(words)]
        self._connection.executemany("INSERT OR IGNORE INTO terms (term) VALUES (?)", distinct)
        known: dict[str, int] = {}
        for start in range(0, len(distinct), 500):
            part = [word for (word,) in distinct[start : start + 500]]
            marks = ",".join("?" * len(part))
            known.update(self._connection.execute(f"SELECT term, id FROM terms WHERE term IN ({marks})", part))
        return [known[word] for word in words]

    def uncounted(self) -> int:
        """Return the number of documents whose terms must be counted again."""
        return int(self._rows("SELECT count(*) FROM documents WHERE id NOT IN (SELECT document FROM postings)")[0][0])

    def touch(self, path: str, state: FileState) -> None:
        """Record that a file was written again with the same content."""
        self._connection.execute(
            "UPDATE documents SET size = ?, modified = ? WHERE path = ?", (state.size, state.modified, _stored(path))
        )

    def remove(self, path: str) -> None:
        self._connection.execute("DELETE FROM documents WHERE path = ?", (_stored(path),))
        self._connection.execute("DELETE FROM skipped WHERE path = ?", (_stored(path),))

    def path(self, document: int) -> str | None:
        """Return the path of a document; None if it is no longer in the collection."""
        rows = self._rows("SELECT path FROM documents WHERE id = ?", (document,))
        return _path(rows[0][0]) if rows else None

    def document(self, document: int) -> tuple[str, Document]:
        """Return a document's path and content. Raises EngineError error.document_gone."""
        rows = self._rows(
            "SELECT path, text, pages, headings, encoding, certain, replaced FROM documents WHERE id = ?", (document,)
        )
        if not rows:
            raise EngineError("error.document_gone")
        ((path, text, pages, headings, encoding, certain, replaced),) = rows
        parts = tuple(json.loads(pages)), tuple((o, t) for o, t in json.loads(headings))
        return _path(path), Document(text, *parts, encoding, bool(certain), replaced)

    # --- Files that could not be read -------------------------------------------------------------

    def skip(self, path: str, state: FileState, error: EngineError) -> None:
        self.remove(path)
        values = (_stored(path), state.size, state.modified, error.key, json.dumps(error.args_by_name))
        self._connection.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?, ?)", values)

    def skipped(self) -> list[tuple[str, EngineError]]:
        rows = self._rows("SELECT path, reason, arguments FROM skipped ORDER BY path")
        return [(_path(path), EngineError(reason, **json.loads(arguments))) for path, reason, arguments in rows]

    def skipped_states(self) -> dict[str, FileState]:
        rows = self._rows("SELECT path, size, modified FROM skipped")
        return {_path(path): FileState(size, modified) for path, size, modified in rows}

    # --- Passages ---------------------------------------------------------------------------------

    def table(self) -> Table:
        rows = self._rows("SELECT id, document, place, start, end, page, coalesce(row, -1) FROM chunks ORDER BY id")
        return Table(*np.array(rows, np.int64).reshape(-1, 7).T.copy())

    def spans(self, document: int) -> NDArray[np.int32]:
        """Return ID, start and end of each passage of a document, [n, 3]."""
        rows = self._rows("SELECT id, start, end FROM chunks WHERE document = ? ORDER BY place", (document,))
        return np.array(rows, np.int32).reshape(-1, 3)

    def passage(self, number: int) -> tuple[str, str, str]:
        """Return path, heading and text of a passage by its ID. Raises EngineError error.document_gone."""
        rows = self._rows(
            "SELECT path, heading, chunks.text FROM chunks JOIN documents ON documents.id = document"
            " WHERE chunks.id = ?",
            (number,),
        )
        if not rows:
            raise EngineError("error.document_gone")
        ((path, heading, text),) = rows
        return _path(path), heading, text

    def without_vector(self, most: int) -> list[tuple[int, str]]:
        """Return IDs and texts (with their headings) of up to `most` passages that have no vector yet."""
        return self._rows(
            "SELECT id, heading || char(10) || text FROM chunks WHERE row IS NULL ORDER BY id LIMIT ?", (most,)
        )

    def set_rows(self, ids: Sequence[int], first: int) -> None:
        """Record that the vectors of these passages are in the rows from `first` on."""
        self._connection.executemany(
            "UPDATE chunks SET row = ? WHERE id = ?", [(first + i, number) for i, number in enumerate(ids)]
        )

    def clear_rows(self) -> None:
        """Record that no passage has a vector."""
        self._connection.execute("UPDATE chunks SET row = NULL")

    def postings(self) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Yield each document's ID and three rows: place, term, count."""
        for document, data in self._rows("SELECT document, data FROM postings ORDER BY document"):
            yield document, np.frombuffer(data, np.int32).reshape(3, -1)

    def vocabulary(self) -> dict[str, int]:
        return dict(self._rows("SELECT term, id FROM terms"))
