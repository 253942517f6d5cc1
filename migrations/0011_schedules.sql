-- Up to which slot each schedule of a municipality has come, in milliseconds since 1970. What a slot made is claimed by its
-- name in `tenant_notices`, in the transaction that moves `last_slot`.
CREATE TABLE schedules (
    tenant TEXT NOT NULL,
    schedule TEXT NOT NULL,
    last_slot BIGINT NOT NULL,
    PRIMARY KEY (tenant, schedule)
);
