-- Jobs that have not ended, with everything that their tasks share.
CREATE TABLE jobs (
    job           BLOB PRIMARY KEY,          -- what is proven, by content
    engine        TEXT NOT NULL,              -- the proof system and its parameters
    proof         TEXT NOT NULL CHECK (proof IN ('composite', 'compressed')),
    program       BLOB NOT NULL,
    program_bytes INTEGER NOT NULL,
    input         BLOB NOT NULL,
    input_bytes   INTEGER NOT NULL,
    journal       BLOB,                       -- what the program said, once it has
    cycles_max    INTEGER NOT NULL,
    memory_max    INTEGER NOT NULL,
    journal_max   INTEGER NOT NULL,
    leaf_arity    INTEGER NOT NULL CHECK (leaf_arity > 0),
    arity         INTEGER NOT NULL CHECK (arity > 1),
    levels_min    INTEGER NOT NULL CHECK (levels_min > 0),
    segments_max  INTEGER NOT NULL CHECK (segments_max > 0),
    tenant        TEXT NOT NULL,
    due           INTEGER NOT NULL,              -- milliseconds since 1970, like every instant here
    value         BLOB NOT NULL,             -- wei, 32 bytes, big endian: sorts as it counts
    submitted     INTEGER NOT NULL,
    resumes       INTEGER NOT NULL,              -- whether results of an earlier attempt are kept
    found         INTEGER NOT NULL,              -- segments known so far
    segments      INTEGER,                       -- how many there are, once the execution has ended
    cycles        INTEGER NOT NULL,              -- instructions in those that were found
    proven        INTEGER NOT NULL,              -- segments that have a proof
    cycles_proven INTEGER NOT NULL,
    ready         INTEGER NOT NULL CHECK (ready >= 0) -- tasks that can begin
);
CREATE INDEX jobs_waiting ON jobs (engine, tenant, due, job) WHERE ready > 0;

-- Those of their tasks that are known. `work` is coded so that it sorts: execute, proofs, joins by level, verify.
CREATE TABLE tasks (
    job          BLOB NOT NULL,
    work         INTEGER NOT NULL,
    turn         INTEGER NOT NULL,               -- 0 before 1: what is joined need not be kept
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4), -- waiting, ready, leased, done, quarantined
    missing      INTEGER NOT NULL,               -- inputs that a waiting task has not
    not_before   INTEGER NOT NULL,               -- when a ready one can begin
    generation   INTEGER NOT NULL,               -- leases so far
    failures     INTEGER NOT NULL,
    cycles       INTEGER NOT NULL,               -- instructions in a segment
    page         BLOB,                       -- the artifact that holds a segment
    page_bytes   INTEGER NOT NULL,
    output       BLOB,                       -- the artifact that a done one made
    output_bytes INTEGER NOT NULL,
    PRIMARY KEY (job, work)
) WITHOUT ROWID;
CREATE INDEX tasks_ready ON tasks (job, turn, work) WHERE state = 1;
CREATE INDEX tasks_paused ON tasks (not_before) WHERE state = 1 AND failures > 0;

-- Leases that stand: at most two of a task.
CREATE TABLE leases (
    job        BLOB NOT NULL,
    work       INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    worker     INTEGER NOT NULL,
    begun      INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    PRIMARY KEY (job, work, generation)
) WITHOUT ROWID;
CREATE INDEX leases_until ON leases (until);
CREATE INDEX leases_worker ON leases (worker);

-- Who failed at a task of a job that has not ended, in order.
CREATE TABLE failures (
    job    BLOB NOT NULL,
    work   INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    fault  INTEGER NOT NULL CHECK (fault BETWEEN 0 AND 3), -- program, worker, lost, bad result
    PRIMARY KEY (job, work, place)
) WITHOUT ROWID;

-- Everybody who ever took tasks. A name belongs to its latest row.
CREATE TABLE workers (
    worker      INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    engine      TEXT NOT NULL,
    device      TEXT NOT NULL,
    slots       INTEGER NOT NULL,
    memory_mib  INTEGER NOT NULL,
    gpu_mib     INTEGER NOT NULL,
    disk_mib    INTEGER NOT NULL,
    bytes_per_s INTEGER NOT NULL,
    began       INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3), -- takes tasks, drains, quarantined, replaced
    made        INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    refused     INTEGER NOT NULL                 -- results that were none, and words under leases that do not stand
);
CREATE INDEX workers_name ON workers (name, worker);

-- Jobs that have ended, and what came of them.
CREATE TABLE ended (
    job       BLOB PRIMARY KEY,
    engine    TEXT NOT NULL,
    proof     TEXT NOT NULL,
    program   BLOB NOT NULL,
    input     BLOB NOT NULL,
    tenant    TEXT NOT NULL,
    submitted INTEGER NOT NULL,
    ended     INTEGER NOT NULL,
    outcome   INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 2), -- proven, failed, cancelled
    segments  INTEGER,
    cycles    INTEGER NOT NULL,
    output    BLOB,                          -- the proof
    reason    TEXT,                           -- why there is none
    retryable INTEGER NOT NULL                   -- whether another attempt could end differently
);
CREATE INDEX ended_when ON ended (ended);

-- Results of jobs that ended without a proof, by the content of the task: another attempt begins with them.
CREATE TABLE results (
    name         BLOB PRIMARY KEY,
    engine       TEXT NOT NULL,
    program      BLOB NOT NULL,
    input        BLOB NOT NULL,
    output       BLOB NOT NULL,
    output_bytes INTEGER NOT NULL,
    kept         INTEGER NOT NULL
);
CREATE INDEX results_of ON results (engine, program, input);

-- Artifacts that an ended job has left and none has named since. They are removed while no job of the same origin is open.
CREATE TABLE garbage (
    artifact BLOB PRIMARY KEY,
    engine   TEXT NOT NULL,
    program  BLOB NOT NULL,
    input    BLOB NOT NULL,
    doomed   INTEGER NOT NULL CHECK (doomed BETWEEN 0 AND 1) -- whether its removal has begun: nobody may name it before the end
);
CREATE INDEX garbage_doomed ON garbage (artifact) WHERE doomed = 1;

-- What happened, in order: what people and programs watch, and what durations are learned from.
CREATE TABLE events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    job     BLOB NOT NULL,
    what    TEXT NOT NULL,
    work    INTEGER,
    worker  INTEGER,
    begun   INTEGER,
    cycles  INTEGER NOT NULL,
    note    TEXT NOT NULL
);
CREATE INDEX events_job ON events (job, seq);

-- How each proof system makes one proof of several, as its workers say.
CREATE TABLE engines (
    engine     TEXT NOT NULL,
    proof      TEXT NOT NULL CHECK (proof IN ('composite', 'compressed')),
    leaf_arity INTEGER NOT NULL,
    arity      INTEGER NOT NULL,
    levels_min INTEGER NOT NULL,
    PRIMARY KEY (engine, proof)
);
