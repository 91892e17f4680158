-- Agents on other machines: how they join, and what a gang needs to know of each of its members.

-- One-time tokens; the token itself is shown once and never stored. A used one stays until it has
-- expired, so that a replay is told from a token that never was.
create table join_tokens (
  token_sha256 text primary key,
  principal text not null,
  created_ms bigint not null,
  expires_ms bigint not null,
  used_ms bigint,
  used_by text
);

-- machine tells the agent's state folder from a copy of it on another machine, or on the same.
create table agents (
  node_id {id} primary key,
  name text not null unique,
  credential_sha256 text not null unique,
  machine text not null,
  joined_ms bigint not null
);

-- Each member of a gang reports its own files; attempts.progress_offset is that of rank 0.
alter table attempt_members add column progress_offset bigint not null default 0;
-- When the member failed whose word stands: an earlier failure that is heard of later replaces it.
alter table attempts add column outcome_ms bigint;
