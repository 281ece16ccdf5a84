-- CDR files (src/store/record_files.c): what stands in which file is decided here before the file is written, so that whoever is
-- killed in between writes the same file again.
CREATE TABLE cdr_files (
  name TEXT PRIMARY KEY,
  columns TEXT NOT NULL,
  with_unanswered INTEGER NOT NULL,
  is_written INTEGER NOT NULL
) WITHOUT ROWID;

-- From which day's database (`salt` tells it from another of that name) a file has the records behind the one number up to the
-- other. Name '': those that are in no file, because files were off.
CREATE TABLE cdr_file_parts (
  name TEXT NOT NULL,
  day TEXT NOT NULL,
  salt INTEGER NOT NULL,
  after_number INTEGER NOT NULL,
  last_number INTEGER NOT NULL,
  PRIMARY KEY (name, day, salt)
) WITHOUT ROWID;
CREATE INDEX cdr_file_parts_by_day ON cdr_file_parts (day, salt, last_number);

-- The hour that is going on ("2026112213"), one row; none: files are off.
CREATE TABLE cdr_file_hour (hour TEXT NOT NULL);
