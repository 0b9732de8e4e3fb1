-- The people who run the platform. Their tenant is the platform itself: the nil UUID.

CREATE TABLE socle.operators (
  tenant_id  uuid NOT NULL CHECK (tenant_id = '00000000-0000-0000-0000-000000000000'),
  id         uuid NOT NULL,                      -- the account's id
  first_name text NOT NULL,
  last_name  text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, id) REFERENCES socle.memberships (tenant_id, account_id)
);
ALTER TABLE socle.operators ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.operators FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.operators TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.operators FOR SELECT TO socle_lookup USING (true);
GRANT SELECT, INSERT, UPDATE ON socle.operators TO socle_app;
GRANT SELECT ON socle.operators TO socle_lookup;

-- Before the person is known: the operator behind a session.
CREATE FUNCTION socle.operator_signed_in(token_hash bytea, session uuid, at timestamptz)
RETURNS TABLE (live socle.live, name text, profile jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s, o.first_name || ' ' || o.last_name, '{}'::jsonb
  FROM socle.live_session('platform', operator_signed_in.token_hash, operator_signed_in.session,
                          operator_signed_in.at) s
  JOIN socle.operators o ON o.tenant_id = s.tenant_id AND o.id = s.account_id;
END;
$$;

-- The same for realms whose members have no profile of their own.
CREATE FUNCTION socle.member_signed_in(realm text, token_hash bytea, session uuid, at timestamptz)
RETURNS TABLE (live socle.live, name text, profile jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s, s.email, '{}'::jsonb
  FROM socle.live_session(member_signed_in.realm, member_signed_in.token_hash, member_signed_in.session,
                          member_signed_in.at) s;
END;
$$;
GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.member_signed_in(text, bytea, uuid, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.operator_signed_in(bytea, uuid, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.operator_signed_in(bytea, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.member_signed_in(text, bytea, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.member_signed_in(text, bytea, uuid, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.operator_signed_in(bytea, uuid, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
