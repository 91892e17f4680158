-- What machines, GPUs and jobs did over time, how far allocated GPUs were used, and alerts.

-- Chunks of tables (docs/formats/chunk.md): level 0 as measured, 1 in minutes, 2 in quarters of an
-- hour. node_id is empty for the fleet, and rows outlive their node.
create table telemetry_chunks (
  node_id {id} not null,
  level integer not null,
  first_ms bigint not null,
  last_ms bigint not null,
  columns {blob} not null,
  primary key (node_id, level, first_ms)
);

-- GPU-seconds of a job within an hour: measured while it held GPUs, weighted by utilisation, and of
-- those the ones in which a GPU did nothing.
create table gpu_usage (
  hour_ms bigint not null,
  job_id {id} not null,
  team text not null,
  principal text not null,
  measured_s double precision not null,
  used_s double precision not null,
  idle_s double precision not null,
  primary key (hour_ms, job_id)
);

create table alert_rules (
  name text primary key,
  expression text not null,
  webhook text not null,
  command text not null,
  principal text not null,
  created_ms bigint not null
);

-- One row for each time that a rule fired about a subject; open while resolved_ms is null.
create table alert_firings (
  seq {bigserial},
  rule_name text not null,
  subject text not null,
  value double precision not null,
  since_ms bigint not null,
  fired_ms bigint not null,
  resolved_ms bigint
);
create index alert_firings_open on alert_firings (rule_name) where resolved_ms is null;
