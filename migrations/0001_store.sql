-- The whole store. TEXT and BIGINT only, so that one SQL text serves SQLite and PostgreSQL: instants are milliseconds
-- since 1970 (UTC), civil dates are ISO text, truth values are 0 and 1.

-- Single values, such as the fingerprint of the rules that the last plans were made with.
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Ground state: facts ------------------------------------------------------------------------------------------------

-- What is known of a municipality besides its facts. `generation` grows with every change that may concern all cases.
CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    first_recorded_at BIGINT,
    last_round TEXT
);

-- Tenant, unit and person records, every version of them, as the lines they came in.
CREATE TABLE records (
    tenant TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    fact TEXT NOT NULL,
    PRIMARY KEY (tenant, type, id, version)
);

-- A case's records and events as one document. `version` grows with every change of it.
CREATE TABLE cases (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    ref TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX cases_by_ref ON cases (tenant, ref);

-- When each case is to be planned again: when `next_at` has come, or where it was planned in an older generation than
-- the tenant's. -1: its facts changed. `digest` tells whether the derived rows below are already right.
CREATE TABLE agenda (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    next_at BIGINT,
    digest BIGINT NOT NULL,
    PRIMARY KEY (tenant, case_id)
);
CREATE INDEX agenda_by_time ON agenda (tenant, next_at);
CREATE INDEX agenda_by_generation ON agenda (tenant, generation);

-- Records that could not be used, and why. They stop nothing else.
CREATE TABLE quarantine (
    tenant TEXT NOT NULL,
    record TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, record)
);

-- Derived from facts; thrown away and written again at will -----------------------------------------------------------

-- `status` is never `overdue`: that is `running` or `waiting` whose `due_at` has come.
CREATE TABLE obligations (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    start TEXT NOT NULL,
    ref TEXT NOT NULL,
    code TEXT NOT NULL,
    unit TEXT,
    responsible TEXT NOT NULL,
    starts_on TEXT NOT NULL,
    due_on TEXT,
    due_at BIGINT,
    status TEXT NOT NULL,
    void TEXT,
    met_on TEXT,
    PRIMARY KEY (tenant, case_id, rule, start)
);
CREATE INDEX obligations_by_due ON obligations (tenant, due_on);

-- What a person should mend, found while planning a case.
CREATE TABLE problems (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    ref TEXT NOT NULL,
    kind TEXT NOT NULL,
    role TEXT,
    whom TEXT,
    event TEXT,
    PRIMARY KEY (tenant, case_id, number)
);

-- Ground state: what we did -------------------------------------------------------------------------------------------

-- The ledger: what became of each step, repetition and role for one due date. `outcome` sent | overtaken | merged;
-- `state` of a sent one: pending | committing | sent | withdrawn | shadow, of the others: done.
CREATE TABLE notices (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    start TEXT NOT NULL,
    step TEXT NOT NULL,
    repetition BIGINT NOT NULL,
    due_on TEXT NOT NULL,
    role TEXT NOT NULL,
    channel TEXT NOT NULL,
    ref TEXT NOT NULL,
    position BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    outcome TEXT NOT NULL,
    recipient TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    message TEXT,
    handled_on TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, case_id, rule, start, step, repetition, due_on, role, channel)
);
CREATE INDEX notices_by_message ON notices (message);

-- The register (avvik). Never deleted.
CREATE TABLE deviations (
    tenant TEXT NOT NULL,
    case_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    start TEXT NOT NULL,
    number BIGINT NOT NULL,
    ref TEXT NOT NULL,
    code TEXT NOT NULL,
    cite TEXT,
    unit TEXT,
    responsible TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    due_on TEXT NOT NULL,
    late_until TEXT,
    closed_at BIGINT,
    closed_as TEXT,
    cause TEXT,
    action TEXT,
    explained_by TEXT,
    PRIMARY KEY (tenant, case_id, rule, start, number)
);
CREATE INDEX deviations_by_opening ON deviations (tenant, opened_at);

-- The outbox. One message per recipient, channel and round; urgent ones have the moment they were made as `slot`.
-- `state`: gathering | pending | claimed | committing | sent | withdrawn | held | dead.
CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    recipient TEXT NOT NULL,
    channel TEXT NOT NULL,
    slot BIGINT NOT NULL,
    urgent BIGINT NOT NULL,
    escalation BIGINT NOT NULL,
    subject TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    possible_repeat BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    attempt TEXT,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX messages_gathering ON messages (tenant, recipient, channel, slot) WHERE state = 'gathering';
CREATE INDEX messages_due ON messages (escalation DESC, created_at, id) WHERE state = 'pending';
CREATE INDEX messages_by_try ON messages (next_try_at) WHERE state = 'pending';
CREATE INDEX messages_in_flight ON messages (attempt) WHERE attempt IS NOT NULL;
CREATE INDEX messages_by_tenant ON messages (tenant, created_at);

-- Every try to send a message. `phase`: claimed | committing | accepted | failed | unknown | withdrawn.
CREATE TABLE attempts (
    id TEXT NOT NULL PRIMARY KEY,
    message TEXT NOT NULL,
    phase TEXT NOT NULL,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    class TEXT,
    code TEXT
);
CREATE INDEX attempts_by_message ON attempts (message);
CREATE INDEX attempts_open ON attempts (owner) WHERE phase IN ('claimed', 'committing');

-- What is told to a municipality once, such as a routine that should have been revised.
CREATE TABLE tenant_notices (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- What people did. Append-only.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (tenant, at);
