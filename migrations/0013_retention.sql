-- Retention. A case that was closed long ago goes with everything about it; what is counted of it stays without it.

-- Which cases went, so that nobody brings them back unseen. `name`: a keyed hash of the case's id. `through`: the last day of
-- which anything was known; only what happens after it makes the case live again.
CREATE TABLE purged_cases (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    through TEXT NOT NULL,
    purged_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- What a report counts of their deviations: of which rule and unit, and on which days. No case, nobody's words, and nothing that
-- joins two of them. `id` is random. Instants are the first of their local day.
CREATE TABLE purged_deviations (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    rule TEXT NOT NULL,
    code TEXT NOT NULL,
    cite TEXT,
    unit TEXT,
    responsible TEXT NOT NULL,
    protected BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    due_on TEXT NOT NULL,
    late_until TEXT,
    escalated_at BIGINT,
    escalated_to TEXT,
    closed_at BIGINT NOT NULL,
    closed_as TEXT NOT NULL,
    met_late_at BIGINT,
    cause_code TEXT,
    facts_reason TEXT,
    notices_sent BIGINT NOT NULL
);
CREATE INDEX purged_deviations_by_closing ON purged_deviations (tenant, closed_at);

-- How many obligations of theirs were due on a day, as reports count them. `unit` and `due_on` are empty where there was none.
-- `last_start`: the last day on which one of them began.
CREATE TABLE purged_due (
    tenant TEXT NOT NULL,
    rule TEXT NOT NULL,
    due_on TEXT NOT NULL,
    unit TEXT NOT NULL,
    protected BIGINT NOT NULL,
    in_time BIGINT NOT NULL,
    late BIGINT NOT NULL,
    last_start TEXT NOT NULL,
    PRIMARY KEY (tenant, rule, due_on, unit, protected)
);

-- Cases that must not go, whatever their age. Rows are never deleted, so numbers are never given twice.
CREATE TABLE holds (
    number BIGINT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT,
    end_reason TEXT
);
CREATE INDEX holds_by_case ON holds (tenant, case_id);

-- An entry's words can be taken out without breaking the chain: its hash is made of `digest`, and that of the words with
-- `salt`, which goes with them. Empty: an entry of an older program, whose hash is made of the words themselves. `redacted`: 1
-- where the words are gone.
ALTER TABLE audit ADD COLUMN salt TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN redacted BIGINT NOT NULL DEFAULT 0;

-- Who looked at what: chains of their own, made like those of the audit trail.
CREATE TABLE access_log (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    number BIGINT NOT NULL,
    via TEXT NOT NULL,
    details TEXT NOT NULL,
    hash TEXT NOT NULL,
    salt TEXT NOT NULL,
    digest TEXT NOT NULL,
    redacted BIGINT NOT NULL
);
CREATE UNIQUE INDEX access_log_by_number ON access_log (tenant, number);
CREATE INDEX access_log_by_time ON access_log (tenant, at);

-- What goes with a case.
CREATE INDEX calendar_entries_by_case ON calendar_entries (tenant, case_id);
