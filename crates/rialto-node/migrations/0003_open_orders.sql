-- Orders that are not over, as a set of their own: what runs at every tick reads these and not every
-- request that there ever was. Triggers keep the set, so that whatever transaction sees, closes or
-- reopens an order changes it too.

CREATE TABLE open_order (
    digest BLOB NOT NULL PRIMARY KEY REFERENCES request (digest)
) STRICT, WITHOUT ROWID;

INSERT INTO open_order (digest)
SELECT digest FROM request WHERE digest NOT IN (SELECT digest FROM closed);

CREATE TRIGGER request_seen AFTER INSERT ON request BEGIN
    INSERT INTO open_order (digest) VALUES (NEW.digest);
END;
CREATE TRIGGER order_closed AFTER INSERT ON closed BEGIN
    DELETE FROM open_order WHERE digest = NEW.digest;
END;
CREATE TRIGGER order_reopened AFTER DELETE ON closed BEGIN
    INSERT OR IGNORE INTO open_order (digest) VALUES (OLD.digest);
END;

-- A reorganisation reopens by block.
CREATE INDEX closed_by_block ON closed (block);
-- Locks, deliveries and rewards of one account.
CREATE INDEX fact_by_account ON fact (account, at);
-- Transactions of which nobody knows yet what became of them.
CREATE INDEX intent_unsettled ON intent (id) WHERE outcome IS NULL;
-- What is old enough to be archived.
CREATE INDEX history_by_time ON history (at_ms);
-- What moved money since an instant.
CREATE INDEX intent_by_time ON intent (at_ms);
CREATE INDEX closed_by_time ON closed (at_ms);
