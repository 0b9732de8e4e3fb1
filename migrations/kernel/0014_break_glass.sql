-- Records opened by breaking the glass: one record, one person, one session, half an hour; reviewed afterwards.
-- Kept as long as the audit trail: it is the evidence of why somebody saw what they otherwise could not.

CREATE TABLE socle.break_glass (
  id          uuid PRIMARY KEY,
  realm       text NOT NULL,
  tenant_id   uuid NOT NULL,
  account_id  uuid NOT NULL,
  session_id  uuid NOT NULL,                     -- the session that asked; no other sees the record. Sessions are forgotten
  kind        text NOT NULL CHECK (length(kind) BETWEEN 1 AND 50),
  record_id   uuid NOT NULL,
  asked       bytea NOT NULL,                    -- sealed: reason, and the person's name at that time
  uses        integer NOT NULL DEFAULT 0,
  opened_at   timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  ended_at    timestamptz,                       -- early, or when its time was over
  reviewed_by uuid,
  reviewed_at timestamptz,
  verdict     text CHECK (verdict IN ('justified', 'not_justified')),
  review      bytea,                             -- sealed: the reviewer's note and name
  CHECK (expires_at > opened_at),
  CHECK (ended_at <= expires_at),
  CHECK ((reviewed_by IS NULL) = (verdict IS NULL) AND (reviewed_at IS NULL) = (verdict IS NULL)
         AND (review IS NULL) = (verdict IS NULL)),
  CONSTRAINT break_glass_not_ones_own CHECK (reviewed_by <> account_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES socle.memberships (tenant_id, account_id),
  FOREIGN KEY (tenant_id, reviewed_by) REFERENCES socle.memberships (tenant_id, account_id)
);
-- One record at a time: a second one, and the same one again, wait until this has ended.
CREATE UNIQUE INDEX break_glass_one_open ON socle.break_glass (tenant_id, account_id) WHERE ended_at IS NULL;
CREATE INDEX break_glass_unreviewed ON socle.break_glass (tenant_id, opened_at) WHERE verdict IS NULL;
CREATE INDEX break_glass_record ON socle.break_glass (tenant_id, kind, record_id);
ALTER TABLE socle.break_glass ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.break_glass FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.break_glass TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
-- Who, what, when and why stay as they were written.
GRANT SELECT, INSERT ON socle.break_glass TO socle_app;
GRANT UPDATE (uses, ended_at, reviewed_by, reviewed_at, verdict, review) ON socle.break_glass TO socle_app;

-- Who is to be told: address and language of the present holders of roles in the asker's own tenant. Accounts are not to
-- be seen by others.
CREATE FUNCTION socle.holders_of_roles(roles text[]) RETURNS TABLE (account_id uuid, email text, language text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id, a.email, a.language
  FROM socle.memberships m JOIN socle.accounts a ON a.id = m.account_id AND a.realm = m.realm
  WHERE m.tenant_id = socle.tenant_id() AND m.role = ANY (roles) AND m.ended_at IS NULL AND a.status = 'active'
  ORDER BY a.id;
$$;

-- At start: which roles of a realm somebody holds or is invited to, so that a role still in use is not taken away.
CREATE FUNCTION socle.roles_in_use(wanted_realm text) RETURNS TABLE (role text, members bigint, invitations bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.role, sum(u.members)::bigint, sum(u.invitations)::bigint FROM (
    SELECT m.role, 1 AS members, 0 AS invitations FROM socle.memberships m
    WHERE m.realm = wanted_realm AND m.ended_at IS NULL
    UNION ALL
    SELECT i.role, 0, 1 FROM socle.invitations i
    WHERE i.realm = wanted_realm AND i.accepted_at IS NULL AND i.revoked_at IS NULL) u
  GROUP BY u.role ORDER BY u.role;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.holders_of_roles(text[]) OWNER TO socle_lookup;
ALTER FUNCTION socle.roles_in_use(text) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.holders_of_roles(text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.roles_in_use(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.holders_of_roles(text[]) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.roles_in_use(text) TO socle_app;
SET LOCAL ROLE socle_owner;
