-- Proofs that were made to measure the prover, and for no request: what its speed is learned from before
-- there are others.

CREATE TABLE sample (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    image_id   BLOB    NOT NULL CHECK (length(image_id) = 32),
    cycles     INTEGER NOT NULL CHECK (cycles > 0),
    proving_ms INTEGER NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
