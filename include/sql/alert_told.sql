-- binds: incident_id, how, told_as, claimed_until
-- rerun: what got worse, or ended, while it was told is told next
update ops.incidents set
    notified_at = clock_timestamp(),
    notified_how = %(how)s,
    notified_as = %(told_as)s,
    attempts = case when notify_after = %(claimed_until)s then 0 else attempts end,
    notify_after = case when notify_after = %(claimed_until)s then null else notify_after end
where incident_id = %(incident_id)s;
