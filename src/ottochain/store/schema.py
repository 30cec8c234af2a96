"""The tables of a node's store, and the steps that lead an older file to them.

``MIGRATIONS[n]`` turns version ``n`` into ``n + 1``; the version stands in SQLite's ``user_version``. A released step
is never edited: a change of tables is a new step.

Hashes and keys are kept as their 64 lower-case hex characters, as everywhere else in the project: the space they
would save as blobs is not worth a second spelling.
"""

from typing import Final

APPLICATION_ID: Final = 0x4F74746F  # "Otto": tells our file from any other SQLite file

_FIRST: Final = """
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    ordinal  INTEGER PRIMARY KEY,
    hash     TEXT NOT NULL UNIQUE,
    body     BLOB NOT NULL,          -- brotli of the signed snapshot's wire JSON; ordinal 0: the full genesis
    header   BLOB NOT NULL,          -- JSON: certificate, view, validators, trigger, rejections
    proposal BLOB NOT NULL           -- brotli of what the validators voted on: with it the snapshot is built again
) STRICT;

CREATE TABLE state_parts (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE fibers (
    fiber   TEXT PRIMARY KEY,
    record  BLOB NOT NULL            -- JSON of the state machine's or script's record
) STRICT;

CREATE TABLE votes (
    number INTEGER PRIMARY KEY,      -- the order in which they were persisted
    height INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE INDEX votes_by_height ON votes (height);

CREATE TABLE bodies (
    reference TEXT PRIMARY KEY,
    height    INTEGER NOT NULL,
    body      BLOB NOT NULL          -- what a record of that height names: a proposal
) STRICT;

CREATE TABLE pool (
    arrival  INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,
    hash     TEXT NOT NULL,
    fiber    TEXT NOT NULL,
    sequence INTEGER,                -- target sequence number; null for what creates a fiber
    origin   TEXT NOT NULL,          -- the node that acknowledged it to a client
    after    INTEGER NOT NULL,       -- the ordinal of the decision it was submitted again after; 0: none
    signed   BLOB NOT NULL
) STRICT;
CREATE INDEX pool_by_hash ON pool (hash);

CREATE TABLE outcomes (
    key     TEXT NOT NULL,
    hash    TEXT NOT NULL,
    ordinal INTEGER NOT NULL,        -- one key may be submitted again after a decision, and decided again
    reason  TEXT,                    -- null: accepted
    PRIMARY KEY (key, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcomes_by_hash ON outcomes (hash);
CREATE INDEX outcomes_by_ordinal ON outcomes (ordinal);

CREATE TABLE received (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,    -- round id of an L1 block; hash of a binary
    source  TEXT NOT NULL,           -- the signer or the metagraph it came from
    signed  BLOB NOT NULL,
    proof   BLOB                     -- what travels beside it: a binary's certificate
) STRICT;

CREATE TABLE outbox (
    ordinal  INTEGER PRIMARY KEY REFERENCES snapshots (ordinal) ON DELETE CASCADE,  -- its body is the content
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL UNIQUE,
    proofs   BLOB NOT NULL,          -- JSON
    included INTEGER                 -- the global ordinal that holds it; null: not confirmed yet
) STRICT;
CREATE INDEX outbox_pending ON outbox (ordinal) WHERE included IS NULL;
"""

MIGRATIONS: Final[tuple[str, ...]] = (_FIRST,)
VERSION: Final = len(MIGRATIONS)
