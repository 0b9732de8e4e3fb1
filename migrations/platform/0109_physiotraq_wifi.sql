-- PhysioTraq: networks of a thermometer, its calibrations, how long its place is kept, what an invitation brings.
-- specs/physiotraq.md: WifiCredential. docs/decisions/0026-devices-and-wifi.md.

-- Wanted and applied version of the set of networks: while they differ, the device has not taken over what was set.
ALTER TABLE physiotraq.devices
  ADD COLUMN wifi_wanted_version  integer NOT NULL DEFAULT 0 CHECK (wifi_wanted_version >= 0),
  ADD COLUMN wifi_wanted_at       timestamptz,   -- when the set was changed last
  ADD COLUMN wifi_applied_version integer CHECK (wifi_applied_version >= 0),   -- NULL: the device has never said
  ADD COLUMN wifi_applied_at      timestamptz;   -- when the device said so for the first time

-- At most four: priorities are 1 to 4, each once. Kept until another set replaces them, or the device is released.
CREATE TABLE physiotraq.wifi_credentials (
  id         uuid PRIMARY KEY,
  license_id uuid NOT NULL,
  device_id  uuid NOT NULL,
  ssid       text NOT NULL CHECK (octet_length(ssid) BETWEEN 1 AND 32),
  password   bytea NOT NULL,                     -- sealed; of an open network the empty text, sealed
  priority   smallint NOT NULL CHECK (priority BETWEEN 1 AND 4),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (license_id, device_id, priority),
  UNIQUE (license_id, device_id, ssid),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id)
);
ALTER TABLE physiotraq.wifi_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.wifi_credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.wifi_credentials TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT, DELETE ON physiotraq.wifi_credentials TO socle_app;

-- What each calibration version of a device meant: readings name their version. Kept as long as readings may name it.
CREATE TABLE physiotraq.calibrations (
  id             uuid PRIMARY KEY,
  license_id     uuid NOT NULL,
  device_id      uuid NOT NULL,
  version        integer NOT NULL CHECK (version >= 1),
  temp_slope     numeric(8,6) NOT NULL,
  temp_intercept numeric(7,4) NOT NULL,
  calibrated_at  timestamptz NOT NULL,
  calibrated_by  uuid,                           -- NULL: as the device came
  UNIQUE (license_id, device_id, version),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id),
  FOREIGN KEY (license_id, calibrated_by) REFERENCES physiotraq.users (license_id, id)
);
ALTER TABLE physiotraq.calibrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.calibrations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.calibrations TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT ON physiotraq.calibrations TO socle_app;

-- The devices that somebody invited is to be assigned to. Kept as long as the invitation: until it is accepted or taken back,
-- else until 90 days after its end. (No foreign key: it would have to delete these rows with the invitation's.)
CREATE TABLE physiotraq.invited_assignments (
  license_id    uuid NOT NULL,
  invitation_id uuid NOT NULL,
  device_id     uuid NOT NULL,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,             -- the invitation's
  PRIMARY KEY (invitation_id, device_id),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id)
);
ALTER TABLE physiotraq.invited_assignments ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.invited_assignments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.invited_assignments TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT, UPDATE (invitation_id, expires_at), DELETE ON physiotraq.invited_assignments TO socle_app;
CREATE POLICY retention ON physiotraq.invited_assignments TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON physiotraq.invited_assignments TO socle_lookup;
INSERT INTO socle.retention_plans (table_name, doomed, subjects) VALUES
  ('physiotraq.invited_assignments', 'o.expires_at <= $1', 'o.license_id');

-- Lists of events: by who caused them.
CREATE INDEX events_person ON physiotraq.events (user_id, created_at DESC) WHERE user_id IS NOT NULL;

-- Where devices are, for devices of many licences in one statement, after the save of the monitor that found them at
-- another address. Text as the local file of places has it; NULL when it does not know.
CREATE FUNCTION physiotraq.place_devices(places jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE physiotraq.devices d SET last_location = p.location
  FROM jsonb_to_recordset(places) AS p(device_id uuid, location text)
  WHERE d.id = p.device_id AND d.last_location IS DISTINCT FROM p.location;
$$;

-- Nightly: address and place of devices that were last heard before then are forgotten, at most so many at once; those of
-- released ones too, should the monitor have saved while they were released.
CREATE FUNCTION physiotraq.forget_places(before timestamptz, most integer, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  gone bigint;
BEGIN
  UPDATE physiotraq.devices d SET last_ip_address = NULL, last_location = NULL
  WHERE d.id = ANY (ARRAY(
    SELECT o.id FROM physiotraq.devices o
    WHERE (o.last_seen_at <= forget_places.before OR o.released_at IS NOT NULL)
      AND (o.last_ip_address IS NOT NULL OR o.last_location IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM socle.legal_holds h WHERE h.lifted_at IS NULL
                      AND (h.until IS NULL OR h.until > forget_places.at) AND h.subject_id = o.license_id)
    ORDER BY o.id LIMIT most));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END;
$$;

GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.place_devices(jsonb) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.forget_places(timestamptz, integer, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.place_devices(jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.forget_places(timestamptz, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.place_devices(jsonb) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.forget_places(timestamptz, integer, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
