-- An entry without a place in the chain is written by an older program that still runs, or by hand: it is refused.
CREATE FUNCTION audit_chained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number < 1 THEN
        RAISE EXCEPTION 'the audit trail takes no entry without a place: install the newer fristvakt'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER audit_chained BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_chained();
