-- An entry without a place in the chain is written by an older program, or by hand: it is refused.
CREATE TRIGGER audit_chained BEFORE INSERT ON audit WHEN NEW.number < 1
BEGIN
    SELECT RAISE(ABORT, 'the audit trail takes no entry without a place: install the newer fristvakt');
END;
