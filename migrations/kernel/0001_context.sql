-- Who is asking, for which tenant: transaction-local settings that every row policy reads.
-- No clock and no default here knows the time: the server's one clock passes it in.

CREATE FUNCTION socle.enter(tenant uuid, account uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog AS $$
  SELECT set_config('socle.tenant_id', coalesce(tenant::text, ''), true),
         set_config('socle.account_id', coalesce(account::text, ''), true);
$$;

-- After a finished transaction a custom setting is the empty string, not NULL: both mean "nobody".
CREATE FUNCTION socle.tenant_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('socle.tenant_id', true), '')::uuid;
$$;

CREATE FUNCTION socle.account_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('socle.account_id', true), '')::uuid;
$$;

GRANT USAGE ON SCHEMA socle TO socle_app, socle_ingest, socle_lookup;
