-- What is known of the health of GPUs and nodes (gpu is empty). details: what only the state machine
-- reads, as JSON.
create table health (
  node_id {id} not null,
  gpu text not null,
  state text not null check (state in ('ok', 'suspect', 'draining', 'excluded', 'probing')),
  reason text not null,
  evidence text not null,
  owner text not null,
  since_ms bigint not null,
  expires_ms bigint,
  next_test_ms bigint,
  details text not null,
  primary key (node_id, gpu)
);
create index health_not_ok on health (node_id) where state <> 'ok';

-- Every change of state, and nothing else.
create table health_events (
  seq {bigserial},
  at_ms bigint not null,
  node_id {id} not null,
  gpu text not null,
  from_state text not null,
  to_state text not null,
  reason text not null,
  evidence text not null,
  owner text not null
);
create index health_events_by_node on health_events (node_id, gpu, seq);
