set role sales_owner;

comment on column marts.publications.content_hash is
'Two sums over a hash of each row of the mart in that hour, without as_of, completeness and version; without a colon, a SHA-256 of before.';

reset role;
