-- What whoever runs the program was told by mail, so that no restart and no second daemon says it again the same day.
-- `cause` names a channel, a source or a municipality by its id; `day` is the civil day in Norway.
CREATE TABLE operator_told (
    cause TEXT NOT NULL,
    day TEXT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (cause, day)
);
