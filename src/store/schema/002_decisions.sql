-- What decided that a call ended: caller or callee, the timer, and the message ("481 to UPDATE").
ALTER TABLE cdrs ADD COLUMN end_leg TEXT;
ALTER TABLE cdrs ADD COLUMN end_timer TEXT;
ALTER TABLE cdrs ADD COLUMN end_message TEXT;
