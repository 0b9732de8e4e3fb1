-- PhysioTraq: firmware. specs/physiotraq.md: FirmwareRelease. Releases belong to the vendor, who has a tenant of his own and
-- sees no licence; devices and owners read what is published through the functions below, which show no more than that.

-- The vendor's people. Their tenant is none of the licences', and nobody of a licence can be one of them.
ALTER TABLE socle.memberships DROP CONSTRAINT memberships_physiotraq_role;
ALTER TABLE socle.memberships ADD CONSTRAINT memberships_physiotraq_role
  CHECK (realm <> 'physiotraq' OR role IN ('admin', 'operator', 'vendor'));
ALTER TABLE socle.memberships ADD CONSTRAINT memberships_physiotraq_vendor
  CHECK (realm <> 'physiotraq' OR (role = 'vendor') = (tenant_id = '00000000-0000-7000-8000-00000f1a9e00'));

CREATE TABLE physiotraq.vendor_people (
  id         uuid NOT NULL,                      -- the account's
  tenant_id  uuid NOT NULL CHECK (tenant_id = '00000000-0000-7000-8000-00000f1a9e00'),
  first_name text NOT NULL,
  last_name  text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, id) REFERENCES socle.memberships (tenant_id, account_id)
);
ALTER TABLE physiotraq.vendor_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.vendor_people FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.vendor_people TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.vendor_people FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.vendor_people TO socle_app;
GRANT SELECT ON physiotraq.vendor_people TO socle_lookup;

-- The target hardware that a device last reported, and whether its owner lets it have versions that are not stable.
ALTER TABLE physiotraq.devices ADD COLUMN hardware text CHECK (hardware ~ '^[A-Za-z0-9._-]{1,40}$');
ALTER TABLE physiotraq.devices ADD COLUMN firmware_beta boolean NOT NULL DEFAULT false;

-- version_key and min_key: the numbers of a version, always four, so that "03.1.0" is compared as 3, 1, 0, 0.
CREATE TABLE physiotraq.firmware_releases (
  id                     uuid NOT NULL,
  tenant_id              uuid NOT NULL CHECK (tenant_id = '00000000-0000-7000-8000-00000f1a9e00'),
  version                text NOT NULL CHECK (length(version) BETWEEN 1 AND 40),
  version_key            integer[] NOT NULL CHECK (cardinality(version_key) = 4),
  hardware               text NOT NULL CHECK (hardware ~ '^[A-Za-z0-9._-]{1,40}$'),
  release_notes          text NOT NULL,
  binary_file            uuid NOT NULL,
  bytes                  bigint NOT NULL CHECK (bytes > 0),
  checksum               text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),       -- SHA-256
  signature              text NOT NULL CHECK (signature ~ '^[0-9a-f]{128}$'),     -- Ed25519, of the vendor's offline key
  signed_by              text NOT NULL CHECK (signed_by ~ '^[0-9a-f]{64}$'),      -- the public key that verified it
  is_stable              boolean NOT NULL,
  min_compatible_version text,
  min_key                integer[] CHECK (cardinality(min_key) = 4),
  released_at            timestamptz,            -- when its first rollout began; before that devices and owners know nothing
  withdrawn_at           timestamptz,            -- its rollout was aborted, or it is being rolled back: nobody should have it
  created_at             timestamptz NOT NULL,
  updated_at             timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, hardware, version_key),
  FOREIGN KEY (tenant_id, binary_file) REFERENCES socle.files (tenant_id, id),
  CHECK ((min_compatible_version IS NULL) = (min_key IS NULL))
);
ALTER TABLE physiotraq.firmware_releases ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.firmware_releases FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.firmware_releases TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.firmware_releases FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON physiotraq.firmware_releases TO socle_app;
GRANT SELECT ON physiotraq.firmware_releases TO socle_lookup;

