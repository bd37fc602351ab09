-- Each time that a run's result was brought into a branch of the user's. A projection of the events.
CREATE TABLE applications (
  run_id      INTEGER NOT NULL REFERENCES runs (id),
  id          INTEGER NOT NULL,
  branch      TEXT    NOT NULL,
  way         TEXT    NOT NULL CHECK (way IN ('fast_forward', 'merge')),
  from_commit TEXT    NOT NULL,
  to_commit   TEXT    NOT NULL,
  files       INTEGER NOT NULL,
  status      TEXT    NOT NULL CHECK (status IN ('applying', 'applied', 'undoing', 'undone', 'given_up')),
  started_at  TEXT    NOT NULL,
  applied_at  TEXT,
  undone_at   TEXT,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;
