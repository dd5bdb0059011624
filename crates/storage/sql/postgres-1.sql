-- In step with sqlite-1.sql, which says what each table is.
CREATE TABLE leasehold.head (
    id smallint PRIMARY KEY CHECK (id = 1),
    seq bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    epoch bigint NOT NULL,
    writes bigint NOT NULL,
    unfinished boolean NOT NULL
) WITH (fillfactor = 10);
INSERT INTO leasehold.head VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, 0, false);

CREATE TABLE leasehold.record (
    seq bigint PRIMARY KEY,
    at bigint NOT NULL,
    epoch bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    body text NOT NULL
);

CREATE TABLE leasehold.answer (
    principal text COLLATE "C" NOT NULL,
    command text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    status integer NOT NULL,
    body text NOT NULL,
    sum bigint NOT NULL,
    PRIMARY KEY (principal, command)
);
CREATE INDEX answer_at ON leasehold.answer (at);

CREATE TABLE leasehold.chunk (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    text text NOT NULL,
    sum bigint NOT NULL
);
CREATE INDEX chunk_stream ON leasehold.chunk (stream, id);

CREATE TABLE leasehold.archive (
    kind text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    body text NOT NULL,
    sum bigint NOT NULL,
    PRIMARY KEY (kind, owner, number)
);

CREATE TABLE leasehold.snapshot (
    seq bigint PRIMARY KEY,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    format text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32)
);

CREATE TABLE leasehold.snapshot_part (
    seq bigint NOT NULL,
    part bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (seq, part)
);
