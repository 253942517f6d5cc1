-- What only one daemon does at a time, and that daemons live. `until_at` goes by the clock of the database. `note` of a
-- daemon: the history of the server with which its acceptance journal was compared.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    note TEXT NOT NULL DEFAULT ''
);
