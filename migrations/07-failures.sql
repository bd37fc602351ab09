-- What goes wrong in runs, what has helped, and which tests are not to be trusted.

-- Every failure of a phase, one row each `<phase>.error`, by the event's place. A projection of the events.
CREATE TABLE failures (
  run_id       INTEGER NOT NULL REFERENCES runs (id),
  seq          INTEGER NOT NULL,
  phase        TEXT    NOT NULL,
  step         TEXT,
  execution_id INTEGER,
  error_type   TEXT    NOT NULL,
  origin       TEXT    NOT NULL,
  signature    TEXT    NOT NULL,
  message      TEXT    NOT NULL,
  root_cause   TEXT,
  -- The repair after which it was gone; none if none was kept.
  healed_by    INTEGER,
  -- Whether the run stands on it, or went on without the step that it is of.
  stands       INTEGER NOT NULL DEFAULT 0 CHECK (stands IN (0, 1)),
  created_at   TEXT    NOT NULL,
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX failures_by_signature ON failures (signature, run_id);

-- What became of repairs, one row each, written with the event that settles it by the run that made it. Not
-- a projection: a fork does not repeat its source's, and pruning a run takes nothing back.
CREATE TABLE outcomes (
  run_id       INTEGER NOT NULL,
  heal_id      INTEGER NOT NULL,
  phase        TEXT    NOT NULL,
  signature    TEXT    NOT NULL,
  error_type   TEXT    NOT NULL,
  -- How likely each class was held to be when the repair was chosen: JSON, `{"LOGIC_ERROR": 0.9, …}`.
  distribution TEXT    NOT NULL CHECK (json_valid(distribution)),
  action       TEXT    NOT NULL,
  success      INTEGER NOT NULL CHECK (success IN (0, 1)),
  tokens       INTEGER NOT NULL,
  cost         REAL    NOT NULL,
  cause        TEXT    NOT NULL,
  created_at   TEXT    NOT NULL,
  PRIMARY KEY (run_id, heal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcomes_by_signature ON outcomes (signature);

-- Signatures whose outcomes up to this time a person wants forgotten.
CREATE TABLE forgotten (
  signature    TEXT PRIMARY KEY NOT NULL,
  forgotten_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Tests that were shown to fail now and then whatever the change is, and until when that excuses them.
CREATE TABLE quarantine (
  check_name TEXT    NOT NULL,
  test       TEXT    NOT NULL,
  run_id     INTEGER NOT NULL,
  -- JSON: how often it ran and failed, on the changed tree and on the base.
  evidence   TEXT    NOT NULL CHECK (json_valid(evidence)),
  since      TEXT    NOT NULL,
  until      TEXT    NOT NULL,
  PRIMARY KEY (check_name, test)
) STRICT, WITHOUT ROWID;
