-- What running an installation needs to know of itself.

-- How long no controller accepted anything, for each day (UTC) on which one ran.
create table availability (
  day text primary key,
  down_ms bigint not null,
  longest_ms bigint not null,
  probes bigint not null
);

-- One row: when a controller was last known to accept, and who saw to it from outside. All by the
-- clock of the database, so that controllers whose clocks differ agree.
create table availability_now (
  name text primary key,
  accepted_ms bigint not null,
  watcher text not null,
  watched_ms bigint not null
);

-- What each program speaks with the others; 1 for those that did not tell.
alter table controllers add column protocol bigint not null default 1;
alter table agents add column version text not null default '';
alter table agents add column protocol bigint not null default 1;
