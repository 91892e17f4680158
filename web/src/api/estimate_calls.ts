import { getJson, writeJson } from './client';
import type { Accuracy, Advice, EstimateOptions, EstimateRequest } from './estimate_types';

const root = '/api/v1/estimates';

export const estimateOptions = () => getJson<EstimateOptions>(`${root}/options`);
export const estimateAccuracy = () => getJson<Accuracy>(`${root}/accuracy`);
export const estimate = (request: EstimateRequest) => writeJson<Advice>('POST', root, request);
