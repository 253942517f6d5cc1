-- What fristvakt may see of the case system: a view for each record type, and nothing else. No child's name, no free
-- text; the columns are called as those of fristvakt's CSV facts.
--
-- Give these views, and no tables, to the role with which fristvakt logs in.
--
-- `changed_at` is what polling goes by. It has to grow whenever anything in the row changes, so an event takes over the
-- change of its case: a case that comes into sight later brings its events with it.
--
-- The same text runs on SQLite, PostgreSQL, MariaDB and MySQL (these two with sql_mode = 'ANSI').

CREATE VIEW fristvakt_tenant AS
SELECT 'fjordvik' AS id,
       'Fjordvik kommune' AS name,
       'tromso' AS packs,
       'kari' AS coordinator,
       'postmottak@fjordvik.example' AS fallback,
       'fjordvik.example' AS mail_domains,
       'https://samspill.fjordvik.example/sak/{ref}' AS case_url;

CREATE VIEW fristvakt_unit AS
SELECT enhet_id AS id, navn AS name, type AS unit_type, overordnet AS parent, leder AS leader, postmottak AS email
FROM enhet
WHERE nedlagt IS NULL;

CREATE VIEW fristvakt_person AS
SELECT ansatt.ansatt_id AS id,
       ansatt.navn AS name,
       ansatt.epost AS email,
       ansatt.enhet_id AS unit,
       fravar.fra AS "absent.from",
       fravar.til AS "absent.to",
       fravar.vikar AS "absent.deputy"
FROM ansatt LEFT JOIN fravar ON fravar.ansatt_id = ansatt.ansatt_id
WHERE ansatt.sluttet IS NULL;

CREATE VIEW fristvakt_case AS
SELECT sak_id AS id,
       saksnummer AS ref,
       niva AS level,
       enhet_id AS unit,
       stafettholder,
       opprettet_av AS initiator,
       adressesperre AS protected,
       skolemiljo AS "attributes.school_environment",
       fodt AS "attributes.born_on",
       endret AS changed_at
FROM sak;

-- What happened, from three tables. An id has to be unique within its case: hence the letters before it. What was
-- called off or entered by mistake is revoked, not left out: a row that only vanishes is nothing that changed.
CREATE VIEW fristvakt_event AS
SELECT sak.sak_id AS "case",
       'mp' || mote.mote_id AS id,
       'evaluation_planned' AS kind,
       NULL AS "on",
       mote.registrert AS "at",
       mote.registrert AS recorded_at,
       mote.avlyst AS revoked,
       NULL AS "attributes.outcome",
       mote.planlagt AS "attributes.planned_for",
       CASE WHEN sak.endret > mote.endret THEN sak.endret ELSE mote.endret END AS changed_at
FROM mote JOIN sak ON sak.sak_id = mote.sak_id
WHERE mote.motetype = 'evaluering' AND mote.planlagt IS NOT NULL
UNION ALL
SELECT sak.sak_id,
       'v' || beslutning.beslutning_id,
       'decision_made',
       beslutning.dato,
       NULL,
       beslutning.registrert,
       beslutning.feilregistrert,
       CASE beslutning.utfall WHEN 'avslutt' THEN 'close' ELSE 'continue' END,
       NULL,
       CASE WHEN sak.endret > beslutning.endret THEN sak.endret ELSE beslutning.endret END
FROM beslutning JOIN sak ON sak.sak_id = beslutning.sak_id
UNION ALL
SELECT sak.sak_id,
       'b' || bekymring.bekymring_id,
       'concern_raised',
       bekymring.dato,
       NULL,
       bekymring.registrert,
       FALSE,
       NULL,
       NULL,
       CASE WHEN sak.endret > bekymring.endret THEN sak.endret ELSE bekymring.endret END
FROM bekymring JOIN sak ON sak.sak_id = bekymring.sak_id
UNION ALL
SELECT sak.sak_id,
       'm' || mote.mote_id,
       CASE mote.motetype
           WHEN 'samtale' THEN 'conversation_held'
           WHEN 'evaluering' THEN 'evaluation_held'
           ELSE 'cooperation_meeting_held'
       END,
       NULL,
       mote.holdt,
       mote.registrert,
       mote.avlyst,
       NULL,
       NULL,
       CASE WHEN sak.endret > mote.endret THEN sak.endret ELSE mote.endret END
FROM mote JOIN sak ON sak.sak_id = mote.sak_id
WHERE mote.holdt IS NOT NULL;
