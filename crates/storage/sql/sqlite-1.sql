-- One row: where the log ends and who may write. `writes` counts transactions; `unfinished` marks a copy that is under way.
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    epoch INTEGER NOT NULL,
    writes INTEGER NOT NULL,
    unfinished INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, zeroblob(32), 0, 0, 0);

CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    body TEXT NOT NULL
) STRICT;

CREATE TABLE answer (
    id INTEGER PRIMARY KEY,
    principal TEXT NOT NULL,
    command TEXT NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL,
    UNIQUE (principal, command)
) STRICT;
CREATE INDEX answer_at ON answer (at);

CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    text TEXT NOT NULL,
    sum INTEGER NOT NULL
) STRICT;
CREATE INDEX chunk_stream ON chunk (stream, id);

CREATE TABLE archive (
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (kind, owner, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot (
    seq INTEGER PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    format TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE TABLE snapshot_part (
    seq INTEGER NOT NULL,
    part INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (seq, part)
) STRICT;
