-- The ways out, as they behave: what refuses us as such is held, and probed.

-- `held_until` NULL: not held. `probes` counts the failed tries of the present hold; `accepted_at` is when a message
-- was last taken.
CREATE TABLE channels (
    name TEXT NOT NULL PRIMARY KEY,
    accepted_at BIGINT,
    held_since BIGINT,
    held_until BIGINT,
    held_code TEXT,
    probes BIGINT NOT NULL
);

-- What the outside says is wrong with our facts, such as an address that takes no mail. Ids only.
CREATE TABLE data_quality (
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    since BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (tenant, subject, kind)
);

-- Each way out has a queue of its own, so that one that is slow or held never holds another.
DROP INDEX messages_due;
DROP INDEX messages_by_try;
CREATE INDEX messages_due ON messages (channel, escalation DESC, created_at, id) WHERE state = 'pending';
CREATE INDEX messages_by_try ON messages (channel, next_try_at) WHERE state = 'pending';

-- How much somebody heard today.
CREATE INDEX messages_by_recipient ON messages (tenant, recipient, ended_at) WHERE state = 'sent';

-- What a round joins and lets go: never all messages that there ever were.
CREATE INDEX messages_open ON messages (tenant, state) WHERE state IN ('gathering', 'pending');
