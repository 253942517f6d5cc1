-- What is known of the databases that facts are read from, by the name that the configuration gives them.

-- `ok_at`: as of when its facts are. `failed_since` and `failure`: since when it cannot be read, and why (no values).
-- `reread_at`: when everything was last read, however old. `rules`: those that rows were last checked with.
CREATE TABLE sources (
    name TEXT NOT NULL PRIMARY KEY,
    tried_at BIGINT,
    ok_at BIGINT,
    failed_since BIGINT,
    failure TEXT,
    reread_at BIGINT,
    rules TEXT
);

-- One for each record type that a source gives. `digest` is of the query's text: another text starts over. `columns`
-- are those that it had when it was last read.
CREATE TABLE source_queries (
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    digest TEXT NOT NULL,
    columns TEXT NOT NULL,
    watermark TEXT,
    row_count BIGINT NOT NULL,
    read_at BIGINT NOT NULL,
    PRIMARY KEY (source, type)
);

-- How many rows full loads gave of a municipality. `held_count`: so few that what was missing among them is not removed.
CREATE TABLE source_counts (
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    tenant TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    held_count BIGINT,
    held_since BIGINT,
    PRIMARY KEY (source, type, tenant)
);

-- Rows that could not be taken. `watermark` says from where they have to be read again; `waits_for` what they name and
-- what is not there: a type and an id.
CREATE TABLE source_rows (
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    watermark TEXT,
    waits_for TEXT,
    PRIMARY KEY (source, type, tenant, id)
);
