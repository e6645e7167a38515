-- binds: incident_id, claimed_until, retry (seconds until the next try)
update ops.incidents set notify_after = clock_timestamp() + make_interval(secs => %(retry)s)
where incident_id = %(incident_id)s and notify_after = %(claimed_until)s;
