-- Which quarantined records were sent again. A row is there before its record is sent, and is completed by the
-- broker's answer: whoever dies in between leaves `sending`, and the next run looks into the topic.
set role sales_owner;

create table ops.redriven (
    topic         text not null, -- where the quarantined record lies
    partition     integer not null,
    "offset"      bigint not null,
    run_id        text not null,
    fix           text not null,
    reasons       text[] not null, -- what it was quarantined for
    state         text not null check (state in ('sending', 'sent', 'not_sent', 'refused')),
    detail        text not null default '', -- why it was refused
    topic_ends    jsonb not null, -- the topic's end by partition before the send: the copy lies there or behind
    new_partition integer, -- where the copy lies
    new_offset    bigint,
    marked_at     timestamptz not null default now(),
    finished_at   timestamptz,
    primary key (topic, partition, "offset"),
    check ((state = 'sent') = (new_partition is not null)),
    check ((new_partition is null) = (new_offset is null)),
    check ((state = 'sending') = (finished_at is null))
);
create unique index redriven_by_copy on ops.redriven (topic, new_partition, new_offset);
create index redriven_unfinished on ops.redriven (topic) where state = 'sending';

grant select, insert, update on ops.redriven to sales_loader;
reset role;
