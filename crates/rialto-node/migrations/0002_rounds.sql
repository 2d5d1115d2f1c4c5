-- Prices are derived when they are needed: gas, rates and settings change while an offer stands.
ALTER TABLE verdict DROP COLUMN target_price;
ALTER TABLE verdict DROP COLUMN lock_at;
ALTER TABLE verdict DROP COLUMN race;

-- What a program does with an input, so that it is run once however many requests ask for it.
CREATE TABLE run (
    program  BLOB    NOT NULL CHECK (length(program) = 32),
    stdin    BLOB    NOT NULL CHECK (length(stdin) = 32),
    cycles   INTEGER NOT NULL,
    image_id BLOB    NOT NULL CHECK (length(image_id) = 32),
    journal  BLOB    NOT NULL,
    PRIMARY KEY (program, stdin)
) STRICT;

ALTER TABLE proof ADD COLUMN at INTEGER NOT NULL DEFAULT 0;

-- Attempts at proofs: the prover's health and the need for a longer rest are read from here.
CREATE TABLE attempt (
    id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    digest   BLOB    NOT NULL REFERENCES request (digest),
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    outcome  TEXT    CHECK (outcome IS NULL OR outcome IN ('proven', 'failed', 'cancelled')),
    CHECK ((ended_ms IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX attempt_by_digest ON attempt (digest);
