-- Whether a case is protected: what the coordinator alone may see. NULL until it is planned again, and then read as
-- protected, so that nothing shows too early.
ALTER TABLE agenda ADD COLUMN protected BIGINT;
UPDATE agenda SET generation = -1;
