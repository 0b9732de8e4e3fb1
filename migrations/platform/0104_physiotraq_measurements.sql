-- PhysioTraq: readings. specs/physiotraq.md: Measurement. Identity: device, device time, sequence.
-- No foreign keys and no default partition on telemetry; the writer COPYs straight into the leaves.

CREATE SEQUENCE physiotraq.measurements_id_seq INCREMENT BY 1000;   -- a writer lane takes blocks of 1 000 ids

CREATE TABLE physiotraq.measurements (
  id                  bigint NOT NULL DEFAULT nextval('physiotraq.measurements_id_seq'),
  license_id          uuid NOT NULL,
  device_id           uuid NOT NULL,
  treatment_id        uuid,                      -- filled by the writer, corrected at completion and for late data
  temperature         numeric(6,3) NOT NULL,     -- °C, corrected: raw × slope + intercept
  raw_temperature     numeric(6,3) NOT NULL,     -- °C, as sent
  calibration_version integer NOT NULL,
  reliability         smallint,                  -- 0–100
  measured_at         timestamptz NOT NULL,      -- device clock
  received_at         timestamptz NOT NULL,      -- server clock
  sequence            bigint NOT NULL DEFAULT 0,
  clock_ok            boolean NOT NULL,          -- false: the device clock cannot be right; kept and marked
  implausible         boolean NOT NULL,          -- outside what a body core can be; kept and marked
  late                boolean NOT NULL,          -- over 60 s off at receipt, or older than the latest: never alarms
  battery_level       smallint,                  -- %
  battery_voltage     numeric(6,3),              -- V
  wifi_ssid           text,
  wifi_strength       smallint,                  -- dBm
  firmware_version    text,
  created_at          timestamptz NOT NULL,
  PRIMARY KEY (device_id, measured_at, sequence, clock_ok)
) PARTITION BY LIST (clock_ok);
CREATE INDEX measurements_received ON physiotraq.measurements USING brin (received_at);
ALTER SEQUENCE physiotraq.measurements_id_seq OWNED BY physiotraq.measurements.id;
CREATE TABLE physiotraq.measurements_unclocked PARTITION OF physiotraq.measurements FOR VALUES IN (false);
CREATE TABLE physiotraq.measurements_clocked PARTITION OF physiotraq.measurements FOR VALUES IN (true)
  PARTITION BY RANGE (measured_at);
ALTER TABLE physiotraq.measurements ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.measurements FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.measurements TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.measurements FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, UPDATE (treatment_id) ON physiotraq.measurements TO socle_app;
GRANT SELECT ON physiotraq.measurements TO socle_lookup;
GRANT SELECT, INSERT ON physiotraq.measurements_unclocked TO socle_ingest;
GRANT USAGE ON SEQUENCE physiotraq.measurements_id_seq TO socle_ingest;
INSERT INTO socle.partition_plans (parent, leaf_prefix, ingest)
VALUES ('physiotraq.measurements_clocked', 'physiotraq.measurements', true);

-- One row per device: the latest reading by device time, presence, counters and the alarm machine.
CREATE TABLE physiotraq.device_states (
  device_id         uuid PRIMARY KEY,
  license_id        uuid NOT NULL,
  latest            jsonb,                       -- the newest plausible-clock reading, as the live screen shows it
  seen_at           timestamptz,                 -- server time of the last contact of any kind
  received          bigint NOT NULL DEFAULT 0,
  stored            bigint NOT NULL DEFAULT 0,
  duplicate         bigint NOT NULL DEFAULT 0,
  rejected          bigint NOT NULL DEFAULT 0,
  through_id        bigint NOT NULL DEFAULT 0,   -- readings up to this id are in the counters and in `latest`
  evaluated_through timestamptz,                 -- device time up to which alarms were evaluated
  machine           jsonb,                       -- alarm machine of the running treatment
  CHECK (received = stored + duplicate + rejected),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id)
) WITH (fillfactor = 50);
ALTER TABLE physiotraq.device_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.device_states FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.device_states TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.device_states TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.device_states TO socle_app;
GRANT SELECT, INSERT, UPDATE ON physiotraq.device_states TO socle_lookup;

