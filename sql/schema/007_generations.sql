-- Which checkpoints the lake has had, and which records were given up: the audit of every repair.
set role sales_owner;

-- One row per generation, one life of the stream's checkpoint. The file saleslake.json in the checkpoint says
-- the same; this one survives the loss of the folder.
create table ops.generations (
    generation       uuid primary key,
    number           bigint generated always as identity unique, -- the highest one is the lake's
    topic            text not null,
    topic_id         text not null,
    first_batch_id   bigint not null,
    starting_offsets jsonb not null, -- by partition
    email_key        text not null, -- fingerprint
    reason           text not null check (reason in ('first start', 'adopted', 'loss accepted')),
    begun_by         text not null default '',
    begun_at         timestamptz not null default now()
);

-- One row per range of offsets that was never read and never will be. Without a row here such a range stops
-- the stream.
create table ops.accepted_losses (
    topic          text not null,
    partition      integer not null,
    start_offset   bigint not null, -- first offset that is missing
    end_offset     bigint not null, -- first offset after them
    after_batch_id bigint not null, -- the last batch closed before; -1: none was
    accepted_by    text not null check (accepted_by <> ''),
    why            text not null check (why <> ''),
    accepted_at    timestamptz not null default now(),
    primary key (topic, partition, start_offset),
    check (end_offset > start_offset)
);

grant select, insert on ops.generations, ops.accepted_losses to sales_loader;
reset role;
