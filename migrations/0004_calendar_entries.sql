-- Which calendar entries a mail brought its recipient, and which it took back: one row a mail and obligation, written
-- when the mail is composed. Only those of mails that were sent count. Rows of mails that are repeated are replaced.
CREATE TABLE calendar_entries (
    message TEXT NOT NULL,
    tenant TEXT NOT NULL,
    recipient TEXT NOT NULL,
    case_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    rule TEXT NOT NULL,
    start TEXT NOT NULL,
    role TEXT NOT NULL,
    due_on TEXT NOT NULL,
    cancelled BIGINT NOT NULL,
    PRIMARY KEY (message, case_id, rule, start)
);
CREATE INDEX calendar_entries_by_recipient ON calendar_entries (tenant, recipient, case_id);
