-- What jobs were expected to take and what they took, measured steps to learn from, and the models
-- that were fitted on them.

create table job_forecasts (
  job_id text primary key,
  name text not null,
  similar_to text not null,
  gpu_type text not null,
  gpus bigint not null,
  made text not null,
  source text not null,
  made_ms bigint not null,
  low_s double precision,
  p10_s double precision,
  p50_s double precision,
  p90_s double precision,
  high_s double precision,
  actual_s double precision,
  ended_ms bigint
);
create index job_forecasts_by_end on job_forecasts (ended_ms);
create index job_forecasts_by_kind on job_forecasts (similar_to, ended_ms);

create table estimator_rows (
  job_id text primary key,
  at_ms bigint not null,
  step_s double precision not null,
  features text not null
);

create table estimator_models (
  number bigint primary key,
  job_id text not null,
  state text not null,
  at_ms bigint not null,
  row_count bigint not null,
  mdape_pct double precision,
  before_mdape_pct double precision,
  file_sha256 text not null,
  reason text not null
);

-- How far the changes of jobs have been looked at.
create table estimator_marks (
  name text primary key,
  value bigint not null
);
