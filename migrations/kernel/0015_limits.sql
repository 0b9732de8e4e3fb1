-- Limits of sign-in and of the API that hold over every server, suspended tenants, and what is asked of security events.

-- Counters of windows. Keys are hashes with a key of the server: no address, no name. UNLOGGED: a crash of PostgreSQL
-- forgets them, which locks nobody out. A row lives for its window, an hour at most; each minute the over ones are deleted.
CREATE UNLOGGED TABLE socle.limit_counters (
  key             bytea PRIMARY KEY,
  used            integer NOT NULL,              -- failures, requests or reserved calls of the window
  ends_at         timestamptz NOT NULL,          -- then all of it is forgotten
  opens_at        timestamptz,                   -- of a name with too many failures: the next attempt, not before then
  under_way       integer NOT NULL DEFAULT 0,    -- attempts that have not said yet how they ended
  under_way_until timestamptz                    -- who has not said it by then has gone away
) WITH (fillfactor = 70);
ALTER TABLE socle.limit_counters ENABLE ROW LEVEL SECURITY;
ALTER TABLE socle.limit_counters FORCE ROW LEVEL SECURITY;
CREATE POLICY lookup ON socle.limit_counters TO socle_lookup USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON socle.limit_counters TO socle_lookup;

-- An attempt knows its account's devices and the addresses it has signed in from.
CREATE POLICY limits ON socle.known_devices FOR SELECT TO socle_lookup USING (true);
GRANT SELECT ON socle.known_devices TO socle_lookup;
CREATE INDEX sessions_places ON socle.sessions (account_id, created_at);

-- Before a password or code is looked at. `keys`: of the pair (address, name), of the pair (device, name), of the address,
-- of the name. `most`: failures of a pair, failures of an address. A device that the account knows has a counter of its
-- own and is not held back by others' failures; an address it has signed in from is not slowed down by the name's.
-- `counted` names the counter of the pair. Verdict: go; busy (as many are under way as may still fail); closed.
CREATE FUNCTION socle.begin_attempt(keys bytea[], most integer[], account uuid, device bytea, network text,
                                    at timestamptz)
