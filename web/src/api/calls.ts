import { getJson, withQuery, writeJson } from './client';
import type {
  AccessToken, Account, Availability, Channel, ChannelMove, Guide, JobDetail, JobRecord, JobSpec, MetricSeries, ModelDetail, ModelItem, NodeRecord, Overview, Page,
  Prediction, RunDetail, RunItem, TokenScope, User, Whoami, Why, TelemetryAnswer,
} from './types';

const root = '/api/v1';
const segment = encodeURIComponent;

export const kPageSize = 100;

export const login = (code: string) => writeJson<void>('POST', `${root}/login`, { code });
export const whoami = () => getJson<Whoami>(`${root}/whoami`);
export const me = () => getJson<Account>(`${root}/me`);
export const tokens = () => getJson<Page<AccessToken>>(`${root}/tokens`);
export const createToken = (name: string, scope: TokenScope) =>
  writeJson<AccessToken & { token: string }>('POST', `${root}/tokens`, { name, scope });
export const revokeToken = (id: string) => writeJson<void>('DELETE', `${root}/tokens/${segment(id)}`);
export const users = () => getJson<Page<User>>(`${root}/users`);
export const overview = () => getJson<Overview>(`${root}/overview`);
export const availability = () => getJson<Availability>(`${root}/availability`);

export const jobs = (filter: string, limit = kPageSize, cursor?: string) =>
  getJson<Page<JobRecord>>(withQuery(`${root}/jobs`, { filter, limit, cursor }));
export const job = (id: string) => getJson<JobDetail>(`${root}/jobs/${segment(id)}`);
export const why = (id: string) => getJson<Why>(`${root}/jobs/${segment(id)}/why`);
export const guide = (id: string) => getJson<Guide>(`${root}/jobs/${segment(id)}/guide`);
export const submitJob = (spec: JobSpec) => writeJson<JobRecord>('POST', `${root}/jobs`, spec);
export const cancelJob = (id: string) => writeJson<JobRecord>('POST', `${root}/jobs/${segment(id)}/cancel`);
export const logAddress = (id: string, attempt: number, follow: boolean, offset: number) =>
  withQuery(`${root}/jobs/${segment(id)}/logs`, { attempt, follow: follow ? 1 : 0, offset });

export const telemetry = (metric: string, node?: string) =>
  getJson<TelemetryAnswer>(withQuery(`${root}/telemetry`, { metric, node }));

export const nodes = () => getJson<Page<NodeRecord>>(`${root}/nodes`);

export const runs = (filter: string, limit = kPageSize, cursor?: string) =>
  getJson<Page<RunItem>>(withQuery(`${root}/runs`, { filter, limit, cursor }));
export const run = (id: string) => getJson<RunDetail>(`${root}/runs/${segment(id)}`);
export const metrics = (id: string, keys: string[], maxPoints: number) =>
  getJson<{ series: MetricSeries[] }>(
    withQuery(`${root}/runs/${segment(id)}/metrics`, { key: keys, max_points: maxPoints }));

export const models = () => getJson<Page<ModelItem>>(withQuery(`${root}/models`, { limit: 500 }));
export const model = (name: string) => getJson<ModelDetail>(`${root}/models/${segment(name)}`);
export const history = (name: string, channel?: string) =>
  getJson<Page<ChannelMove>>(withQuery(`${root}/models/${segment(name)}/history`, { channel }));

const channelPath = (name: string, channel: string) =>
  `${root}/models/${segment(name)}/channels/${segment(channel)}`;
export const deploy = (name: string, channel: string, snapshot: string) =>
  writeJson<Channel>('PUT', channelPath(name, channel), { snapshot });
export const rollback = (name: string, channel: string) =>
  writeJson<Channel & { previous_snapshot_ref?: string }>('POST', `${channelPath(name, channel)}/rollback`);
export const predict = (model: string, text: string) =>
  writeJson<Prediction>('POST', '/v1/predict', { model, text });

export const eventsAddress = (after: string) => withQuery(`${root}/events`, { after });
