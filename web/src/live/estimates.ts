import * as calls from '../api/estimate_calls';
import { useResource } from './resources';

export const useEstimateOptions = () => useResource('estimates/options', ['estimates/options'], calls.estimateOptions);
/** A job that ends is one more to be measured by. */
export const useAccuracy = () => useResource('estimates/accuracy', ['jobs'], calls.estimateAccuracy);
export { estimate } from '../api/estimate_calls';