RETURNS TABLE (verdict text, retry_at timestamptz, counted bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  known boolean := EXISTS (SELECT 1 FROM socle.known_devices d WHERE d.token_hash = begin_attempt.device
                           AND d.account_id = begin_attempt.account AND d.forgotten_at IS NULL);
  pair bytea := keys[CASE WHEN known THEN 2 ELSE 1 END];
  c socle.limit_counters;
BEGIN
  IF NOT known THEN
    SELECT * INTO c FROM socle.limit_counters l WHERE l.key = keys[3] AND l.ends_at > begin_attempt.at;
    IF c.used >= most[2] THEN
      RETURN QUERY SELECT 'closed', c.ends_at, pair;
      RETURN;
    END IF;
    SELECT * INTO c FROM socle.limit_counters l WHERE l.key = keys[4] AND l.opens_at > begin_attempt.at;
    IF FOUND AND NOT EXISTS (
        SELECT 1 FROM socle.sessions s WHERE s.account_id = begin_attempt.account
          AND CASE WHEN s.ip_address ~ '^[0-9a-f.:]+$' THEN s.ip_address::inet <<= begin_attempt.network::inet END) THEN
      RETURN QUERY SELECT 'closed', c.opens_at, pair;
      RETURN;
    END IF;
  END IF;
  -- The row is held from here on: of many attempts at once no more go on than may fail.
  INSERT INTO socle.limit_counters AS l (key, used, ends_at) VALUES (pair, 0, begin_attempt.at)
    ON CONFLICT (key) DO UPDATE SET key = l.key RETURNING l.* INTO c;
  IF c.ends_at <= begin_attempt.at THEN
    c.used := 0;
  END IF;
  IF c.under_way_until <= begin_attempt.at THEN
    c.under_way := 0;
  END IF;
  IF c.used >= most[1] THEN
    RETURN QUERY SELECT 'closed', c.ends_at, pair;
  ELSIF c.used + c.under_way >= most[1] THEN
    RETURN QUERY SELECT 'busy', begin_attempt.at + interval '1 second', pair;
  ELSE
    UPDATE socle.limit_counters l SET used = c.used, under_way = c.under_way + 1,
      under_way_until = begin_attempt.at + interval '30 seconds'
    WHERE l.key = pair;
    RETURN QUERY SELECT 'go', NULL::timestamptz, pair;
  END IF;
END;
$$;

-- It was wrong. `most`: failures of a pair, of an address, of a name before it is slowed down. What this very failure
-- closed: pair, address or name; NULL when nothing.
CREATE FUNCTION socle.attempt_failed(counted bytea, keys bytea[], most integer[], lasts interval, at timestamptz)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  failures integer;
  closed text;
BEGIN
  -- The window begins with the first failure, and anew with the one that closes it.
  INSERT INTO socle.limit_counters AS l (key, used, ends_at) VALUES (counted, 1, attempt_failed.at + lasts)
    ON CONFLICT (key) DO UPDATE SET used = l.used + 1, under_way = greatest(l.under_way - 1, 0),
      ends_at = CASE WHEN l.used = 0 OR l.used + 1 >= most[1] THEN attempt_failed.at + lasts ELSE l.ends_at END
    RETURNING l.used INTO failures;
  IF failures = most[1] THEN
    closed := 'pair';
  END IF;
  IF counted <> keys[1] THEN
    RETURN closed;
  END IF;
  INSERT INTO socle.limit_counters AS l (key, used, ends_at) VALUES (keys[3], 1, attempt_failed.at + lasts)
    ON CONFLICT (key) DO UPDATE SET
      used = CASE WHEN l.ends_at <= attempt_failed.at THEN 1 ELSE l.used + 1 END,
      ends_at = CASE WHEN l.ends_at <= attempt_failed.at THEN attempt_failed.at + lasts ELSE l.ends_at END
    RETURNING l.used INTO failures;
  IF failures = most[2] THEN
    closed := 'address';
  END IF;
  -- Of a name: forgotten an hour after the last one; each beyond the free ones doubles the pause, up to five minutes.
  INSERT INTO socle.limit_counters AS l (key, used, ends_at)
    VALUES (keys[4], 1, attempt_failed.at + interval '1 hour')
    ON CONFLICT (key) DO UPDATE SET
      used = CASE WHEN l.ends_at <= attempt_failed.at THEN 1 ELSE l.used + 1 END,
      ends_at = attempt_failed.at + interval '1 hour',
      opens_at = CASE WHEN l.ends_at > attempt_failed.at AND l.used >= most[3]
                 THEN attempt_failed.at + least(300, 2 ^ least(l.used - most[3], 20)) * interval '1 second' END
    RETURNING l.used INTO failures;
  IF failures = most[3] + 1 THEN
    closed := coalesce(closed, 'name');
  END IF;
  RETURN closed;
END;
$$;

-- It was right, or nobody looked at it: right, and the pair's failures are forgotten.
CREATE FUNCTION socle.attempt_ended(counted bytea, was_right boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE socle.limit_counters l SET under_way = greatest(l.under_way - 1, 0),
    used = CASE WHEN was_right THEN 0 ELSE l.used END
  WHERE l.key = counted;
$$;

-- Requests of a kind, right or wrong, each counted under several keys. `first` is the first refusal of the window.
CREATE FUNCTION socle.take_requests(keys bytea[], most integer[], lasts interval, at timestamptz)
RETURNS TABLE (taken boolean, retry_at timestamptz, first boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  c socle.limit_counters;
BEGIN
  FOR place IN 1 .. array_length(keys, 1) LOOP
    INSERT INTO socle.limit_counters AS l (key, used, ends_at) VALUES (keys[place], 1, take_requests.at + lasts)
      ON CONFLICT (key) DO UPDATE SET
        used = CASE WHEN l.ends_at <= take_requests.at THEN 1 ELSE least(l.used + 1, most[place] + 2) END,
        ends_at = CASE WHEN l.ends_at <= take_requests.at THEN take_requests.at + lasts ELSE l.ends_at END
      RETURNING l.* INTO c;
    IF c.used > most[place] THEN
      RETURN QUERY SELECT false, c.ends_at, c.used = most[place] + 1;
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY SELECT true, NULL::timestamptz, false;
END;
$$;

-- A server reserves calls of one window for itself: never more than are left. The window is in the key.
CREATE FUNCTION socle.reserve_calls(key bytea, wanted integer, most integer, until timestamptz)
RETURNS TABLE (granted integer, used integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  had integer;
BEGIN
  INSERT INTO socle.limit_counters AS l (key, used, ends_at) VALUES (reserve_calls.key, 0, reserve_calls.until)
    ON CONFLICT (key) DO UPDATE SET key = l.key RETURNING l.used INTO had;
  UPDATE socle.limit_counters l SET used = least(had + wanted, most) WHERE l.key = reserve_calls.key;
  RETURN QUERY SELECT greatest(least(wanted, most - had), 0), greatest(least(had + wanted, most), had);
END;
$$;

-- Each minute: counters whose window is over. An attempt under way keeps its row.
CREATE FUNCTION socle.forget_counters(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH gone AS (DELETE FROM socle.limit_counters l
                WHERE l.ends_at < before AND (l.under_way_until < before) IS NOT FALSE RETURNING 1)
  SELECT count(*) FROM gone;
$$;

-- The operators' list of tenants of every realm: numbers and names of organisations, nobody's data.
CREATE FUNCTION socle.tenants(wanted text, most integer, beyond integer)
RETURNS TABLE (tenant_id uuid, realm text, name text, members bigint, suspended_at timestamptz, suspended_reason text,
               total bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT m.tenant_id, m.realm, max(m.tenant_name), count(*) FILTER (WHERE m.ended_at IS NULL), t.suspended_at,
         t.suspended_reason, count(*) OVER ()
  FROM socle.memberships m LEFT JOIN socle.tenant_rules t ON t.tenant_id = m.tenant_id
  WHERE m.tenant_id <> '00000000-0000-0000-0000-000000000000'
    AND (wanted = '' OR strpos(lower(m.tenant_name), lower(wanted)) > 0 OR m.tenant_id::text = wanted)
  GROUP BY m.tenant_id, m.realm, t.suspended_at, t.suspended_reason
  ORDER BY m.realm, max(m.tenant_name), m.tenant_id LIMIT most OFFSET beyond;
$$;

-- An operator's word on a tenant that has members, given in the platform's own tenant:
-- suspended with a reason, or resumed without one. Whether it changed.
CREATE FUNCTION socle.suspend_tenant(tenant uuid, reason text, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO socle.tenant_rules AS t (tenant_id, realm, suspended_at, suspended_reason, updated_at)
  SELECT m.tenant_id, m.realm, CASE WHEN reason IS NOT NULL THEN suspend_tenant.at END, reason, suspend_tenant.at
  FROM socle.memberships m
  WHERE m.tenant_id = tenant AND m.tenant_id <> '00000000-0000-0000-0000-000000000000'
    AND socle.tenant_id() = '00000000-0000-0000-0000-000000000000' LIMIT 1
  ON CONFLICT (tenant_id) DO UPDATE SET suspended_at = excluded.suspended_at,
    suspended_reason = excluded.suspended_reason, updated_at = excluded.updated_at
  WHERE (t.suspended_at IS NULL) <> (excluded.suspended_at IS NULL)
  RETURNING true;
$$;

-- The operators' list of security events, newest first. Addresses of mail are masked in here.
CREATE FUNCTION socle.security_events_found(wanted_type text, wanted_severity text, wanted_account text,
                                            since timestamptz, until timestamptz, most integer, beyond integer)
RETURNS TABLE (id uuid, realm text, tenant_id uuid, type text, severity text, account_id uuid, account text, ip text,
               details jsonb, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.id, e.realm, e.tenant_id, e.type, e.severity, e.user_id,
         left(a.email, 1) || '…@' || split_part(a.email, '@', 2), e.ip, e.meta_json, e.created_at
  FROM socle.security_events e LEFT JOIN socle.accounts a ON a.id = e.user_id
  WHERE (wanted_type = '' OR e.type = wanted_type) AND (wanted_severity = '' OR e.severity = wanted_severity)
    AND (wanted_account = '' OR e.user_id::text = wanted_account OR a.email = lower(wanted_account))
    AND e.created_at >= since AND e.created_at < until
  ORDER BY e.created_at DESC, e.id DESC LIMIT most OFFSET beyond;
$$;
CREATE FUNCTION socle.security_events_counted(wanted_type text, wanted_account text, since timestamptz,
                                              until timestamptz)
RETURNS TABLE (severity text, events bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.severity, count(*) FROM socle.security_events e LEFT JOIN socle.accounts a ON a.id = e.user_id
  WHERE (wanted_type = '' OR e.type = wanted_type)
    AND (wanted_account = '' OR e.user_id::text = wanted_account OR a.email = lower(wanted_account))
    AND e.created_at >= since AND e.created_at < until
  GROUP BY e.severity;
$$;

-- The watch, each minute: of whom there were so many events of a type since an instant, and who has not been noted for
-- that since then. `by_address`: grouped by address, counting different names; otherwise by account, counting events.
CREATE FUNCTION socle.security_findings(wanted_type text, noted_as text, by_address boolean, least_count integer,
                                        since timestamptz)
RETURNS TABLE (realm text, account_id uuid, ip text, events bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  IF by_address THEN
    RETURN QUERY SELECT max(e.realm), NULL::uuid, e.ip, count(DISTINCT e.meta_json ->> 'name')
    FROM socle.security_events e
    WHERE e.type = wanted_type AND e.created_at > since AND e.ip IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM socle.security_events n
                      WHERE n.type = noted_as AND n.created_at > since AND n.ip = e.ip)
    GROUP BY e.ip HAVING count(DISTINCT e.meta_json ->> 'name') >= least_count LIMIT 500;
  ELSE
    RETURN QUERY SELECT max(e.realm), e.user_id, NULL::text, count(*)
    FROM socle.security_events e
    WHERE e.type = wanted_type AND e.created_at > since AND e.user_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM socle.security_events n
                      WHERE n.type = noted_as AND n.created_at > since AND n.user_id = e.user_id)
    GROUP BY e.user_id HAVING count(*) >= least_count LIMIT 500;
  END IF;
END;
$$;

-- The watch: sign-ins since an instant with the one before of the same account, for impossible travel.
CREATE FUNCTION socle.recent_sign_ins(since timestamptz, noted_as text, noted_since timestamptz)
RETURNS TABLE (realm text, account_id uuid, ip text, at timestamptz, ip_before text, at_before timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.realm, s.account_id, s.ip_address, s.created_at, b.ip_address, b.created_at
  FROM socle.sessions s JOIN socle.accounts a ON a.id = s.account_id
  CROSS JOIN LATERAL (SELECT p.ip_address, p.created_at FROM socle.sessions p
                      WHERE p.account_id = s.account_id AND p.created_at < s.created_at
                      ORDER BY p.created_at DESC LIMIT 1) b
  WHERE s.created_at > since AND s.ip_address <> b.ip_address
    AND NOT EXISTS (SELECT 1 FROM socle.security_events n
                    WHERE n.type = noted_as AND n.created_at > noted_since AND n.user_id = s.account_id)
  ORDER BY s.created_at LIMIT 2000;
$$;

GRANT CREATE ON SCHEMA socle TO socle_lookup;
ALTER FUNCTION socle.begin_attempt(bytea[], integer[], uuid, bytea, text, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.attempt_failed(bytea, bytea[], integer[], interval, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.attempt_ended(bytea, boolean) OWNER TO socle_lookup;
ALTER FUNCTION socle.take_requests(bytea[], integer[], interval, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.reserve_calls(bytea, integer, integer, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.forget_counters(timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.tenants(text, integer, integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.suspend_tenant(uuid, text, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.security_events_found(text, text, text, timestamptz, timestamptz, integer, integer) OWNER TO socle_lookup;
ALTER FUNCTION socle.security_events_counted(text, text, timestamptz, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.security_findings(text, text, boolean, integer, timestamptz) OWNER TO socle_lookup;
ALTER FUNCTION socle.recent_sign_ins(timestamptz, text, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA socle FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION socle.begin_attempt(bytea[], integer[], uuid, bytea, text, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.attempt_failed(bytea, bytea[], integer[], interval, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.attempt_ended(bytea, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.take_requests(bytea[], integer[], interval, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.reserve_calls(bytea, integer, integer, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.forget_counters(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.tenants(text, integer, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.suspend_tenant(uuid, text, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.security_events_found(text, text, text, timestamptz, timestamptz, integer, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.security_events_counted(text, text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.security_findings(text, text, boolean, integer, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION socle.recent_sign_ins(timestamptz, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION socle.begin_attempt(bytea[], integer[], uuid, bytea, text, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.attempt_failed(bytea, bytea[], integer[], interval, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.attempt_ended(bytea, boolean) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.take_requests(bytea[], integer[], interval, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.reserve_calls(bytea, integer, integer, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.forget_counters(timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.tenants(text, integer, integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.suspend_tenant(uuid, text, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.security_events_found(text, text, text, timestamptz, timestamptz, integer, integer) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.security_events_counted(text, text, timestamptz, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.security_findings(text, text, boolean, integer, timestamptz) TO socle_app;
GRANT EXECUTE ON FUNCTION socle.recent_sign_ins(timestamptz, text, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
