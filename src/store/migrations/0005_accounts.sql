-- Users with roles and teams, their tokens, and where a change came from.

-- Users and tokens are marked, not deleted: the audit log names them.
create table users (
  name text primary key,
  role text not null check (role in ('viewer', 'member', 'admin')),
  max_queued_jobs bigint,
  max_job_gpus bigint,
  created_ms bigint not null,
  removed_ms bigint
);

create table user_teams (
  user_name text not null references users (name),
  team text not null,
  primary key (user_name, team)
);

create table access_tokens (
  id {id} primary key,
  user_name text not null references users (name),
  name text not null,
  secret_sha256 text not null unique,
  scope text not null check (scope in ('read', 'submit', 'deploy', 'all')),
  team text not null,
  created_ms bigint not null,
  expires_ms bigint not null,
  last_used_ms bigint,
  revoked_ms bigint
);
create index access_tokens_by_user on access_tokens (user_name, id);

-- Of a session: whose it is; null for the owner of the installation.
alter table tokens add column user_name text;

alter table audit add column address text not null default '';

-- How many jobs of a user wait is asked at each of their submissions.
create index jobs_queued_by_principal on jobs (principal) where state = 'queued';
