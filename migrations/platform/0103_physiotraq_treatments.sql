-- PhysioTraq: treatments, their alerts and events. specs/physiotraq.md: Treatment, Event.

CREATE TABLE physiotraq.treatments (
  id                       uuid PRIMARY KEY,
  license_id               uuid NOT NULL REFERENCES physiotraq.licenses (id),
  session_identifier       text NOT NULL,        -- YYYYMMDD-HHMMSS-NNN in the licence's zone
  device_id                uuid NOT NULL,
  user_id                  uuid NOT NULL,
  patient_first_name       bytea,                -- sealed
  patient_last_name        bytea,                -- sealed
  patient_last_name_index  bytea,                -- blind index: exact search on the last name
  patient_age              integer CHECK (patient_age BETWEEN 0 AND 130),
  patient_sex              text CHECK (patient_sex IN ('male', 'female', 'other')),
  patient_weight           numeric(5,2) CHECK (patient_weight BETWEEN 1 AND 500),
  anonymous                boolean NOT NULL DEFAULT false,
  status                   text NOT NULL DEFAULT 'in_progress' CHECK (status IN ('in_progress', 'completed', 'aborted')),
  started_at               timestamptz NOT NULL,
  ended_at                 timestamptz,
  duration_seconds         integer CHECK (duration_seconds >= 0),
  max_temperature          numeric(6,3),
  max_temperature_at       timestamptz,
  alert_39_triggered       boolean NOT NULL DEFAULT false,
  alert_40_triggered       boolean NOT NULL DEFAULT false,
  notes                    text CHECK (length(notes) <= 4000),
  -- The preset of domain/temperature-monitoring.md §9; limits belong to the treatment.
  watch_limit              numeric(4,2) NOT NULL DEFAULT 39.0,
  watch_clear              numeric(4,2) NOT NULL DEFAULT 38.8,
  critical_limit           numeric(4,2) NOT NULL DEFAULT 40.0,
  critical_clear           numeric(4,2) NOT NULL DEFAULT 39.7,
  on_delay_seconds         integer NOT NULL DEFAULT 15,
  off_delay_seconds        integer NOT NULL DEFAULT 30,
  reliability_limit        smallint NOT NULL DEFAULT 50,
  created_at               timestamptz NOT NULL,
  updated_at               timestamptz NOT NULL,
  UNIQUE (license_id, id),
  UNIQUE (license_id, session_identifier),
  CHECK (NOT anonymous OR (patient_first_name IS NULL AND patient_last_name IS NULL AND patient_last_name_index IS NULL)),
  CHECK ((status = 'in_progress') = (ended_at IS NULL)),
  CHECK ((ended_at IS NULL) = (duration_seconds IS NULL)),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id),
  FOREIGN KEY (license_id, user_id) REFERENCES physiotraq.users (license_id, id)
);
CREATE UNIQUE INDEX treatments_one_running ON physiotraq.treatments (device_id) WHERE status = 'in_progress';
CREATE INDEX treatments_list ON physiotraq.treatments (license_id, started_at DESC, id);
CREATE INDEX treatments_operator ON physiotraq.treatments (license_id, user_id, started_at DESC);
CREATE INDEX treatments_device ON physiotraq.treatments (device_id, started_at DESC);
CREATE INDEX treatments_name ON physiotraq.treatments (license_id, patient_last_name_index)
  WHERE patient_last_name_index IS NOT NULL;
ALTER TABLE physiotraq.treatments ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.treatments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.treatments TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.treatments TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.treatments TO socle_app;
GRANT SELECT, UPDATE (max_temperature, max_temperature_at) ON physiotraq.treatments TO socle_lookup;

-- NNN of session_identifier: one counter per licence and local day, safe under concurrency.
CREATE TABLE physiotraq.session_counters (
  license_id uuid NOT NULL REFERENCES physiotraq.licenses (id),
  day        date NOT NULL,
  last       integer NOT NULL,
  PRIMARY KEY (license_id, day)
);
ALTER TABLE physiotraq.session_counters ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.session_counters FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.session_counters TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT, UPDATE ON physiotraq.session_counters TO socle_app;

-- Physiological alerts (a limit of the treatment) and technical ones (the equipment): domain/temperature-monitoring.md §7.
CREATE TABLE physiotraq.alerts (
  id               uuid PRIMARY KEY,
  license_id       uuid NOT NULL,
  treatment_id     uuid NOT NULL,
  device_id        uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('temperature', 'no_data', 'low_reliability')),
  level            smallint NOT NULL CHECK (level IN (0, 39, 40)),
  limit_celsius    numeric(4,2),
  value            numeric(6,3),                 -- the stored value that raised it
  reliability      smallint,
  on_delay_seconds integer NOT NULL,
  condition_at     timestamptz NOT NULL,         -- device time of the first value at or above the limit
  raised_at        timestamptz NOT NULL,         -- device time of the value that confirmed it
  state            text NOT NULL CHECK (state IN ('active', 'latched', 'cleared')),
  escalation       smallint NOT NULL DEFAULT 0,  -- 1: repeated after a minute, 2: goes to somebody else
  escalated_at     timestamptz,
  acknowledged_at  timestamptz,
  acknowledged_by  uuid,
  note             text CHECK (length(note) <= 500),
  cleared_at       timestamptz,
  created_at       timestamptz NOT NULL,
  CHECK ((kind = 'temperature') = (level > 0)),
  CHECK (kind <> 'temperature' OR (limit_celsius IS NOT NULL AND value IS NOT NULL)),
  CHECK ((state = 'cleared') = (cleared_at IS NOT NULL)),
  UNIQUE (treatment_id, kind, level, condition_at),   -- raised once, whoever evaluates it again after a crash
  FOREIGN KEY (license_id, treatment_id) REFERENCES physiotraq.treatments (license_id, id),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id),
  FOREIGN KEY (license_id, acknowledged_by) REFERENCES physiotraq.users (license_id, id)
);
ALTER TABLE physiotraq.alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.alerts TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT, UPDATE ON physiotraq.alerts TO socle_app;

CREATE TABLE physiotraq.events (
  id             uuid PRIMARY KEY,
  license_id     uuid NOT NULL REFERENCES physiotraq.licenses (id),
  event_type     text NOT NULL CHECK (event_type IN (
                   'device.connected', 'device.disconnected', 'treatment.started', 'treatment.completed',
                   'alert.temperature_39', 'alert.temperature_40', 'license.renewed', 'license.expired',
                   'treatment.aborted', 'alert.acknowledged', 'alert.no_data', 'alert.low_reliability',
                   'alert.escalated')),
  eventable_type text NOT NULL CHECK (eventable_type IN ('Device', 'Treatment', 'License', 'Alert')),
  eventable_id   uuid NOT NULL,
  user_id        uuid,
  ip_address     text,
  user_agent     text,
  metadata       jsonb NOT NULL DEFAULT '{}',
  created_at     timestamptz NOT NULL,
  FOREIGN KEY (license_id, user_id) REFERENCES physiotraq.users (license_id, id)
);
CREATE INDEX events_recent ON physiotraq.events (license_id, created_at DESC);
CREATE INDEX events_of ON physiotraq.events (eventable_id, created_at);
ALTER TABLE physiotraq.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.events TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT ON physiotraq.events TO socle_app;
