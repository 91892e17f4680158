-- The first schema. Times are milliseconds since 1970 UTC (_ms); ids are text that sorts by time.
-- {bigserial} is the driver's counting primary key, {blob} its byte string, {id} text compared by bytes.

create table lease (
  name text primary key,
  holder text not null,
  epoch bigint not null,
  renewals bigint not null
);

create table tokens (
  id {id} primary key,
  name text not null,
  secret_sha256 text not null unique,
  kind text not null check (kind in ('admin', 'session', 'job')),
  run_id {id},
  created_ms bigint not null,
  expires_ms bigint
);

create table idempotency (
  principal text not null,
  idempotency_key text not null,
  request_sha256 text not null,
  status integer not null,
  answer text not null,
  created_ms bigint not null,
  primary key (principal, idempotency_key)
);

create table audit (
  seq {bigserial},
  at_ms bigint not null,
  principal text not null,
  action text not null,
  subject text not null,
  request_id text not null
);

-- Every change that people may watch, written in the transaction that makes the change.
create table events (
  seq {bigserial},
  at_ms bigint not null,
  kind text not null,
  subject text not null,
  data text not null
);
create index events_by_subject on events (subject, seq);

create table nodes (
  id {id} primary key,
  name text not null unique,
  state text not null check (state in ('up', 'down')),
  cpus integer not null,
  memory_bytes bigint not null,
  inventory text not null,
  changed_ms bigint not null
);

create table devices (
  id text primary key,
  node_id {id} not null references nodes (id),
  device_index integer not null,
  model text not null,
  memory_bytes bigint not null,
  state text not null check (state in ('in_service', 'out_of_service')),
  reason text not null
);
create index devices_by_node on devices (node_id, device_index);

create table jobs (
  id {id} primary key,
  seq bigint not null unique,
  name text not null,
  team text not null,
  priority_class text not null,
  state text not null check (state in
    ('queued', 'starting', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  reason text not null,
  spec text not null,
  principal text not null,
  run_id {id} not null,
  attempts integer not null,
  exit_code integer,
  created_ms bigint not null,
  started_ms bigint,
  finished_ms bigint
);
create index jobs_active on jobs (seq) where state in ('queued', 'starting', 'running', 'cancelling');
create index jobs_by_team on jobs (team, id);
create index jobs_ended on jobs (finished_ms) where finished_ms is not null;

create table attempts (
  id {id} primary key,
  job_id {id} not null references jobs (id),
  number integer not null,
  node_id {id} not null references nodes (id),
  epoch bigint not null,
  state text not null check (state in ('starting', 'running', 'succeeded', 'failed', 'cancelled', 'lost')),
  reason text not null,
  exit_code integer,
  signal integer,
  log_bytes bigint not null,
  progress_offset bigint not null,
  created_ms bigint not null,
  started_ms bigint,
  finished_ms bigint,
  unique (job_id, number)
);
create index attempts_active on attempts (node_id) where state in ('starting', 'running');

-- One row for the processors and memory of an attempt, and one for each of its devices.
create table allocations (
  id {bigserial},
  attempt_id {id} not null references attempts (id),
  node_id {id} not null references nodes (id),
  device_id text references devices (id),
  cpus integer not null,
  memory_bytes bigint not null,
  active integer not null check (active in (0, 1))
);
create unique index allocations_one_job_a_device on allocations (device_id)
  where active = 1 and device_id is not null;
create index allocations_by_attempt on allocations (attempt_id);
create index allocations_active on allocations (node_id) where active = 1;

create table runs (
  id {id} primary key,
  name text not null,
  experiment text not null,
  job_id {id},
  state text not null check (state in ('running', 'finished', 'failed', 'killed')),
  created_ms bigint not null,
  ended_ms bigint
);
create index runs_by_job on runs (job_id);

create table run_params (
  run_id {id} not null references runs (id),
  param_key text not null,
  value text not null,
  primary key (run_id, param_key)
);

create table run_tags (
  run_id {id} not null references runs (id),
  tag_key text not null,
  value text not null,
  primary key (run_id, tag_key)
);

create table artifacts (
  run_id {id} not null references runs (id),
  path text not null,
  kind text not null check (kind in ('file', 'folder', 'checkpoint')),
  manifest_sha256 text not null,
  size_bytes bigint not null,
  created_ms bigint not null,
  primary key (run_id, path)
);

-- Time series. The last chunk of a series grows until it is full, then is sealed (compressed) for good.
-- Values are null where a number cannot be stored: a last value that is not a number, and the least
-- and greatest of a series without a single number.
create table series (
  id {bigserial},
  run_id {id} not null references runs (id),
  metric_key text not null,
  point_count bigint not null,
  last_step bigint not null,
  last_value double precision,
  last_ms bigint not null,
  min_value double precision,
  max_value double precision,
  unique (run_id, metric_key)
);

create table chunks (
  series_id bigint not null references series (id),
  chunk_index bigint not null,
  first_step bigint not null,
  point_count integer not null,
  sealed integer not null check (sealed in (0, 1)),
  columns {blob} not null,
  primary key (series_id, chunk_index)
);

-- Frozen folders: models and data sets alike.
create table snapshots (
  id {id} primary key,
  kind text not null check (kind in ('model', 'dataset')),
  name text not null,
  version bigint not null,
  manifest_sha256 text not null,
  size_bytes bigint not null,
  file_count bigint not null,
  run_id {id},
  note text not null,
  principal text not null,
  created_ms bigint not null,
  deleted_ms bigint,
  unique (kind, name, version)
);
create index snapshots_by_manifest on snapshots (manifest_sha256);

create table snapshot_sources (
  snapshot_id {id} not null references snapshots (id),
  source_id {id} not null references snapshots (id),
  primary key (snapshot_id, source_id)
);

create table channels (
  model text not null,
  channel text not null,
  snapshot_id {id} not null references snapshots (id),
  generation bigint not null,
  changed_ms bigint not null,
  primary key (model, channel)
);

-- Deploying pushes a generation, rolling back pops one. undo_generation is the generation that lies
-- below this one on that stack, null at its bottom.
create table channel_history (
  seq {bigserial},
  model text not null,
  channel text not null,
  generation bigint not null,
  snapshot_id {id} not null references snapshots (id),
  undo_generation bigint,
  action text not null check (action in ('deploy', 'rollback')),
  principal text not null,
  at_ms bigint not null,
  unique (model, channel, generation)
);
