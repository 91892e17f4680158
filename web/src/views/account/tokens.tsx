import { useState } from 'preact/hooks';

import type { AccessToken, TokenScope } from '../../api/types';
import { createToken, revokeToken, useTokens } from '../../live/account';
import { useText, type Text } from '../../text';
import { Command } from '../../ui/command';
import { ConfirmDialog } from '../../ui/dialog';
import { Ago } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { sayFailure } from '../../ui/toast';

const kScopes: TokenScope[] = ['all', 'read', 'submit', 'deploy'];

const stateOf = (token: AccessToken, text: Text) =>
  token.revoked_at ? text.account.revoked : Date.parse(token.expires_at) <= Date.now() ? text.account.expired : text.account.good;

function tokenColumns(text: Text, revoke: (token: AccessToken) => void): Column<AccessToken>[] {
  return [
    { id: 'name', name: text.account.name, key: (token) => token.name, cell: (token) => token.name },
    { id: 'scope', name: text.account.scope, cell: (token) => text.account.scopes[token.scope] ?? token.scope },
    { id: 'team', name: text.account.team, wide: true, cell: (token) => token.team ?? '–' },
    { id: 'state', name: text.common.state, cell: (token) => stateOf(token, text) },
    { id: 'expires', name: text.account.expires, number: true, key: (token) => token.expires_at, cell: (token) => <Ago at={token.expires_at} /> },
    { id: 'used', name: text.account.used, number: true, wide: true, key: (token) => token.last_used_at, cell: (token) => <Ago at={token.last_used_at} /> },
    {
      id: 'revoke', name: text.account.revoke,
      cell: (token) => stateOf(token, text) === text.account.good && (
        <button type="button" class="small danger" onClick={() => revoke(token)}
          aria-label={`${text.account.revoke}: ${token.name}`}>{text.account.revoke}</button>
      ),
    },
  ];
}

/** Shown once: nobody can ask the server for it again. */
function NewToken({ secret }: { secret: string }) {
  const text = useText();
  return (
    <div role="status" data-secret>
      <p>{text.account.once}</p>
      <Command line={secret} />
    </div>
  );
}

function TokenForm({ onMade }: { onMade: (secret: string) => void }) {
  const text = useText();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<TokenScope>('all');
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      onMade(await createToken(name.trim(), scope));
      setName('');
    } catch (failure) {
      sayFailure(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="try" onSubmit={send}>
      <div class="fields">
        <label>
          {text.account.name}
          <input value={name} maxLength={63} placeholder={text.account.nameExample} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          {text.account.scope}
          <select value={scope} onChange={(event) => setScope(event.currentTarget.value as TokenScope)}>
            {kScopes.map((choice) => <option key={choice} value={choice}>{text.account.scopes[choice]}</option>)}
          </select>
        </label>
        <button type="submit" class="primary" disabled={busy || name.trim() === ''}>{text.account.create}</button>
      </div>
    </form>
  );
}

export function TokenCard() {
  const text = useText();
  const { data: tokens, problem, reload } = useTokens();
  const [secret, setSecret] = useState('');
  const [leaving, setLeaving] = useState<AccessToken | undefined>();
  return (
    <section class="card" aria-label={text.account.tokens}>
      <header><h2>{text.account.tokens}</h2></header>
      <TokenForm onMade={setSecret} />
      {secret && <NewToken secret={secret} />}
      {problem && <Problem what={text.account.tokens} problem={problem} onRetry={reload} />}
      {!tokens && !problem && <Loading />}
      {tokens && (
        <Table label={text.account.tokens} columns={tokenColumns(text, setLeaving)} rows={tokens} id={(token) => token.id}
          empty={text.account.noTokens} />
      )}
      {leaving && (
        <ConfirmDialog title={text.account.revokeTitle(leaving.name)} says={text.account.revokeSays} action={text.account.revoke} danger
          onConfirm={() => revokeToken(leaving.id)} onClose={() => setLeaving(undefined)} />
      )}
    </section>
  );
}
