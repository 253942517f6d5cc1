-- Silences: what people have asked not to be told of, until a day. Rows are never deleted, so numbers are never given
-- twice. `covers`: case | unit | rule | person; `name`: its id, or the rule's full name.
CREATE TABLE silences (
    number BIGINT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    covers TEXT NOT NULL,
    name TEXT NOT NULL,
    until_on TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT,
    end_reason TEXT
);
CREATE INDEX silences_by_tenant ON silences (tenant, until_on);

-- Grows whenever a silence of the tenant begins or is ended by a person.
ALTER TABLE tenants ADD COLUMN silence_changes BIGINT NOT NULL DEFAULT 0;
