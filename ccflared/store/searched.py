"""What is searched of the history: the errors of requests, and why tries failed. Most rows have none.

Table ``errors``: one row for each request with something to search, and an index over it (FTS5) that has no copy of
the text. Both go with the request's own row.
"""

from typing import Final

SEARCHED: Final = (
    """
    CREATE TABLE errors (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        at REAL NOT NULL,
        text TEXT NOT NULL
    ) STRICT
    """,
    "CREATE VIRTUAL TABLE errors_said USING fts5 (text, content = 'errors', content_rowid = 'number')",
    """
    CREATE TRIGGER errors_noted AFTER INSERT ON errors BEGIN
        INSERT INTO errors_said (rowid, text) VALUES (new.number, new.text);
    END
    """,
    """
    CREATE TRIGGER errors_forgotten AFTER DELETE ON errors BEGIN
        INSERT INTO errors_said (errors_said, rowid, text) VALUES ('delete', old.number, old.text);
    END
    """,
    """
    CREATE TRIGGER requests_forgotten AFTER DELETE ON requests BEGIN
        DELETE FROM errors WHERE id = old.id;
    END
    """,
    "INSERT INTO errors (id, at, text) SELECT id, at, error FROM requests WHERE error IS NOT NULL ORDER BY at",
)
"""The statements that make them, and take in the rows that are there."""
