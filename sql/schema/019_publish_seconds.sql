-- How long a publish takes, for whoever watches it. Comments: comments.sql.
set role sales_owner;

alter table marts.publications add column publish_seconds numeric(9, 3) check (publish_seconds >= 0);

-- The new column stands last; what reads the view goes on.
create or replace view marts.current_publications as
select distinct on (mart, hour_utc) *
from marts.publications
order by mart, hour_utc, version desc;

reset role;
