-- Messages that wait for a person are counted at every look at the metrics; without this, all messages ever would be.
CREATE INDEX messages_set_aside ON messages (state, channel) WHERE state IN ('held', 'dead');
