-- Secrets of teams, sealed with a key that no database holds, and the GPUs a user may have at once.

create table secrets (
  team text not null,
  name text not null,
  key_id text not null,
  sealed {blob} not null,
  principal text not null,
  created_ms bigint not null,
  changed_ms bigint not null,
  primary key (team, name)
);

alter table users add column max_gpus bigint;
