-- What models cost, how they do, and what they said byte by byte.

-- The UTC day (since 1970-01-01) on which a model call was reserved, so that it is settled there.
ALTER TABLE tape ADD COLUMN day INTEGER;

-- What went over the wire for a model call, in order. `head` is JSON: the headers that matter and the
-- times; `received` holds the bytes of the answer, keys taken out, as a codec byte (0 = as they are, 1 and 2
-- as in `blobs`) and the rest.
CREATE TABLE exchanges (
  run_id       INTEGER NOT NULL,
  execution_id INTEGER NOT NULL,
  ordinal      INTEGER NOT NULL,
  number       INTEGER NOT NULL CHECK (number > 0),
  status       INTEGER,
  head         TEXT    NOT NULL CHECK (json_valid(head)),
  received     BLOB    NOT NULL,
  PRIMARY KEY (run_id, execution_id, ordinal, number)
) STRICT, WITHOUT ROWID;

-- What all runs together have spent and reserved, by UTC day. Reserved in the transaction that records a
-- call's intent, settled in the one that records its answer. Pruning a run takes nothing back.
CREATE TABLE days (
  day      INTEGER PRIMARY KEY,
  attempts INTEGER NOT NULL DEFAULT 0,
  tokens   INTEGER NOT NULL DEFAULT 0,
  usd      REAL    NOT NULL DEFAULT 0,
  wall_ms  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Circuit breakers, shared by all processes on this record. Without a row a model is healthy. Times are
-- milliseconds since 1970. A probe is a claim of the run that makes it.
CREATE TABLE breakers (
  provider   TEXT    NOT NULL,
  model      TEXT    NOT NULL,
  failures   INTEGER NOT NULL,
  kind       TEXT    NOT NULL,
  open_until INTEGER NOT NULL,
  probe_run  INTEGER,
  probe_until INTEGER,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (provider, model),
  CHECK ((probe_run IS NULL) = (probe_until IS NULL))
) STRICT, WITHOUT ROWID;

-- What checks said of the work of models, one row an execution, from the run that saw it.
CREATE TABLE observations (
  run_id       INTEGER NOT NULL,
  execution_id INTEGER NOT NULL,
  model        TEXT    NOT NULL,
  agent        TEXT    NOT NULL,
  class        TEXT    NOT NULL,
  success      INTEGER NOT NULL CHECK (success IN (0, 1)),
  PRIMARY KEY (run_id, execution_id)
) STRICT, WITHOUT ROWID;

-- Where the answer to a request stands, by the hash of whom was asked what; written only where the
-- configuration lets answers be repeated.
CREATE TABLE answers (
  request      BLOB    PRIMARY KEY NOT NULL,
  run_id       INTEGER NOT NULL,
  execution_id INTEGER NOT NULL,
  ordinal      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
