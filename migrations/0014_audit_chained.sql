-- The last entry about something, such as a deviation.
CREATE INDEX audit_by_subject ON audit (tenant, subject, number);
