-- Files: what a tenant uploads or is given. The bytes lie in an object store (a folder or S3) under realm, kind and id; this
-- is all that is known of them. A file without completed_at is an upload that was not finished, and nobody sees it.
CREATE TABLE socle.files (
  id           uuid NOT NULL,
  realm        text NOT NULL,
  tenant_id    uuid NOT NULL,                    -- what belongs to no customer belongs to the platform's own tenant
  kind         text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{1,39}$'),
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),   -- what a download is called; the product's choice
  content_type text,                             -- found in the content, whatever the sender said
  bytes        bigint CHECK (bytes > 0),
  sha256       bytea CHECK (octet_length(sha256) = 32),
  state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'clean', 'refused')),
  created_at   timestamptz NOT NULL,
  completed_at timestamptz,                      -- whole, and in the transaction of what it belongs to
  expires_at   timestamptz,                      -- its kind's retention; NULL: as long as what it belongs to
  removed_at   timestamptz,                      -- nobody sees it any more; the sweep takes object and row away
  PRIMARY KEY (tenant_id, id),
  CHECK ((completed_at IS NULL) = (sha256 IS NULL) AND (completed_at IS NULL) = (bytes IS NULL)
         AND (completed_at IS NULL) = (content_type IS NULL)),
  CHECK (state = 'pending' OR completed_at IS NOT NULL)
);
CREATE INDEX files_unfinished ON socle.files (created_at) WHERE completed_at IS NULL;
CREATE INDEX files_removed ON socle.files (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX files_expiring ON socle.files (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX files_unscanned ON socle.files (completed_at) WHERE state = 'pending' AND completed_at IS NOT NULL;
ALTER TABLE socle.files ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.files FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON socle.files TO socle_app
  USING (tenant_id = (SELECT socle.tenant_id())) WITH CHECK (tenant_id = (SELECT socle.tenant_id()));
CREATE POLICY lookup ON socle.files TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON socle.files TO socle_app;
GRANT UPDATE (content_type, bytes, sha256, state, completed_at, expires_at, removed_at) ON socle.files TO socle_app;
GRANT SELECT, DELETE ON socle.files TO socle_lookup;

-- The sweep, of every tenant: uploads that nobody finished, what was removed, what its kind keeps no longer (save what a
-- legal hold on the tenant names).
CREATE FUNCTION socle.doomed_files(unfinished timestamptz, at timestamptz, most integer)
RETURNS TABLE (id uuid, realm text, kind text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT f.id, f.realm, f.kind FROM socle.files f
  WHERE f.removed_at IS NOT NULL
     OR f.completed_at IS NULL AND f.created_at <= unfinished
     OR f.expires_at <= doomed_files.at
        AND NOT EXISTS (SELECT 1 FROM socle.legal_holds h WHERE h.lifted_at IS NULL
                        AND (h.until IS NULL OR h.until > doomed_files.at) AND h.subject_id = f.tenant_id)
  ORDER BY f.created_at, f.id LIMIT most;
$$;

-- The sweep, once the objects are gone. An upload that was finished meanwhile stays.
CREATE FUNCTION socle.forget_files(ids uuid[], at timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH gone AS (
    DELETE FROM socle.files f WHERE f.id = ANY (ids)
      AND (f.removed_at IS NOT NULL OR f.completed_at IS NULL OR f.expires_at <= forget_files.at)
    RETURNING 1
  )
  SELECT count(*) FROM gone;
$$;

-- Finished files that wait for the virus scanner, of every tenant: where a scanner was out of reach for longer.
CREATE FUNCTION socle.unscanned_files(before timestamptz, most integer)
RETURNS TABLE (id uuid, realm text, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT f.id, f.realm, f.tenant_id FROM socle.files f
  WHERE f.state = 'pending' AND f.completed_at <= before AND f.removed_at IS NULL
  ORDER BY f.completed_at, f.id LIMIT most;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.doomed_files(timestamptz, timestamptz, integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.forget_files(uuid[], timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.unscanned_files(timestamptz, integer) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.doomed_files(timestamptz, timestamptz, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.forget_files(uuid[], timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.unscanned_files(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.doomed_files(timestamptz, timestamptz, integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.forget_files(uuid[], timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.unscanned_files(timestamptz, integer) TO socle_app;
SET LOCAL ROLE socle_owner;
