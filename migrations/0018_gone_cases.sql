-- Cases that were removed because a full load left them out: since when they are gone. What is left of one is purged only after it
-- has been gone for as long as closed cases are kept. `through`: the last day of which anything was known where it was closed; NULL:
-- it was not, or nobody knows. A case that comes back leaves the table.
CREATE TABLE gone_cases (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    gone_at BIGINT NOT NULL,
    through TEXT,
    PRIMARY KEY (tenant, case_id)
);
CREATE INDEX gone_cases_by_time ON gone_cases (tenant, gone_at);

-- The last day of which anything is known of a closed case; NULL: it is not closed, or not planned since this column is there.
ALTER TABLE agenda ADD COLUMN closed_through TEXT;
UPDATE agenda SET generation = -1;

-- Whose words a purge takes out.
CREATE INDEX access_log_by_subject ON access_log (tenant, subject, number);
