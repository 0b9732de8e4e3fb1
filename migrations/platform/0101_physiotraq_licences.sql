-- PhysioTraq: licences (the tenant) and their people. specs/physiotraq.md: License, User.
GRANT USAGE ON SCHEMA physiotraq TO socle_app, socle_ingest, socle_lookup;

CREATE TABLE physiotraq.licenses (
  id                     uuid PRIMARY KEY,
  stripe_subscription_id text UNIQUE,
  stripe_customer_id     text,
  status                 text NOT NULL DEFAULT 'active'
                         CHECK (status IN ('active', 'expired', 'cancelled', 'payment_failed')),
  started_at             timestamptz NOT NULL,
  expires_at             timestamptz NOT NULL,
  auto_renew             boolean NOT NULL DEFAULT true,
  quantity               integer NOT NULL DEFAULT 1 CHECK (quantity >= 1),  -- one active device per unit
  name                   text NOT NULL,
  time_zone              text NOT NULL DEFAULT 'Europe/Paris',              -- the day of a session number
  created_at             timestamptz NOT NULL,
  updated_at             timestamptz NOT NULL
);
ALTER TABLE physiotraq.licenses ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.licenses FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.licenses TO socle_app
  USING (id = (SELECT socle.tenant_id())) WITH CHECK (id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.licenses FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.licenses TO socle_app;
GRANT SELECT ON physiotraq.licenses TO socle_lookup;

-- id = the account's id: email and encrypted_password of the spec live in socle.accounts, role in socle.memberships
-- (decision 0001). A person may belong to several licences, with a row in each.
CREATE TABLE physiotraq.users (
  id               uuid NOT NULL,
  license_id       uuid NOT NULL REFERENCES physiotraq.licenses (id),
  first_name       text NOT NULL,
  last_name        text NOT NULL,
  temperature_unit text NOT NULL DEFAULT 'celsius' CHECK (temperature_unit IN ('celsius', 'fahrenheit')),
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (license_id, id),
  FOREIGN KEY (license_id, id) REFERENCES socle.memberships (tenant_id, account_id)
);
ALTER TABLE socle.memberships ADD CONSTRAINT memberships_physiotraq_role
  CHECK (realm <> 'physiotraq' OR role IN ('admin', 'operator'));
CREATE UNIQUE INDEX memberships_physiotraq_one_admin ON socle.memberships (tenant_id)
  WHERE realm = 'physiotraq' AND role = 'admin' AND ended_at IS NULL;
ALTER TABLE physiotraq.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE physiotraq.users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON physiotraq.users TO socle_app
  USING (license_id = (SELECT socle.tenant_id())) WITH CHECK (license_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON physiotraq.users FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON physiotraq.users TO socle_app;
GRANT SELECT ON physiotraq.users TO socle_lookup;

-- Before the tenant is known: who is behind a browser session, with role and licence read fresh.
CREATE FUNCTION physiotraq.signed_in(token_hash bytea, session uuid, at timestamptz)
RETURNS TABLE (live socle.live, name text, profile jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s, u.first_name || ' ' || u.last_name,
         jsonb_build_object('unit', u.temperature_unit, 'zone', l.time_zone)
  FROM socle.live_session('physiotraq', signed_in.token_hash, signed_in.session, signed_in.at) s
  JOIN physiotraq.users u ON u.license_id = s.tenant_id AND u.id = s.account_id
  JOIN physiotraq.licenses l ON l.id = s.tenant_id;
END;
$$;
GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.signed_in(bytea, uuid, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.signed_in(bytea, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.signed_in(bytea, uuid, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
