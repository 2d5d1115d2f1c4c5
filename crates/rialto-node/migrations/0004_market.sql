-- Which market the record is of: digests of requests mean nothing in another one.

CREATE TABLE market (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    chain_id INTEGER NOT NULL,
    address  BLOB    NOT NULL CHECK (length(address) = 20)
) STRICT;
