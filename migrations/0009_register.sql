-- The register's whole life. A deviation is what the facts say (`facts_…`) under what a person decided about it; `closed_at`
-- and `closed_as` are what follows from both and are what lists show. One decision stands at a time: an explanation
-- (`explained_at`) or a withdrawal (`withdrawn_at`); earlier ones are in the audit trail.

-- `id` is made of what names the deviation: short, lasting, and fit for a command line.
ALTER TABLE deviations ADD COLUMN id TEXT NOT NULL DEFAULT '';
-- 1: no message at all leaves for the case.
ALTER TABLE deviations ADD COLUMN protected BIGINT NOT NULL DEFAULT 0;
-- `facts_closed_as`: met_late | withdrawn; `facts_reason`: why there was no lapse, a word.
ALTER TABLE deviations ADD COLUMN facts_closed_at BIGINT;
ALTER TABLE deviations ADD COLUMN facts_closed_as TEXT;
ALTER TABLE deviations ADD COLUMN facts_reason TEXT;
ALTER TABLE deviations ADD COLUMN cause_code TEXT;
ALTER TABLE deviations ADD COLUMN action_due TEXT;
ALTER TABLE deviations ADD COLUMN explained_at BIGINT;
ALTER TABLE deviations ADD COLUMN withdrawn_at BIGINT;
ALTER TABLE deviations ADD COLUMN withdrawn_by TEXT;
ALTER TABLE deviations ADD COLUMN withdrawn_reason TEXT;
-- When a person last took a decision back.
ALTER TABLE deviations ADD COLUMN reopened_at BIGINT;
ALTER TABLE deviations ADD COLUMN reopened_by TEXT;

UPDATE deviations SET facts_closed_at = closed_at, facts_closed_as = closed_as WHERE explained_by IS NULL;
UPDATE deviations SET explained_at = closed_at WHERE explained_by IS NOT NULL AND closed_as = 'explained';
UPDATE deviations SET withdrawn_at = closed_at, withdrawn_by = explained_by, withdrawn_reason = cause,
    explained_by = NULL, cause = NULL, action = NULL
    WHERE explained_by IS NOT NULL AND closed_as = 'withdrawn' AND action = '';
UPDATE deviations SET explained_at = closed_at, facts_closed_at = closed_at, facts_closed_as = closed_as
    WHERE explained_by IS NOT NULL AND closed_as = 'withdrawn';

CREATE INDEX deviations_by_id ON deviations (id);

-- What happened to a deviation, in order; `number` counts within the obligation. Only ever added to. `closed_as` is how it
-- stood afterwards, NULL: open. `author` and `entry` (of the audit trail) where a person did it. `told`: 0 until webhooks
-- were given it, or were found not to want it.
CREATE TABLE deviation_events (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    start TEXT NOT NULL,
    number BIGINT NOT NULL,
    lapse BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    closed_as TEXT,
    unit TEXT,
    due_on TEXT NOT NULL,
    days_late BIGINT NOT NULL,
    cause_code TEXT,
    author TEXT,
    entry BIGINT,
    told BIGINT NOT NULL,
    PRIMARY KEY (tenant, case_id, rule, start, number)
);
CREATE INDEX deviation_events_untold ON deviation_events (tenant, case_id, rule, start, number) WHERE told = 0;

INSERT INTO deviation_events (tenant, case_id, rule, start, number, lapse, kind, at, made_at, closed_as, unit, due_on,
        days_late, cause_code, author, entry, told)
    SELECT tenant, case_id, rule, start, number * 2 + 1, number, 'opened', opened_at, opened_at, NULL, unit, due_on,
        0, NULL, NULL, NULL, 1 FROM deviations;
INSERT INTO deviation_events (tenant, case_id, rule, start, number, lapse, kind, at, made_at, closed_as, unit, due_on,
        days_late, cause_code, author, entry, told)
    SELECT tenant, case_id, rule, start, number * 2 + 2, number, closed_as, closed_at, closed_at, closed_as, unit, due_on,
        0, NULL, coalesce(explained_by, withdrawn_by), NULL, 1 FROM deviations WHERE closed_as IS NOT NULL;

-- The audit trail is a chain: `number` counts within the municipality from 1, and `hash` is made of the entry and of the hash
-- before it. `via`: by which way it came, such as the name of a token. `details`: what was decided, as JSON.
ALTER TABLE audit ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN via TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX audit_by_number ON audit (tenant, number) WHERE number > 0;

-- Messages about one obligation that must not overtake one another on a channel.
ALTER TABLE messages ADD COLUMN lane TEXT;
ALTER TABLE messages ADD COLUMN lane_place BIGINT;
CREATE INDEX messages_in_lane ON messages (channel, tenant, lane, lane_place)
    WHERE lane IS NOT NULL AND state IN ('pending', 'claimed', 'committing', 'held');

-- What is derived is written once more, with the new columns.
UPDATE agenda SET generation = -1, digest = 0;
