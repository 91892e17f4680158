-- Studies of hyperparameters: what was accepted, what happened since, and the jobs of trials.

create table studies (
  id text primary key,
  name text not null,
  team text not null,
  principal text not null,
  state text not null,
  reason text not null,
  file text not null,
  has_job bigint not null,
  trials bigint not null default 0,
  created_ms bigint not null,
  ended_ms bigint
);
create index studies_by_name on studies (name);
create index studies_by_state on studies (state);

-- Events and proposed settings as lines, in the order in which they happened.
create table study_journal (
  study_id text not null references studies (id),
  seq bigint not null,
  lines text not null,
  primary key (study_id, seq)
);

create table study_jobs (
  study_id text not null references studies (id),
  trial bigint not null,
  attempt bigint not null,
  job_id text not null,
  primary key (study_id, trial, attempt)
);