-- A release on its way to devices, in stages of so many per cent of them. A rollback gives it to those that run `replaces`.
CREATE TABLE physiotraq.firmware_rollouts (
  id              uuid NOT NULL,
  tenant_id       uuid NOT NULL CHECK (tenant_id = '00000000-0000-7000-8000-00000f1a9e00'),
  release_id      uuid NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('update', 'rollback')),
  replaces        text,
  state           text NOT NULL CHECK (state IN ('running', 'paused', 'aborted')),
  pause_reason    text CHECK (pause_reason IN ('errors', 'success', 'person')),
  stages          smallint[] NOT NULL CHECK (cardinality(stages) BETWEEN 1 AND 10),
  stage           smallint NOT NULL CHECK (stage >= 1 AND stage <= cardinality(stages)),
  min_sample      smallint NOT NULL CHECK (min_sample BETWEEN 1 AND 10000),
  success_percent smallint NOT NULL CHECK (success_percent BETWEEN 1 AND 100),
  error_percent   smallint NOT NULL CHECK (error_percent BETWEEN 0 AND 99),
  install_minutes smallint NOT NULL CHECK (install_minutes BETWEEN 5 AND 10080),
  started_at      timestamptz NOT NULL,
  judged_from     timestamptz NOT NULL,          -- verdicts before the last resumption do not pause it again
  ended_at        timestamptz,
  updated_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, release_id) REFERENCES physiotraq.firmware_releases (tenant_id, id),
  CHECK ((kind = 'rollback') = (replaces IS NOT NULL)),
  CHECK ((state = 'paused') = (pause_reason IS NOT NULL)),
  CHECK ((state = 'aborted') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX firmware_rollouts_open ON physiotraq.firmware_rollouts (tenant_id, release_id, kind)
  WHERE state <> 'aborted';
ALTER TABLE physiotraq.firmware_rollouts ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.firmware_rollouts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.firmware_rollouts TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.firmware_rollouts FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON physiotraq.firmware_rollouts TO socle_app;
GRANT SELECT ON physiotraq.firmware_rollouts TO socle_lookup;

-- What a device was offered and what became of it: the licence's row. It is `installed` when the device itself has reported
-- the wanted version, and at no other time. (No foreign key to the rollout, which is another tenant's; kept with the device.)
CREATE TABLE physiotraq.firmware_installs (
  id             uuid NOT NULL,
  license_id     uuid NOT NULL,
  device_id      uuid NOT NULL,
  rollout_id     uuid NOT NULL,
  release_id     uuid NOT NULL,
  stage          smallint NOT NULL,
  from_version   text NOT NULL,
  wanted_version text NOT NULL,
  wanted_key     integer[] NOT NULL CHECK (cardinality(wanted_key) = 4),
  state          text NOT NULL CHECK (state IN ('waiting', 'installed', 'failed')),
  reason         text CHECK (reason IN ('old_version', 'other_version', 'reported', 'silent')),
  attempts       smallint NOT NULL,
  offered_at     timestamptz NOT NULL,
  deadline       timestamptz NOT NULL,           -- of the last attempt
  decided_at     timestamptz,
  PRIMARY KEY (license_id, id),
  FOREIGN KEY (license_id, device_id) REFERENCES physiotraq.devices (license_id, id),
  CHECK ((state = 'failed') = (reason IS NOT NULL)),
  CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX firmware_installs_one ON physiotraq.firmware_installs (rollout_id, device_id, license_id);
CREATE INDEX firmware_installs_device ON physiotraq.firmware_installs (device_id, offered_at DESC);
CREATE INDEX firmware_installs_waiting ON physiotraq.firmware_installs (deadline) WHERE state = 'waiting';
ALTER TABLE physiotraq.firmware_installs ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.firmware_installs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.firmware_installs TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.firmware_installs FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON physiotraq.firmware_installs TO socle_app;
GRANT SELECT ON physiotraq.firmware_installs TO socle_lookup;

-- Before the tenant is known: who is behind a session. The vendor's people are looked for when nobody of a licence is there.
GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
SET LOCAL ROLE socle_lookup;
CREATE OR REPLACE FUNCTION physiotraq.signed_in(token_hash bytea, session uuid, at timestamptz)
RETURNS TABLE (live socle.live, name text, profile jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s, u.first_name || ' ' || u.last_name,
         jsonb_build_object('unit', u.temperature_unit, 'zone', l.time_zone)
  FROM socle.live_session('physiotraq', signed_in.token_hash, signed_in.session, signed_in.at) s
  JOIN physiotraq.users u ON u.license_id = s.tenant_id AND u.id = s.account_id
  JOIN physiotraq.licenses l ON l.id = s.tenant_id;
  IF FOUND THEN RETURN; END IF;
  RETURN QUERY SELECT s, v.first_name || ' ' || v.last_name, jsonb_build_object('zone', 'Europe/Paris')
  FROM socle.live_session('physiotraq', signed_in.token_hash, signed_in.session, signed_in.at) s
  JOIN physiotraq.vendor_people v ON v.tenant_id = s.tenant_id AND v.id = s.account_id;
END;
$$;
SET LOCAL ROLE socle_owner;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;

-- What the vendor has published for a hardware, newest version first; for every hardware when it is NULL.
CREATE FUNCTION physiotraq.published_firmware(hardware text)
RETURNS TABLE (id uuid, version text, hardware_of text, release_notes text, bytes bigint, checksum text, is_stable boolean,
               min_compatible_version text, released_at timestamptz, withdrawn_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT r.id, r.version, r.hardware, r.release_notes, r.bytes, r.checksum, r.is_stable, r.min_compatible_version,
         r.released_at, r.withdrawn_at
  FROM physiotraq.firmware_releases r
  WHERE r.released_at IS NOT NULL AND (published_firmware.hardware IS NULL OR r.hardware = published_firmware.hardware)
  ORDER BY r.hardware, r.version_key DESC;
$$;

-- What runs out to devices of a hardware now: a device's check chooses among it.
CREATE FUNCTION physiotraq.offered_firmware(hardware text)
RETURNS TABLE (rollout_id uuid, release_id uuid, kind text, replaces text, version text, is_stable boolean,
               min_compatible_version text, file_id uuid, bytes bigint, checksum text, signature text,
               stage smallint, percent smallint, install_minutes smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.id, r.id, o.kind, o.replaces, r.version, r.is_stable, r.min_compatible_version, r.binary_file, r.bytes,
         r.checksum, r.signature, o.stage, o.stages[o.stage], o.install_minutes
  FROM physiotraq.firmware_rollouts o
  JOIN physiotraq.firmware_releases r ON r.tenant_id = o.tenant_id AND r.id = o.release_id
  WHERE o.state = 'running' AND r.hardware = offered_firmware.hardware;
$$;

-- What a device may fetch that was offered it: while its rollout is not aborted.
CREATE FUNCTION physiotraq.granted_firmware(rollout uuid, release uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT r.binary_file FROM physiotraq.firmware_rollouts o
  JOIN physiotraq.firmware_releases r ON r.tenant_id = o.tenant_id AND r.id = o.release_id
  WHERE o.id = rollout AND r.id = release AND o.state <> 'aborted';
$$;

-- How rollouts stand, over every licence: figures, and no licence and no device. `mature` are those whose time is over, so
-- that quick successes do not hide failures that show only at the end of it. Who still waits when its time is over has
-- failed, whether that has been written down yet or not.
CREATE FUNCTION physiotraq.firmware_progress(rollouts uuid[], at timestamptz)
RETURNS TABLE (rollout_id uuid, stage smallint, waiting bigint, installed bigint, failed bigint,
               mature_installed bigint, mature_failed bigint, failed_lately bigint, decided_lately bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.rollout_id, i.stage,
         count(*) FILTER (WHERE i.state = 'waiting'), count(*) FILTER (WHERE i.state = 'installed'),
         count(*) FILTER (WHERE i.state = 'failed'),
         count(*) FILTER (WHERE i.state = 'installed' AND i.late AND i.lately),
         count(*) FILTER (WHERE i.state = 'failed' AND i.late AND i.lately OR i.overdue),
         count(*) FILTER (WHERE i.state = 'failed' AND i.lately OR i.overdue),
         count(*) FILTER (WHERE i.lately OR i.overdue)
  FROM (SELECT n.rollout_id, n.stage, n.state, n.deadline <= firmware_progress.at AS late,
               n.decided_at >= o.judged_from AS lately,
               n.state = 'waiting' AND n.deadline <= firmware_progress.at AS overdue
        FROM physiotraq.firmware_installs n JOIN physiotraq.firmware_rollouts o ON o.id = n.rollout_id
        WHERE n.rollout_id = ANY (rollouts)) i
  GROUP BY i.rollout_id, i.stage ORDER BY i.rollout_id, i.stage;
$$;

-- How many devices run which version, over every licence: what the vendor sees of them, and what keeps a release from being
-- deleted.
CREATE FUNCTION physiotraq.running_firmware()
RETURNS TABLE (hardware text, version text, devices bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.hardware, d.firmware_version, count(*) FROM physiotraq.devices d
  WHERE d.released_at IS NULL AND d.firmware_version IS NOT NULL GROUP BY d.hardware, d.firmware_version;
$$;

-- How many devices are being given a release.
CREATE FUNCTION physiotraq.firmware_on_its_way(release uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT count(*) FROM physiotraq.firmware_installs i
  WHERE i.release_id = release AND i.state = 'waiting';
$$;

-- Devices that nothing was heard of until their time was over, of every licence.
CREATE FUNCTION physiotraq.overdue_firmware(at timestamptz, most integer)
RETURNS TABLE (license_id uuid, install_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.license_id, i.id FROM physiotraq.firmware_installs i
  WHERE i.state = 'waiting' AND i.deadline <= overdue_firmware.at ORDER BY i.deadline, i.id LIMIT most;
$$;

GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.published_firmware(text) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.offered_firmware(text) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.granted_firmware(uuid, uuid) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.firmware_progress(uuid[], timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.running_firmware() OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.firmware_on_its_way(uuid) OWNER TO socle_lookup;
ALTER FUNCTION physiotraq.overdue_firmware(timestamptz, integer) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.published_firmware(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.offered_firmware(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.granted_firmware(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.firmware_progress(uuid[], timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.running_firmware() FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.firmware_on_its_way(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION physiotraq.overdue_firmware(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.published_firmware(text) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.offered_firmware(text) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.granted_firmware(uuid, uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.firmware_progress(uuid[], timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.running_firmware() TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.firmware_on_its_way(uuid) TO socle_app;
GRANT EXECUTE ON FUNCTION physiotraq.overdue_firmware(timestamptz, integer) TO socle_app;
SET LOCAL ROLE socle_owner;
