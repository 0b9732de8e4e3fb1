-- PhysioTraq: treatments and their readings go after 20 years, readings of no treatment after 30 days (decision 0004). Rows
-- are deleted in batches; no month is dropped, since one treatment is enough to keep it.

GRANT DELETE ON physiotraq.treatments, physiotraq.measurements TO socle_lookup;
GRANT SELECT, DELETE ON physiotraq.alerts, physiotraq.events TO socle_lookup;
-- An erasure takes addresses and browsers out of events; what happened stays.
GRANT UPDATE (ip_address, user_agent) ON physiotraq.events TO socle_app;
CREATE POLICY retention ON physiotraq.measurements FOR DELETE TO socle_lookup USING (true);
CREATE POLICY retention ON physiotraq.alerts TO socle_lookup USING (true) WITH CHECK (true);
CREATE POLICY retention ON physiotraq.events TO socle_lookup USING (true) WITH CHECK (true);

-- Nightly: treatments that ended before then, at most so many at once, with their readings, alerts and events.
CREATE FUNCTION physiotraq.forget_treatments(before timestamptz, most integer, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  doomed uuid[];
  gone bigint;
BEGIN
  doomed := ARRAY(
    SELECT t.id FROM physiotraq.treatments t
    WHERE t.ended_at <= forget_treatments.before
      AND NOT EXISTS (SELECT 1 FROM socle.legal_holds h WHERE h.lifted_at IS NULL
                      AND (h.until IS NULL OR h.until > forget_treatments.at)
                      AND h.subject_id IN (t.license_id, t.user_id))
    ORDER BY t.ended_at, t.id LIMIT most);
  DELETE FROM physiotraq.measurements m USING physiotraq.treatments t
  WHERE t.id = ANY (doomed) AND m.device_id = t.device_id AND m.treatment_id = t.id
    AND m.measured_at BETWEEN t.started_at - interval '1 day' AND t.ended_at + interval '1 day';
  DELETE FROM physiotraq.events e
  WHERE e.eventable_id = ANY (doomed)
     OR e.eventable_id IN (SELECT a.id FROM physiotraq.alerts a WHERE a.treatment_id = ANY (doomed));
  DELETE FROM physiotraq.alerts a WHERE a.treatment_id = ANY (doomed);
  DELETE FROM physiotraq.treatments t WHERE t.id = ANY (doomed);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END;
$$;

-- Nightly: readings of no treatment that were received before then, at most so many at once, straight in the partitions.
CREATE FUNCTION physiotraq.forget_unattached(before timestamptz, most integer, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  leaf regclass;
  gone bigint := 0;
  more bigint;
BEGIN
  FOR leaf IN SELECT p.relid FROM pg_partition_tree('physiotraq.measurements') p WHERE p.isleaf ORDER BY p.relid::text LOOP
    EXIT WHEN gone >= most;
    EXECUTE format('DELETE FROM %1$s t WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM %1$s o
      WHERE o.treatment_id IS NULL AND o.received_at <= $1
        AND NOT EXISTS (SELECT 1 FROM socle.legal_holds h WHERE h.lifted_at IS NULL AND (h.until IS NULL OR h.until > $3)
                        AND h.subject_id = o.license_id) LIMIT $2))', leaf)
    USING before, (most - gone)::integer, at;
    GET DIAGNOSTICS more = ROW_COUNT;
    gone := gone + more;
  END LOOP;
  RETURN gone;
END;
$$;

REVOKE ALL ON FUNCTION physiotraq.forget_unattached(timestamptz, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.forget_unattached(timestamptz, integer, timestamptz) TO socle_app;
GRANT CREATE ON SCHEMA physiotraq TO socle_lookup;
ALTER FUNCTION physiotraq.forget_treatments(timestamptz, integer, timestamptz) OWNER TO socle_lookup;
REVOKE CREATE ON SCHEMA physiotraq FROM socle_lookup;
SET LOCAL ROLE socle_lookup;
REVOKE ALL ON FUNCTION physiotraq.forget_treatments(timestamptz, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION physiotraq.forget_treatments(timestamptz, integer, timestamptz) TO socle_app;
SET LOCAL ROLE socle_owner;