-- Everything received before this instant is in device_states: where recovery starts reading.
CREATE TABLE physiotraq.monitor_watermark (
  only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  saved_at   timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON physiotraq.monitor_watermark TO socle_lookup;

-- The monitor's once-a-second save, for devices of many tenants in one statement. `states` is an array of objects.
CREATE FUNCTION physiotraq.save_device_states(states jsonb, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(states) AS s(
      device_id uuid, license_id uuid, latest jsonb, seen_at timestamptz, stored bigint, duplicate bigint,
      rejected bigint, through_id bigint, evaluated_through timestamptz, machine jsonb,
      status text, firmware_version text, ip_address text,
      treatment_id uuid, max_temperature numeric, max_temperature_at timestamptz)
  ), saved AS (
    INSERT INTO physiotraq.device_states AS d
      (device_id, license_id, latest, seen_at, received, stored, duplicate, rejected, through_id,
       evaluated_through, machine)
    SELECT device_id, license_id, latest, seen_at, stored + duplicate + rejected, stored, duplicate, rejected,
           through_id, evaluated_through, machine
    FROM incoming
    ON CONFLICT (device_id) DO UPDATE SET
      latest = excluded.latest, seen_at = excluded.seen_at,
      received = d.received + excluded.received, stored = d.stored + excluded.stored,
      duplicate = d.duplicate + excluded.duplicate, rejected = d.rejected + excluded.rejected,
      through_id = greatest(d.through_id, excluded.through_id),
      evaluated_through = excluded.evaluated_through, machine = excluded.machine
  ), warmest AS (
    UPDATE physiotraq.treatments t SET max_temperature = i.max_temperature, max_temperature_at = i.max_temperature_at
    FROM incoming i
    WHERE t.id = i.treatment_id AND t.status = 'in_progress' AND i.max_temperature IS NOT NULL
      AND (t.max_temperature IS NULL OR t.max_temperature < i.max_temperature)
  ), marked AS (
    INSERT INTO physiotraq.monitor_watermark (saved_at) VALUES (at)
    ON CONFLICT (only_one) DO UPDATE SET saved_at = excluded.saved_at
  )
  UPDATE physiotraq.devices d SET
    last_seen_at = i.seen_at, status = i.status,
    firmware_version = coalesce(i.firmware_version, d.firmware_version),
    last_ip_address = coalesce(i.ip_address, d.last_ip_address)
  FROM incoming i WHERE d.id = i.device_id AND i.seen_at IS NOT NULL;
$$;

-- At start, before the port opens: every device with its state and its running treatment.
CREATE FUNCTION physiotraq.monitored_devices()
RETURNS TABLE (device_id uuid, license_id uuid, status text, latest jsonb, seen_at timestamptz, through_id bigint,
               evaluated_through timestamptz, machine jsonb, treatment_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.id, d.license_id, d.status, s.latest, coalesce(s.seen_at, d.last_seen_at), coalesce(s.through_id, 0),
         s.evaluated_through, s.machine, t.id
  FROM physiotraq.devices d
  LEFT JOIN physiotraq.device_states s ON s.device_id = d.id
  LEFT JOIN physiotraq.treatments t ON t.device_id = d.id AND t.status = 'in_progress'
  WHERE d.released_at IS NULL;
$$;

-- At start: readings committed after the last save, in the order they were committed per device.
CREATE FUNCTION physiotraq.unevaluated_readings()
RETURNS SETOF physiotraq.measurements
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT m.* FROM physiotraq.measurements m
  LEFT JOIN physiotraq.device_states s ON s.device_id = m.device_id
  WHERE m.received_at >= coalesce((SELECT w.saved_at - interval '1 minute' FROM physiotraq.monitor_watermark w),
                                  '-infinity')
    AND m.id > coalesce(s.through_id, 0)
  ORDER BY m.id;
$$;

GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.save_device_states(jsonb, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.monitored_devices() OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.unevaluated_readings() OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.save_device_states(jsonb, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.monitored_devices() FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.unevaluated_readings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.save_device_states(jsonb, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.monitored_devices() TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.unevaluated_readings() TO socle_app;
SET LOCAL ROLE socle_owner;
