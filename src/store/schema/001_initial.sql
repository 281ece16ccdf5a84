-- Call detail records. One index only (the id's): it is time-ordered, so new rows go to its end and "newest first" is a walk
-- backwards. Stamps are microseconds since 1970 (UTC), NULL: never; numbers NULL: not known.
CREATE TABLE cdrs (
  id TEXT PRIMARY KEY,
  state TEXT,
  caller TEXT,
  callee TEXT,
  caller_out TEXT,
  callee_out TEXT,
  caller_device TEXT,
  callee_device TEXT,
  caller_address TEXT,
  callee_address TEXT,
  caller_call_id TEXT,
  callee_call_id TEXT,
  started_at INTEGER,
  ringing_at INTEGER,
  answered_at INTEGER,
  ended_at INTEGER,
  pdd_ms INTEGER,
  setup_ms INTEGER,
  hold_time_ms INTEGER,
  fee_time_s INTEGER,
  end_direction TEXT,
  end_reason TEXT,
  end_cause TEXT,
  end_text TEXT,
  sip_status INTEGER,
  q850_cause INTEGER,
  explanation TEXT,
  last_alive_at INTEGER,
  last_alive_by TEXT,
  caller_timer_interval_s INTEGER,
  caller_timer_refresher TEXT,
  caller_timer_method TEXT,
  caller_timer_refreshes INTEGER,
  callee_timer_interval_s INTEGER,
  callee_timer_refresher TEXT,
  callee_timer_method TEXT,
  callee_timer_refreshes INTEGER
);

-- Phones, gateways, parameters, tokens and settings, each a JSON document, with who changed it last and when.
CREATE TABLE objects (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;
