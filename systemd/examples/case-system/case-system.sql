-- A small case system, as a Norwegian municipality may have one: tables as its vendor made them, and a few rows.
-- Nothing here knows of fristvakt. Nobody in it exists.
--
-- The same text runs on SQLite, PostgreSQL, MariaDB and MySQL (these two with sql_mode = 'ANSI').

CREATE TABLE enhet (
    enhet_id VARCHAR(20) NOT NULL PRIMARY KEY,
    navn VARCHAR(100) NOT NULL,
    type VARCHAR(20) NOT NULL,
    overordnet VARCHAR(20),
    leder VARCHAR(20),
    postmottak VARCHAR(100),
    nedlagt DATE
);

CREATE TABLE ansatt (
    ansatt_id VARCHAR(20) NOT NULL PRIMARY KEY,
    navn VARCHAR(100) NOT NULL,
    epost VARCHAR(100),
    enhet_id VARCHAR(20),
    sluttet DATE
);

-- One time away for each employee: the present or the next one.
CREATE TABLE fravar (
    ansatt_id VARCHAR(20) NOT NULL PRIMARY KEY,
    fra DATE NOT NULL,
    til DATE,
    vikar VARCHAR(20)
);

-- `endret` is set by the case system at every change, also when a row is new.
CREATE TABLE sak (
    sak_id INTEGER NOT NULL PRIMARY KEY,
    saksnummer VARCHAR(20) NOT NULL,
    niva INTEGER NOT NULL,
    enhet_id VARCHAR(20) NOT NULL,
    stafettholder VARCHAR(20),
    opprettet_av VARCHAR(20),
    barnets_navn VARCHAR(100),
    fodt DATE,
    adressesperre BOOLEAN NOT NULL,
    skolemiljo BOOLEAN NOT NULL,
    endret TIMESTAMP NOT NULL
);

CREATE TABLE bekymring (
    bekymring_id INTEGER NOT NULL PRIMARY KEY,
    sak_id INTEGER NOT NULL,
    dato DATE NOT NULL,
    beskrivelse VARCHAR(2000),
    registrert TIMESTAMP NOT NULL,
    endret TIMESTAMP NOT NULL
);

CREATE TABLE beslutning (
    beslutning_id INTEGER NOT NULL PRIMARY KEY,
    sak_id INTEGER NOT NULL,
    dato DATE NOT NULL,
    utfall VARCHAR(20) NOT NULL,
    feilregistrert BOOLEAN NOT NULL,
    registrert TIMESTAMP NOT NULL,
    endret TIMESTAMP NOT NULL
);

-- `motetype`: samtale, evaluering, samarbeid.
CREATE TABLE mote (
    mote_id INTEGER NOT NULL PRIMARY KEY,
    sak_id INTEGER NOT NULL,
    motetype VARCHAR(20) NOT NULL,
    planlagt DATE,
    holdt TIMESTAMP,
    referat VARCHAR(2000),
    avlyst BOOLEAN NOT NULL,
    registrert TIMESTAMP NOT NULL,
    endret TIMESTAMP NOT NULL
);

INSERT INTO enhet VALUES ('oppvekst', 'Oppvekst og familie', 'department', NULL, 'kari', 'oppvekst@fjordvik.example', NULL);
INSERT INTO enhet VALUES ('strand', 'Strandskolen', 'school', 'oppvekst', 'ola', 'strandskolen@fjordvik.example', NULL);
INSERT INTO enhet VALUES ('bakken', 'Bakken barnehage', 'kindergarten', 'oppvekst', 'siri', NULL, NULL);

INSERT INTO ansatt VALUES ('kari', 'Kari Koordinator', 'kari@fjordvik.example', 'oppvekst', NULL);
INSERT INTO ansatt VALUES ('ola', 'Ola Rektor', 'ola@fjordvik.example', 'strand', NULL);
INSERT INTO ansatt VALUES ('anne', 'Anne Kontaktlærer', 'anne@fjordvik.example', 'strand', NULL);
INSERT INTO ansatt VALUES ('per', 'Per Sosiallærer', 'per@fjordvik.example', 'strand', NULL);
INSERT INTO ansatt VALUES ('siri', 'Siri Styrer', 'siri@fjordvik.example', 'bakken', NULL);

INSERT INTO fravar VALUES ('per', '2026-03-09', '2026-03-20', 'anne');

INSERT INTO sak VALUES (101, '7F3K', 0, 'strand', 'anne', 'anne', 'Barn A', '2014-05-11', FALSE, FALSE, '2026-03-02 10:15:00');
INSERT INTO sak VALUES (102, '9QX2', 0, 'bakken', 'siri', 'siri', 'Barn B', '2022-09-30', FALSE, FALSE, '2026-03-03 09:00:00');
INSERT INTO sak VALUES (103, 'M4TD', 1, 'strand', 'per', 'ola', 'Barn C', '2016-01-19', FALSE, TRUE, '2026-02-20 13:40:00');
INSERT INTO sak VALUES (104, 'ZZ8P', 1, 'strand', 'anne', 'anne', 'Barn D', '2015-11-02', TRUE, FALSE, '2026-03-02 08:05:00');

INSERT INTO bekymring VALUES (1, 101, '2026-03-02', 'Fri tekst som ingen andre skal se.', '2026-03-02 10:15:00', '2026-03-02 10:15:00');
INSERT INTO bekymring VALUES (2, 102, '2026-03-03', 'Fri tekst som ingen andre skal se.', '2026-03-03 09:00:00', '2026-03-03 09:00:00');
INSERT INTO bekymring VALUES (3, 103, '2026-02-16', 'Fri tekst som ingen andre skal se.', '2026-02-16 12:00:00', '2026-02-16 12:00:00');
INSERT INTO bekymring VALUES (4, 104, '2026-03-02', 'Fri tekst som ingen andre skal se.', '2026-03-02 08:05:00', '2026-03-02 08:05:00');

INSERT INTO beslutning VALUES (1, 103, '2026-02-20', 'videre', FALSE, '2026-02-20 13:40:00', '2026-02-20 13:40:00');
INSERT INTO beslutning VALUES (2, 102, '2026-03-06', 'avslutt', FALSE, '2026-03-06 14:20:00', '2026-03-06 14:20:00');

INSERT INTO mote VALUES (1, 101, 'samtale', NULL, '2026-03-05 14:00:00', 'Fri tekst.', FALSE, '2026-03-05 15:10:00', '2026-03-05 15:10:00');
INSERT INTO mote VALUES (2, 103, 'evaluering', '2026-03-18', NULL, NULL, FALSE, '2026-02-20 13:45:00', '2026-02-20 13:45:00');
