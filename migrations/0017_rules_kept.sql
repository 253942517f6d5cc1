-- The rules in use, as files, by what names them: where those on disk are broken, or would send far more, they are used
-- again. `files`: a JSON list of pairs, path and text. `kept_at`: NULL, they were never in use; a person only let them go
-- (`confirmed_at`), whatever they will send.
CREATE TABLE rules_kept (
    fingerprint TEXT PRIMARY KEY,
    files TEXT,
    kept_at BIGINT,
    confirmed_at BIGINT
);
