-- PhysioTraq: readings. specs/physiotraq.md: Measurement. Identity: device, device time, sequence.
-- No foreign keys and no default partition on telemetry; the writer COPYs straight into the leaves.

-- A writer lane takes blocks: of each 16 000 ids the 1 000 of its server's slot. So the ids of one device and slot only
-- ever grow, and "read up to here" is one number per slot.
CREATE SEQUENCE physiotraq.measurements_id_seq INCREMENT BY 16000;

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
  through_ids       bigint[] NOT NULL DEFAULT array_fill(0::bigint, ARRAY[16]),   -- per slot: counted and evaluated
  late_from         timestamptz,                 -- late readings of this span are not given to their treatment yet
  late_to           timestamptz,
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

-- Devices fall into 16 shards by the last digit of their id; one server owns a shard and evaluates its devices.
-- Everything of a shard that was received before this instant is in device_states: where recovery starts reading.
CREATE TABLE physiotraq.monitor_watermarks (
  shard    smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 15),
  saved_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON physiotraq.monitor_watermarks TO socle_lookup;

CREATE FUNCTION physiotraq.shard_of(device uuid) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('x' || right(device::text, 1))::bit(4)::integer;
$$;

-- The monitor's once-a-second save, for devices of many tenants in one statement: the states of the devices whose shards
-- it owns, and what it counted for others.
CREATE FUNCTION physiotraq.save_device_states(states jsonb, counts jsonb, shards integer[], at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(states) AS s(
      device_id uuid, license_id uuid, latest jsonb, seen_at timestamptz, stored bigint, duplicate bigint,
      rejected bigint, through_ids bigint[], late_from timestamptz, late_to timestamptz, evaluated_through timestamptz, machine jsonb,
      status text, firmware_version text, ip_address text,
      treatment_id uuid, max_temperature numeric, max_temperature_at timestamptz)
  ), saved AS (
    INSERT INTO physiotraq.device_states AS d
      (device_id, license_id, latest, seen_at, received, stored, duplicate, rejected, through_ids, late_from, late_to,
       evaluated_through, machine)
    SELECT device_id, license_id, latest, seen_at, stored + duplicate + rejected, stored, duplicate, rejected,
           through_ids, late_from, late_to, evaluated_through, machine
    FROM incoming
    ON CONFLICT (device_id) DO UPDATE SET
      latest = excluded.latest, seen_at = excluded.seen_at,
      received = d.received + excluded.received, stored = d.stored + excluded.stored,
      duplicate = d.duplicate + excluded.duplicate, rejected = d.rejected + excluded.rejected,
      through_ids = excluded.through_ids, late_from = excluded.late_from, late_to = excluded.late_to,
      evaluated_through = excluded.evaluated_through, machine = excluded.machine
  ), elsewhere AS (
    INSERT INTO physiotraq.device_states AS d (device_id, license_id, received, duplicate, rejected)
    SELECT device_id, license_id, duplicate + rejected, duplicate, rejected
    FROM jsonb_to_recordset(counts) AS c(device_id uuid, license_id uuid, duplicate bigint, rejected bigint)
    ON CONFLICT (device_id) DO UPDATE SET
      received = d.received + excluded.received,
      duplicate = d.duplicate + excluded.duplicate, rejected = d.rejected + excluded.rejected
  ), warmest AS (
    UPDATE physiotraq.treatments t SET max_temperature = i.max_temperature, max_temperature_at = i.max_temperature_at
    FROM incoming i
    WHERE t.id = i.treatment_id AND t.status = 'in_progress' AND i.max_temperature IS NOT NULL
      AND (t.max_temperature IS NULL OR t.max_temperature < i.max_temperature
           OR t.max_temperature = i.max_temperature AND t.max_temperature_at > i.max_temperature_at)
  ), marked AS (
    INSERT INTO physiotraq.monitor_watermarks (shard, saved_at) SELECT unnest(shards), at
    ON CONFLICT (shard) DO UPDATE SET saved_at = excluded.saved_at
  )
  UPDATE physiotraq.devices d SET
    last_seen_at = i.seen_at, status = i.status,
    firmware_version = coalesce(i.firmware_version, d.firmware_version),
    last_ip_address = coalesce(i.ip_address, d.last_ip_address)
  FROM incoming i WHERE d.id = i.device_id AND i.seen_at IS NOT NULL;
$$;

-- Every device with its state and its running treatment: all of them at start, those of a shard when it is taken over,
-- one that another server speaks of.
CREATE FUNCTION physiotraq.monitored_devices(shards integer[], one uuid)
RETURNS TABLE (device_id uuid, license_id uuid, status text, latest jsonb, seen_at timestamptz, through_ids bigint[],
               late_from timestamptz, late_to timestamptz, evaluated_through timestamptz, machine jsonb, treatment_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.id, d.license_id, d.status, s.latest, coalesce(s.seen_at, d.last_seen_at), s.through_ids,
         s.late_from, s.late_to, s.evaluated_through, s.machine, t.id
  FROM physiotraq.devices d
  LEFT JOIN physiotraq.device_states s ON s.device_id = d.id
  LEFT JOIN physiotraq.treatments t ON t.device_id = d.id AND t.status = 'in_progress'
  WHERE d.released_at IS NULL AND (d.id = one OR physiotraq.shard_of(d.id) = ANY (shards));
$$;

-- When shards are taken over: readings committed after their last save, in the order of their ids.
CREATE FUNCTION physiotraq.unevaluated_readings(shards integer[])
RETURNS SETOF physiotraq.measurements
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT m.* FROM physiotraq.measurements m
  LEFT JOIN physiotraq.device_states s ON s.device_id = m.device_id
  WHERE m.received_at >= coalesce((SELECT CASE WHEN count(*) = cardinality(shards) THEN min(w.saved_at) END
                                   FROM physiotraq.monitor_watermarks w WHERE w.shard = ANY (shards))
                                  - interval '1 minute', '-infinity')
    AND physiotraq.shard_of(m.device_id) = ANY (shards)
    AND m.id > coalesce(s.through_ids[((m.id - 1) / 1000) % 16 + 1], 0)
  ORDER BY m.id;
$$;

-- Readings that another server has committed, as it told: per flush and device the ranges of id and device time. Of a
-- device whose shard the asker does not own, only the newest is wanted.
CREATE FUNCTION physiotraq.told_readings(told jsonb)
RETURNS SETOF physiotraq.measurements
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT m.* FROM jsonb_to_recordset(told) AS t(
    device uuid, first_id bigint, last_id bigint, first_at timestamptz, last_at timestamptz, whole boolean)
  CROSS JOIN LATERAL (
    SELECT r.* FROM physiotraq.measurements r
    WHERE r.device_id = t.device AND r.measured_at BETWEEN t.first_at AND t.last_at
      AND r.id BETWEEN t.first_id AND t.last_id
    ORDER BY r.clock_ok DESC, r.measured_at DESC, r.sequence DESC
    LIMIT CASE WHEN t.whole THEN NULL ELSE 1 END) m
  ORDER BY m.id;
$$;

GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.save_device_states(jsonb, jsonb, integer[], timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.monitored_devices(integer[], uuid) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.unevaluated_readings(integer[]) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.told_readings(jsonb) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.save_device_states(jsonb, jsonb, integer[], timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.monitored_devices(integer[], uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.unevaluated_readings(integer[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.told_readings(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.save_device_states(jsonb, jsonb, integer[], timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.monitored_devices(integer[], uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.unevaluated_readings(integer[]) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.told_readings(jsonb) TO socle_app;
SET LOCAL ROLE socle_owner;
