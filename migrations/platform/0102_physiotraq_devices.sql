-- PhysioTraq: thermometers. specs/physiotraq.md: Device, DeviceAssignment.

-- What the vendor built: imported by the vendor, claimed by a licence. No tenant, so no right for the app role;
-- only the functions below read it.
CREATE TABLE physiotraq.device_stock (
  serial_number text PRIMARY KEY,
  mac_address   text NOT NULL UNIQUE,
  secret_hash   bytea NOT NULL,                  -- SHA-256 of the claim secret printed in the QR code
  imported_at   timestamptz NOT NULL
);
ALTER TABLE physiotraq.device_stock ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.device_stock FORCE ROW LEVEL SECURITY;
CREATE POLICY lookup ON physiotraq.device_stock TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.device_stock TO socle_lookup;

CREATE TABLE physiotraq.devices (
  id                      uuid PRIMARY KEY,
  license_id              uuid NOT NULL REFERENCES physiotraq.licenses (id),
  serial_number           text NOT NULL,
  mac_address             text NOT NULL,
  name                    text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  status                  text NOT NULL DEFAULT 'unknown' CHECK (status IN ('online', 'offline', 'unknown')),
  last_seen_at            timestamptz,
  firmware_version        text,
  firmware_auto_update    boolean NOT NULL DEFAULT true,
  temp_slope              numeric(8,6) NOT NULL DEFAULT 1,
  temp_intercept          numeric(7,4) NOT NULL DEFAULT 0,
  calibration_version     integer NOT NULL DEFAULT 1,
  last_ip_address         text,
  last_location           text,
  claimed_at              timestamptz NOT NULL,
  registered_at           timestamptz,           -- when the device fetched its credential
  registration_open_until timestamptz,           -- a 15 minute window for a new credential, opened by the owner
  released_at             timestamptz,           -- a released device is an archive; a new claim makes a new row
  created_at              timestamptz NOT NULL,
  updated_at              timestamptz NOT NULL,
  UNIQUE (license_id, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX devices_serial ON physiotraq.devices (serial_number) WHERE released_at IS NULL;
CREATE UNIQUE INDEX devices_mac ON physiotraq.devices (mac_address) WHERE released_at IS NULL;
ALTER TABLE physiotraq.devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.devices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.devices TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.devices TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.devices TO socle_app;
GRANT SELECT, UPDATE ON physiotraq.devices TO socle_lookup;

CREATE TABLE physiotraq.device_credentials (
  id         uuid PRIMARY KEY,
  license_id uuid NOT NULL,
  device_id  uuid NOT NULL,
  token_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id)
);
CREATE UNIQUE INDEX device_credentials_one ON physiotraq.device_credentials (device_id) WHERE revoked_at IS NULL;
ALTER TABLE physiotraq.device_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.device_credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.device_credentials TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.device_credentials FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.device_credentials TO socle_app;
GRANT SELECT ON physiotraq.device_credentials TO socle_lookup;

CREATE TABLE physiotraq.device_assignments (
  id          uuid PRIMARY KEY,
  license_id  uuid NOT NULL,
  user_id     uuid NOT NULL,
  device_id   uuid NOT NULL,
  assigned_at timestamptz NOT NULL,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  UNIQUE (device_id, user_id),
  FOREIGN KEY (license_id, user_id) REFERENCES physiotraq.users (license_id, id),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id)
);
CREATE INDEX device_assignments_user ON physiotraq.device_assignments (user_id);
ALTER TABLE physiotraq.device_assignments ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.device_assignments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.device_assignments TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
GRANT SELECT, INSERT, DELETE ON physiotraq.device_assignments TO socle_app;

-- The vendor's import. Idempotent on the serial number; a secret may be replaced until the device is claimed.
CREATE FUNCTION physiotraq.import_stock(serial text, mac text, secret_hash bytea, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO physiotraq.device_stock AS s (serial_number, mac_address, secret_hash, imported_at)
  VALUES (serial, mac, import_stock.secret_hash, at)
  ON CONFLICT (serial_number) DO UPDATE SET secret_hash = excluded.secret_hash
  WHERE s.mac_address = excluded.mac_address
    AND NOT EXISTS (SELECT 1 FROM physiotraq.devices d
                    WHERE d.serial_number = s.serial_number AND d.released_at IS NULL)
  RETURNING true;
$$;

-- Before the tenant of a device is known: the stock entry whose secret the claimer holds.
CREATE FUNCTION physiotraq.stock_entry(serial text, secret_hash bytea)
RETURNS TABLE (serial_number text, mac_address text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.serial_number, s.mac_address FROM physiotraq.device_stock s
  WHERE s.serial_number = serial AND s.secret_hash = stock_entry.secret_hash;
$$;

-- Before the tenant of a device is known: the claimed device that asks for its credential.
CREATE FUNCTION physiotraq.claimed_device(serial text, mac text, secret_hash bytea)
RETURNS TABLE (device_id uuid, license_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.id, d.license_id FROM physiotraq.device_stock s
  JOIN physiotraq.devices d ON d.serial_number = s.serial_number AND d.released_at IS NULL
  WHERE s.serial_number = serial AND s.mac_address = mac AND s.secret_hash = claimed_device.secret_hash
    AND NOT EXISTS (SELECT 1 FROM socle.tenant_rules t WHERE t.tenant_id = d.license_id AND t.suspended_at IS NOT NULL);
$$;

-- Before the tenant of a device is known: the device behind a credential, with its calibration.
CREATE FUNCTION physiotraq.device_caller(token_hash bytea)
RETURNS TABLE (device_id uuid, license_id uuid, temp_slope numeric, temp_intercept numeric, calibration_version integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.id, d.license_id, d.temp_slope, d.temp_intercept, d.calibration_version
  FROM physiotraq.device_credentials c JOIN physiotraq.devices d ON d.id = c.device_id
  WHERE c.token_hash = device_caller.token_hash AND c.revoked_at IS NULL AND d.released_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM socle.tenant_rules t WHERE t.tenant_id = d.license_id AND t.suspended_at IS NOT NULL);
END;
$$;

GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.import_stock(text, text, bytea, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.stock_entry(text, bytea) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.claimed_device(text, text, bytea) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.device_caller(bytea) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.import_stock(text, text, bytea, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.stock_entry(text, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.claimed_device(text, text, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.device_caller(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.import_stock(text, text, bytea, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.stock_entry(text, bytea) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.claimed_device(text, text, bytea) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.device_caller(bytea) TO socle_app;
SET LOCAL ROLE socle_owner;
