-- What the lake writer does instead of batches, and until when at most: it is not stuck then.
set role sales_owner;
alter table ops.stream_progress add column busy_with text, add column busy_until timestamptz;
reset role;
