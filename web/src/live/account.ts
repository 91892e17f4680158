// The signed-in user, tokens and users: asked for when their view is shown, and again after a change.
import * as calls from '../api/calls';
import type { TokenScope } from '../api/types';
import { markStale, useResource } from './resources';

export const useAccount = () => useResource('account', ['account'], calls.me);
export const useTokens = () => useResource('account/tokens', ['account/tokens'], async () => (await calls.tokens()).items);
export const useUsers = () => useResource('account/users', ['account/users'], async () => (await calls.users()).items);

/** Whether the reader may begin and end work; true until the server has said. */
export function useMaySubmit(): boolean {
  const account = useAccount().data;
  return account === undefined || (account.role !== 'viewer' && account.scope !== 'read');
}

/** Resolves with the secret, which the server tells only now. */
export async function createToken(name: string, scope: TokenScope): Promise<string> {
  const made = await calls.createToken(name, scope);
  markStale(['account/tokens']);
  return made.token;
}

export async function revokeToken(id: string): Promise<void> {
  await calls.revokeToken(id);
  markStale(['account/tokens']);
}
