-- The last attempt of a message is one step into the index: a planner without statistics went through all attempts for it.
DROP INDEX attempts_by_message;
CREATE INDEX attempts_by_message ON attempts (message, id);
