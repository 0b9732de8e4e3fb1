-- What somebody signs in with, chosen and changed: password, address, phone, user name; and the standing of an account.

-- Tries of a signed-in person's own password (a change of it asks for the present one). Counted before they are checked, so
-- that many at once are no way around the bound; kept for an hour.
CREATE TABLE socle.password_tries (
  id         uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES socle.accounts (id),
  created_at timestamptz NOT NULL
);
CREATE INDEX password_tries_account ON socle.password_tries (account_id, created_at);
ALTER TABLE socle.password_tries ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.password_tries FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON socle.password_tries TO socle_app
  USING (account_id = (SELECT socle.account_id())) WITH CHECK (account_id = (SELECT socle.account_id()));
CREATE POLICY lookup ON socle.password_tries TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON socle.password_tries TO socle_app;
GRANT SELECT, DELETE ON socle.password_tries TO socle_lookup;

-- What is unique in a realm is taken by trying: who asks cannot see the account that has it. With the rights and row
-- policies of the caller; false when another account has it.
CREATE FUNCTION socle.take_email(account uuid, wanted text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  UPDATE socle.accounts a SET email = wanted, email_verified_at = take_email.at, updated_at = take_email.at
  WHERE a.id = account;
  RETURN FOUND;
EXCEPTION WHEN unique_violation THEN RETURN false;
END;
$$;
CREATE FUNCTION socle.take_username(account uuid, wanted text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  UPDATE socle.accounts a SET username = wanted, updated_at = take_username.at WHERE a.id = account;
  RETURN FOUND;
EXCEPTION WHEN unique_violation THEN RETURN false;
END;
$$;
CREATE FUNCTION socle.take_phone(account uuid, sealed bytea, index bytea, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  UPDATE socle.accounts a SET phone = take_phone.sealed, phone_index = take_phone.index,
                              phone_verified_at = take_phone.at, updated_at = take_phone.at
  WHERE a.id = account;
  RETURN FOUND;
EXCEPTION WHEN unique_violation THEN RETURN false;
END;
$$;

-- An operator's word on an account, from the platform's own tenant: its sessions end, or it may sign in again. The
-- account, or NULL when there is none of that standing.
CREATE FUNCTION socle.suspend_account(wanted_realm text, wanted_email text, at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  suspended uuid;
BEGIN
  UPDATE socle.accounts a SET status = 'suspended', updated_at = suspend_account.at
  WHERE a.realm = wanted_realm AND a.email = lower(wanted_email) AND a.status = 'active'
    AND socle.tenant_id() = '00000000-0000-0000-0000-000000000000'
  RETURNING a.id INTO suspended;
  UPDATE socle.sessions s SET ended_at = suspend_account.at WHERE s.account_id = suspended AND s.ended_at IS NULL;
  RETURN suspended;
END;
$$;
CREATE FUNCTION socle.reactivate_account(wanted_realm text, wanted_email text, at timestamptz) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.accounts a SET status = 'active', updated_at = reactivate_account.at
  WHERE a.realm = wanted_realm AND a.email = lower(wanted_email) AND a.status = 'suspended'
    AND socle.tenant_id() = '00000000-0000-0000-0000-000000000000'
  RETURNING a.id;
$$;

-- Whoever is responsible for people may make them choose a new password, and can neither set nor see one: for a member of
-- the asker's own tenant.
CREATE FUNCTION socle.force_password_change(account uuid, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.accounts a SET force_password_change = true, updated_at = force_password_change.at
  WHERE a.id = account AND a.status = 'active'
    AND EXISTS (SELECT 1 FROM socle.memberships m
                WHERE m.account_id = a.id AND m.tenant_id = socle.tenant_id() AND m.ended_at IS NULL)
  RETURNING true;
$$;
CREATE POLICY standing ON socle.accounts FOR UPDATE TO socle_lookup USING (true) WITH CHECK (true);
GRANT UPDATE (status, force_password_change, updated_at) ON socle.accounts TO socle_lookup;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.suspend_account(text, text, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.reactivate_account(text, text, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.force_password_change(uuid, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.suspend_account(text, text, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.reactivate_account(text, text, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.force_password_change(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.suspend_account(text, text, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.reactivate_account(text, text, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.force_password_change(uuid, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
