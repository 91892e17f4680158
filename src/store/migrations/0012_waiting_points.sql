-- Points of runs are first kept as they were reported, a row for each call, since a row for each
-- series would cost more than what it holds. They move into series and chunks when many wait.
create table waiting_points (
  run_id {id} not null references runs (id),
  batch_index bigint not null,
  columns {blob} not null,
  primary key (run_id, batch_index)
);

-- What waits of each run. key_count is that of the batch with the most keys; key_total bounds how
-- many series may be new: batches with the same keys, told by a digest in key_sets, count once.
create table waiting_runs (
  run_id {id} primary key references runs (id),
  batch_count bigint not null,
  point_count bigint not null,
  key_count bigint not null,
  key_total bigint not null,
  key_sets text not null,
  series_count bigint not null
);

-- A few points of each sealed chunk, among them its least and greatest, for plots of long series.
create table previews (
  series_id bigint not null references series (id),
  chunk_index bigint not null,
  columns {blob} not null,
  primary key (series_id, chunk_index)
);

-- Runs in the order of a metric, without a look at the rows themselves.
create index series_by_value on series (metric_key, last_value, run_id);
