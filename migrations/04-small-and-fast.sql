-- What a run has used, summed up beside it, so that a list of runs reads no tapes.
ALTER TABLE runs ADD COLUMN model_calls         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN input_tokens        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN cached_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN output_tokens       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN reasoning_tokens    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN cost_usd            REAL    NOT NULL DEFAULT 0;
UPDATE runs
SET (model_calls, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_usd) =
  (SELECT count(*), coalesce(sum(input_tokens), 0), coalesce(sum(cached_input_tokens), 0),
          coalesce(sum(output_tokens), 0), coalesce(sum(reasoning_tokens), 0), total(cost_usd)
   FROM tape WHERE tape.run_id = runs.id AND kind = 'model' AND answer IS NOT NULL);

-- The addresses stand in the events that begin executions; answers in the form of the agent contract
-- are read off the events that end them.
ALTER TABLE executions DROP COLUMN brief;
ALTER TABLE executions DROP COLUMN report;

-- The number of an event needs no memory of its own: runs and their events are counted already.
CREATE TABLE log (
  id         INTEGER PRIMARY KEY,
  run_id     INTEGER NOT NULL,
  seq        INTEGER NOT NULL CHECK (seq > 0),
  type       TEXT    NOT NULL,
  payload    TEXT    NOT NULL CHECK (json_valid(payload)),
  created_at TEXT    NOT NULL,
  UNIQUE (run_id, seq)
) STRICT;
INSERT INTO log SELECT id, run_id, seq, type, payload, created_at FROM events;
DROP TABLE events;
ALTER TABLE log RENAME TO events;

-- A third codec: deflate that has a dictionary to refer to. Addresses are kept as their bytes.
CREATE TABLE texts (
  hash    BLOB    NOT NULL UNIQUE,
  size    INTEGER NOT NULL,
  codec   INTEGER NOT NULL CHECK (codec IN (0, 1, 2)),
  content BLOB    NOT NULL
) STRICT;
INSERT INTO texts (hash, size, codec, content) SELECT unhex(hash), size, codec, content FROM blobs;
DROP TABLE blobs;
ALTER TABLE texts RENAME TO blobs;

-- Every change of state would move an entry, for the sake of lists that can look at each run.
DROP INDEX runs_by_state;
DROP INDEX runs_recoverable;

-- An option that is off is not written any more.
UPDATE runs SET metadata = json_remove(metadata, '$.options.require_green') WHERE json_extract(metadata, '$.options.require_green') = 0;
UPDATE runs SET metadata = json_remove(metadata, '$.options.unverified') WHERE json_extract(metadata, '$.options.unverified') = 0;
UPDATE runs SET metadata = json_remove(metadata, '$.options.yes') WHERE json_extract(metadata, '$.options.yes') = 0;
UPDATE runs SET metadata = json_remove(metadata, '$.options.continue_on_step_failure') WHERE json_extract(metadata, '$.options.continue_on_step_failure') = 0;
