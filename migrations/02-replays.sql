-- Runs that were forked from another one, and how they compare with it. A projection of the events.
CREATE TABLE replays (
  run_id        INTEGER PRIMARY KEY NOT NULL REFERENCES runs (id),
  source_run_id INTEGER NOT NULL,
  seq           INTEGER NOT NULL,
  phase         TEXT    NOT NULL,
  mode          TEXT    NOT NULL CHECK (mode IN ('live', 'offline', 'recorded')),
  executions    INTEGER NOT NULL,
  result        TEXT    CHECK (result IN ('equal', 'diverged')),
  divergence    TEXT    CHECK (json_valid(divergence)),
  notes         TEXT    CHECK (json_valid(notes)),
  created_at    TEXT    NOT NULL
) STRICT;
CREATE INDEX replays_by_source ON replays (source_run_id);
