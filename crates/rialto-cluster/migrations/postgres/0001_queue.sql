-- Jobs that have not ended, with everything that their tasks share.
CREATE TABLE jobs (
    job           BYTEA PRIMARY KEY,          -- what is proven, by content
    engine        TEXT NOT NULL,              -- the proof system and its parameters
    proof         TEXT NOT NULL CHECK (proof IN ('composite', 'compressed')),
    program       BYTEA NOT NULL,
    program_bytes BIGINT NOT NULL,
    input         BYTEA NOT NULL,
    input_bytes   BIGINT NOT NULL,
    journal       BYTEA,                       -- what the program said, once it has
    cycles_max    BIGINT NOT NULL,
    memory_max    BIGINT NOT NULL,
    journal_max   BIGINT NOT NULL,
    leaf_arity    BIGINT NOT NULL CHECK (leaf_arity > 0),
    arity         BIGINT NOT NULL CHECK (arity > 1),
    levels_min    BIGINT NOT NULL CHECK (levels_min > 0),
    segments_max  BIGINT NOT NULL CHECK (segments_max > 0),
    tenant        TEXT NOT NULL,
    due           BIGINT NOT NULL,              -- milliseconds since 1970, like every instant here
    value         BYTEA NOT NULL,             -- wei, 32 bytes, big endian: sorts as it counts
    submitted     BIGINT NOT NULL,
    resumes       BIGINT NOT NULL,              -- whether results of an earlier attempt are kept
    found         BIGINT NOT NULL,              -- segments known so far
    segments      BIGINT,                       -- how many there are, once the execution has ended
    cycles        BIGINT NOT NULL,              -- instructions in those that were found
    proven        BIGINT NOT NULL,              -- segments that have a proof
    cycles_proven BIGINT NOT NULL,
    ready         BIGINT NOT NULL CHECK (ready >= 0) -- tasks that can begin
);
CREATE INDEX jobs_waiting ON jobs (engine, tenant, due, job) WHERE ready > 0;

-- Those of their tasks that are known. `work` is coded so that it sorts: execute, proofs, joins by level, verify.
CREATE TABLE tasks (
    job          BYTEA NOT NULL,
    work         BIGINT NOT NULL,
    turn         BIGINT NOT NULL,               -- 0 before 1: what is joined need not be kept
    state        BIGINT NOT NULL CHECK (state BETWEEN 0 AND 4), -- waiting, ready, leased, done, quarantined
    missing      BIGINT NOT NULL,               -- inputs that a waiting task has not
    not_before   BIGINT NOT NULL,               -- when a ready one can begin
    generation   BIGINT NOT NULL,               -- leases so far
    failures     BIGINT NOT NULL,
    cycles       BIGINT NOT NULL,               -- instructions in a segment
    page         BYTEA,                       -- the artifact that holds a segment
    page_bytes   BIGINT NOT NULL,
    output       BYTEA,                       -- the artifact that a done one made
    output_bytes BIGINT NOT NULL,
    PRIMARY KEY (job, work)
);
CREATE INDEX tasks_ready ON tasks (job, turn, work) WHERE state = 1;
CREATE INDEX tasks_paused ON tasks (not_before) WHERE state = 1 AND failures > 0;

-- Leases that stand: at most two of a task.
CREATE TABLE leases (
    job        BYTEA NOT NULL,
    work       BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    worker     BIGINT NOT NULL,
    begun      BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    PRIMARY KEY (job, work, generation)
);
CREATE INDEX leases_until ON leases (until);
CREATE INDEX leases_worker ON leases (worker);

-- Who failed at a task of a job that has not ended, in order.
CREATE TABLE failures (
    job    BYTEA NOT NULL,
    work   BIGINT NOT NULL,
    place  BIGINT NOT NULL,
    worker BIGINT NOT NULL,
    fault  BIGINT NOT NULL CHECK (fault BETWEEN 0 AND 3), -- program, worker, lost, bad result
    PRIMARY KEY (job, work, place)
);

-- Everybody who ever took tasks. A name belongs to its latest row.
CREATE TABLE workers (
    worker      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    engine      TEXT NOT NULL,
    device      TEXT NOT NULL,
    slots       BIGINT NOT NULL,
    memory_mib  BIGINT NOT NULL,
    gpu_mib     BIGINT NOT NULL,
    disk_mib    BIGINT NOT NULL,
    bytes_per_s BIGINT NOT NULL,
    began       BIGINT NOT NULL,
    seen        BIGINT NOT NULL,
    state       BIGINT NOT NULL CHECK (state BETWEEN 0 AND 3), -- takes tasks, drains, quarantined, replaced
    made        BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    refused     BIGINT NOT NULL                 -- results that were none, and words under leases that do not stand
);
CREATE INDEX workers_name ON workers (name, worker);

-- Jobs that have ended, and what came of them.
CREATE TABLE ended (
    job       BYTEA PRIMARY KEY,
    engine    TEXT NOT NULL,
    proof     TEXT NOT NULL,
    program   BYTEA NOT NULL,
    input     BYTEA NOT NULL,
    tenant    TEXT NOT NULL,
    submitted BIGINT NOT NULL,
    ended     BIGINT NOT NULL,
    outcome   BIGINT NOT NULL CHECK (outcome BETWEEN 0 AND 2), -- proven, failed, cancelled
    segments  BIGINT,
    cycles    BIGINT NOT NULL,
    output    BYTEA,                          -- the proof
    reason    TEXT,                           -- why there is none
    retryable BIGINT NOT NULL                   -- whether another attempt could end differently
);
CREATE INDEX ended_when ON ended (ended);

-- Results of jobs that ended without a proof, by the content of the task: another attempt begins with them.
CREATE TABLE results (
    name         BYTEA PRIMARY KEY,
    engine       TEXT NOT NULL,
    program      BYTEA NOT NULL,
    input        BYTEA NOT NULL,
    output       BYTEA NOT NULL,
    output_bytes BIGINT NOT NULL,
    kept         BIGINT NOT NULL
);
CREATE INDEX results_of ON results (engine, program, input);

-- Artifacts that an ended job has left and none has named since. They are removed while no job of the same origin is open.
CREATE TABLE garbage (
    artifact BYTEA PRIMARY KEY,
    engine   TEXT NOT NULL,
    program  BYTEA NOT NULL,
    input    BYTEA NOT NULL,
    doomed   BIGINT NOT NULL CHECK (doomed BETWEEN 0 AND 1) -- whether its removal has begun: nobody may name it before the end
);
CREATE INDEX garbage_doomed ON garbage (artifact) WHERE doomed = 1;

-- What happened, in order: what people and programs watch, and what durations are learned from.
CREATE TABLE events (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    job     BYTEA NOT NULL,
    what    TEXT NOT NULL,
    work    BIGINT,
    worker  BIGINT,
    begun   BIGINT,
    cycles  BIGINT NOT NULL,
    note    TEXT NOT NULL
);
CREATE INDEX events_job ON events (job, seq);

-- How each proof system makes one proof of several, as its workers say.
CREATE TABLE engines (
    engine     TEXT NOT NULL,
    proof      TEXT NOT NULL CHECK (proof IN ('composite', 'compressed')),
    leaf_arity BIGINT NOT NULL,
    arity      BIGINT NOT NULL,
    levels_min BIGINT NOT NULL,
    PRIMARY KEY (engine, proof)
);
