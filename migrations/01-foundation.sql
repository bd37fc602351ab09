-- 'rgpt' in ASCII: tells this file from other programs' databases.
PRAGMA application_id = 1919381620;

-- The truth. ------------------------------------------------------------------------------------
-- An event's `payload` is JSON. `call` and `answer` hold JSON as TEXT or, where that is shorter, as a
-- BLOB of one codec byte (1 = raw deflate) and the compressed text.

CREATE TABLE events (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id     INTEGER NOT NULL,
  seq        INTEGER NOT NULL CHECK (seq > 0),
  type       TEXT    NOT NULL,
  payload    TEXT    NOT NULL CHECK (json_valid(payload)),
  created_at TEXT    NOT NULL,
  UNIQUE (run_id, seq)
) STRICT;

-- The columns that sums are made of come before the long ones, so that summing reads no more of a
-- row than its beginning.
CREATE TABLE tape (
  run_id              INTEGER NOT NULL,
  execution_id        INTEGER NOT NULL,
  ordinal             INTEGER NOT NULL,
  kind                TEXT    NOT NULL CHECK (kind IN ('model', 'tool', 'checks', 'commit')),
  model               TEXT,
  provider            TEXT,
  reply               INTEGER,
  reserved_tokens     INTEGER,
  reserved_usd        REAL,
  input_tokens        INTEGER,
  cached_input_tokens INTEGER,
  output_tokens       INTEGER,
  reasoning_tokens    INTEGER,
  cost_usd            REAL,
  call                ANY     NOT NULL,
  answer              ANY,
  PRIMARY KEY (run_id, execution_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
  hash    TEXT    PRIMARY KEY NOT NULL,
  size    INTEGER NOT NULL,
  codec   INTEGER NOT NULL CHECK (codec IN (0, 1)),
  content BLOB    NOT NULL
) STRICT;

CREATE TABLE interventions (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id          INTEGER NOT NULL,
  kind            TEXT    NOT NULL,
  reason          TEXT,
  action_required TEXT,
  status          TEXT    NOT NULL CHECK (status IN ('open', 'done', 'obsolete')),
  payload         TEXT,
  created_at      TEXT    NOT NULL,
  resolved_at     TEXT
) STRICT;
CREATE INDEX interventions_by_run ON interventions (run_id);

-- Files under `artifacts/`, recorded by the driver; like blobs, no event tells of them.
CREATE TABLE artifacts (
  run_id     INTEGER NOT NULL,
  name       TEXT    NOT NULL,
  path       TEXT    NOT NULL,
  type       TEXT    NOT NULL,
  size       INTEGER NOT NULL,
  hash       TEXT    NOT NULL,
  created_at TEXT    NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

-- Who drives a run. Every write of a driver checks the fence.
CREATE TABLE drivers (
  run_id     INTEGER PRIMARY KEY,
  fence      INTEGER NOT NULL,
  pid        INTEGER NOT NULL,
  host       TEXT    NOT NULL,
  started_at TEXT    NOT NULL
) STRICT;

-- Projections of the events, made again by `rgpt db rebuild`. ------------------------------------

CREATE TABLE runs (
  id               INTEGER PRIMARY KEY,
  seq              INTEGER NOT NULL,
  title            TEXT    NOT NULL,
  description      TEXT    NOT NULL,
  state            TEXT    NOT NULL,
  status           TEXT    NOT NULL,
  phase            TEXT,
  parent_run_id    INTEGER,
  retry_count      INTEGER NOT NULL,
  max_retries      INTEGER NOT NULL,
  heal_count       INTEGER NOT NULL,
  max_heals        INTEGER NOT NULL,
  last_heal_action TEXT,
  quality_score    REAL,
  stop_reason      TEXT,
  verified         INTEGER NOT NULL CHECK (verified IN (0, 1)),
  metadata         TEXT    NOT NULL,
  branch           TEXT,
  base_commit      TEXT    NOT NULL,
  "commit"         TEXT,
  tree             TEXT    NOT NULL,
  created_at       TEXT    NOT NULL,
  started_at       TEXT,
  updated_at       TEXT    NOT NULL,
  completed_at     TEXT
) STRICT;
CREATE INDEX runs_by_state ON runs (state, id);
CREATE INDEX runs_recoverable ON runs (id) WHERE status NOT IN ('success', 'cancelled');

CREATE TABLE phases (
  run_id      INTEGER NOT NULL REFERENCES runs (id),
  phase       TEXT    NOT NULL,
  status      TEXT    NOT NULL,
  attempts    INTEGER NOT NULL,
  retries     INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  started_at  TEXT    NOT NULL,
  PRIMARY KEY (run_id, phase)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
  run_id    INTEGER NOT NULL REFERENCES runs (id),
  id        TEXT    NOT NULL,
  position  INTEGER NOT NULL,
  name      TEXT    NOT NULL,
  critical  INTEGER NOT NULL CHECK (critical IN (0, 1)),
  status    TEXT    NOT NULL,
  attempts  INTEGER NOT NULL,
  abandoned INTEGER NOT NULL CHECK (abandoned IN (0, 1)),
  "commit"  TEXT,
  summary   TEXT,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE executions (
  run_id         INTEGER NOT NULL REFERENCES runs (id),
  id             INTEGER NOT NULL,
  phase          TEXT    NOT NULL,
  step_id        TEXT,
  attempt_number INTEGER NOT NULL,
  agent          TEXT    NOT NULL,
  agent_version  TEXT    NOT NULL,
  model          TEXT,
  prompt_version TEXT    NOT NULL,
  brief          TEXT    NOT NULL,
  tree           TEXT    NOT NULL,
  status         TEXT    NOT NULL,
  error_type     TEXT,
  error_message  TEXT,
  error_stack    TEXT,
  report         TEXT,
  started_at     TEXT    NOT NULL,
  completed_at   TEXT,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE checks (
  run_id       INTEGER NOT NULL REFERENCES runs (id),
  id           INTEGER NOT NULL,
  execution_id INTEGER NOT NULL,
  name         TEXT    NOT NULL,
  kind         TEXT    NOT NULL,
  scope        TEXT    NOT NULL,
  tree         TEXT    NOT NULL,
  command      TEXT    NOT NULL,
  exit_code    INTEGER,
  status       TEXT    NOT NULL,
  duration_ms  INTEGER NOT NULL,
  note         TEXT,
  created_at   TEXT    NOT NULL,
  PRIMARY KEY (run_id, id),
  FOREIGN KEY (run_id, execution_id) REFERENCES executions (run_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE findings (
  run_id       INTEGER NOT NULL REFERENCES runs (id),
  id           INTEGER NOT NULL,
  execution_id INTEGER NOT NULL,
  "check"      TEXT    NOT NULL,
  severity     TEXT    NOT NULL,
  category     TEXT    NOT NULL,
  message      TEXT    NOT NULL,
  location     TEXT,
  resolved     INTEGER NOT NULL CHECK (resolved IN (0, 1)),
  resolved_at  TEXT,
  created_at   TEXT    NOT NULL,
  PRIMARY KEY (run_id, id),
  FOREIGN KEY (run_id, execution_id) REFERENCES executions (run_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE self_heal (
  run_id       INTEGER NOT NULL REFERENCES runs (id),
  id           INTEGER NOT NULL,
  phase        TEXT    NOT NULL,
  execution_id INTEGER,
  error_type   TEXT    NOT NULL,
  signature    TEXT    NOT NULL,
  heal_action  TEXT    NOT NULL,
  heal_output  TEXT    NOT NULL,
  before_tree  TEXT    NOT NULL,
  after_tree   TEXT,
  verdict      TEXT    CHECK (verdict IN ('kept', 'restored')),
  tokens       INTEGER NOT NULL,
  cost         REAL    NOT NULL,
  created_at   TEXT    NOT NULL,
  PRIMARY KEY (run_id, id),
  FOREIGN KEY (run_id, execution_id) REFERENCES executions (run_id, id)
) STRICT, WITHOUT ROWID;
