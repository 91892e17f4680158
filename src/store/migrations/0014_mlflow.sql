-- What clients of MLflow keep beside a run's record: experiments by number, runs that were deleted
-- and can come back, models that runs have logged, and names for models.

-- Runs name their experiment; a run without one belongs to number 0, which has a row only once
-- something refers to it.
create table experiments (
  id bigint primary key,
  name text not null unique,
  artifact_location text not null default '',
  created_ms bigint not null,
  updated_ms bigint not null,
  deleted_ms bigint
);
insert into experiments (id, name, created_ms, updated_ms)
  select row_number() over (order by min(created_ms), experiment), experiment, min(created_ms), min(created_ms)
  from runs where experiment not in ('', 'Default') group by experiment;

create table experiment_tags (
  experiment_id bigint not null references experiments (id),
  tag_key text not null,
  value text not null,
  primary key (experiment_id, tag_key)
);

alter table runs add column user_name text not null default '';
-- The run of the job that made this one.
alter table runs add column owner_run text;
alter table runs add column deleted_ms bigint;
create index runs_by_start on runs (created_ms, id);
create index runs_by_experiment on runs (experiment, created_ms, id);
create index runs_by_owner on runs (owner_run);

create table run_datasets (
  run_id {id} not null references runs (id),
  name text not null,
  digest text not null,
  source_type text not null,
  source text not null,
  data_schema text not null,
  profile text not null,
  tags text not null,
  context text not null,  -- the tag of that name
  primary key (run_id, name, digest)
);

-- Logged models that a run has read or made.
create table run_models (
  run_id {id} not null references runs (id),
  direction text not null check (direction in ('input', 'output')),
  model_id text not null,
  step bigint not null,
  primary key (run_id, direction, model_id)
);

create table logged_models (
  id text primary key,
  experiment_id bigint not null references experiments (id),
  name text not null,
  model_type text not null,
  source_run text not null,
  status text not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  deleted_ms bigint
);
create index logged_models_by_experiment on logged_models (experiment_id, created_ms);
create index logged_models_by_run on logged_models (source_run);

create table logged_model_pairs (
  model_id text not null references logged_models (id),
  kind text not null check (kind in ('param', 'tag')),
  pair_key text not null,
  value text not null,
  primary key (model_id, kind, pair_key)
);

-- The newest value for each data set; a null is a NaN.
create table logged_model_metrics (
  model_id text not null references logged_models (id),
  metric_key text not null,
  dataset_name text not null,
  dataset_digest text not null,
  run_id text not null,
  step bigint not null,
  at_ms bigint not null,
  value double precision,
  primary key (model_id, metric_key, dataset_name, dataset_digest)
);

create table logged_model_artifacts (
  model_id text not null references logged_models (id),
  path text not null,
  manifest_sha256 text not null,
  size_bytes bigint not null,
  created_ms bigint not null,
  primary key (model_id, path)
);

create table registered_models (
  name text primary key,
  description text not null,
  user_name text not null,
  created_ms bigint not null,
  updated_ms bigint not null
);

-- The frozen content, where it is ours, is a snapshot as well. Versions are never given twice.
create table registered_versions (
  model text not null references registered_models (name),
  version bigint not null,
  source text not null,
  run_id text not null,
  run_link text not null,
  model_id text not null,
  description text not null,
  stage text not null,
  user_name text not null,
  snapshot_id text not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  deleted_ms bigint,
  primary key (model, version)
);

-- Of the model itself where version is 0.
create table registered_tags (
  model text not null references registered_models (name),
  version bigint not null,
  tag_key text not null,
  value text not null,
  primary key (model, version, tag_key)
);

create table registered_aliases (
  model text not null references registered_models (name),
  alias text not null,
  version bigint not null,
  primary key (model, alias)
);
