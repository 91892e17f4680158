-- Gangs, parts of a GPU, preemption, teams with guarantees, and bookings.

-- How much of each device is given away: whole or in parts, the check refuses more than there is.
alter table devices add column allocated_milli integer not null default 0
  check (allocated_milli between 0 and 1000);
update devices set allocated_milli = 1000
  where id in (select device_id from allocations where active = 1 and device_id is not null);

-- A check cannot be changed where it stands, so the two tables are made anew: an attempt may end as
-- preempted, and an allocation may be a part of a device.
create table allocations_before as
  select attempt_id, node_id, device_id, cpus, memory_bytes, active from allocations;
drop table allocations;
create table attempts_before as select * from attempts;
drop table attempts;

-- preempted_for: the job that needs the place, once a preemption was asked for. outcome: how the
-- first member ended that did not succeed. decision: what the scheduler weighed, as JSON.
create table attempts (
  id {id} primary key,
  job_id {id} not null references jobs (id),
  number integer not null,
  node_id {id} not null references nodes (id),
  epoch bigint not null,
  state text not null check (state in
    ('starting', 'running', 'succeeded', 'failed', 'cancelled', 'lost', 'preempted')),
  reason text not null,
  exit_code integer,
  signal integer,
  log_bytes bigint not null,
  progress_offset bigint not null,
  created_ms bigint not null,
  started_ms bigint,
  finished_ms bigint,
  gpu_milli bigint not null default 0,
  preempted_for {id},
  outcome text check (outcome in ('failed', 'cancelled', 'lost', 'preempted')),
  decision text not null default '',
  unique (job_id, number)
);
insert into attempts (id, job_id, number, node_id, epoch, state, reason, exit_code, signal, log_bytes,
    progress_offset, created_ms, started_ms, finished_ms)
  select id, job_id, number, node_id, epoch, state, reason, exit_code, signal, log_bytes,
    progress_offset, created_ms, started_ms, finished_ms from attempts_before;
update attempts set gpu_milli = 1000 * (select count(*) from allocations_before a
  where a.attempt_id = attempts.id and a.device_id is not null);
drop table attempts_before;
create index attempts_active on attempts (node_id) where state in ('starting', 'running');
create index attempts_ended on attempts (finished_ms) where finished_ms is not null;

-- The processes of an attempt, one on each node of its gang. An attempt ends when all have ended.
create table attempt_members (
  attempt_id {id} not null references attempts (id),
  member_rank integer not null,
  node_id {id} not null references nodes (id),
  state text not null check (state in ('starting', 'running', 'ended')),
  primary key (attempt_id, member_rank)
);
insert into attempt_members (attempt_id, member_rank, node_id, state)
  select id, 0, node_id, state from attempts where state in ('starting', 'running');

-- One row for the processors and memory of a member, and one for each of its devices.
create table allocations (
  id {bigserial},
  attempt_id {id} not null references attempts (id),
  member_rank integer not null,
  node_id {id} not null references nodes (id),
  device_id text references devices (id),
  milli integer not null check (milli between 0 and 1000),
  cpus integer not null,
  memory_bytes bigint not null,
  active integer not null check (active in (0, 1))
);
insert into allocations (attempt_id, member_rank, node_id, device_id, milli, cpus, memory_bytes, active)
  select attempt_id, 0, node_id, device_id, case when device_id is null then 0 else 1000 end, cpus,
    memory_bytes, active from allocations_before;
drop table allocations_before;
-- A whole device has one holder, whatever the sums say.
create unique index allocations_one_job_a_device on allocations (device_id)
  where active = 1 and milli = 1000;
create index allocations_by_attempt on allocations (attempt_id);
create index allocations_active on allocations (node_id) where active = 1;

create table teams (
  name text primary key,
  weight double precision not null check (weight > 0),
  guarantees text not null,
  changed_ms bigint not null
);

-- Cancelled ones stay, for the record.
create table reservations (
  id {id} primary key,
  team text not null,
  resources text not null,
  start_ms bigint not null,
  duration_ms bigint not null check (duration_ms > 0),
  principal text not null,
  created_ms bigint not null,
  cancelled_ms bigint
);
create index reservations_kept on reservations (start_ms) where cancelled_ms is null;

-- Data sets that a node has on its disk.
create table node_contents (
  node_id {id} not null references nodes (id),
  name text not null,
  seen_ms bigint not null,
  primary key (node_id, name)
);
