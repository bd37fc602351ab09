-- Runs that were pruned, so that their numbers are never used again and their traces can be found.
CREATE TABLE pruned (
  run_id    INTEGER PRIMARY KEY,
  archive   TEXT,
  pruned_at TEXT NOT NULL
) STRICT;
