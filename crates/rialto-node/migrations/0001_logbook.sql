-- The node's durable record. What the chain says (fact) can be taken back by a reorganisation and
-- is kept by block; what the node decided and made is kept by request digest; what it is about to
-- do to the outside world (intent) is written before it is done. Nothing here says where an order
-- stands: that is derived (rialto-planner).

CREATE TABLE owner (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    prover BLOB    NOT NULL CHECK (length(prover) = 20)
) STRICT;

CREATE TABLE request (
    digest      BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    request_id  BLOB    NOT NULL CHECK (length(request_id) = 32),
    request     TEXT    NOT NULL CHECK (json_valid(request)),
    signature   BLOB    NOT NULL,
    seen_at_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX request_by_id ON request (request_id);

CREATE TABLE fact (
    block       INTEGER NOT NULL,
    log_index   INTEGER NOT NULL,
    request_id  BLOB    NOT NULL CHECK (length(request_id) = 32),
    kind        TEXT    NOT NULL CHECK (kind IN ('locked', 'delivered', 'slashed')),
    digest      BLOB    CHECK ((kind IN ('locked', 'delivered')) = (digest IS NOT NULL)),
    account     BLOB    NOT NULL CHECK (length(account) = 20),
    transferred BLOB    CHECK ((kind = 'slashed') = (transferred IS NOT NULL)),
    at          INTEGER NOT NULL,
    PRIMARY KEY (block, log_index)
) STRICT;
CREATE INDEX fact_by_id ON fact (request_id);

CREATE TABLE feed_cursor (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    cursor TEXT    NOT NULL CHECK (json_valid(cursor))
) STRICT;

CREATE TABLE verdict (
    digest       BLOB    NOT NULL PRIMARY KEY REFERENCES request (digest),
    kind         TEXT    NOT NULL CHECK (kind IN ('skip', 'bid')),
    skip         TEXT    CHECK ((kind = 'skip') = (skip IS NOT NULL)),
    cycles       INTEGER CHECK ((kind = 'bid') = (cycles IS NOT NULL)),
    image_id     BLOB    CHECK ((kind = 'bid') = (image_id IS NOT NULL)),
    journal      BLOB    CHECK ((kind = 'bid') = (journal IS NOT NULL)),
    target_price BLOB    CHECK ((kind = 'bid') = (target_price IS NOT NULL)),
    lock_at      INTEGER CHECK ((kind = 'bid') = (lock_at IS NOT NULL)),
    race         INTEGER CHECK ((kind = 'bid') = (race IS NOT NULL))
) STRICT;

-- Program and input as they were when the request was judged, by content.
CREATE TABLE material (
    digest  BLOB NOT NULL PRIMARY KEY REFERENCES request (digest),
    program BLOB NOT NULL CHECK (length(program) = 32),
    stdin   BLOB NOT NULL CHECK (length(stdin) = 32)
) STRICT;

CREATE TABLE proof (
    digest      BLOB    NOT NULL PRIMARY KEY REFERENCES request (digest),
    artifact    BLOB    NOT NULL CHECK (length(artifact) = 32),
    claim       BLOB    NOT NULL CHECK (length(claim) = 32),
    proving_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE seal (
    digest BLOB NOT NULL PRIMARY KEY REFERENCES request (digest),
    seal   BLOB NOT NULL
) STRICT;

CREATE TABLE intent (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    digest  BLOB    NOT NULL REFERENCES request (digest),
    kind    TEXT    NOT NULL CHECK (kind IN ('lock', 'commit', 'deliver', 'slash')),
    tx_hash BLOB    CHECK (tx_hash IS NULL OR length(tx_hash) = 32),
    gas_wei BLOB,
    outcome TEXT    CHECK (outcome IS NULL OR outcome IN ('mined', 'failed')),
    at_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX intent_by_digest ON intent (digest);

-- Orders that are over. A reorganisation below `block` opens them again.
CREATE TABLE closed (
    digest  BLOB    NOT NULL PRIMARY KEY REFERENCES request (digest),
    outcome TEXT    NOT NULL CHECK (json_valid(outcome)),
    block   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL
) STRICT;

-- What happened, in order, for people: never read to decide anything.
CREATE TABLE history (
    seq    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ms  INTEGER NOT NULL,
    digest BLOB,
    event  TEXT    NOT NULL CHECK (json_valid(event))
) STRICT;
CREATE INDEX history_by_digest ON history (digest);
