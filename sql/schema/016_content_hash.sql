set role sales_owner;

comment on column marts.publications.content_hash is
'Two sums of a hash of each row of the mart in that hour, without as_of, completeness and version.';

reset role;
