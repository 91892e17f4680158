import { useStore } from '../../live/store';
import { useAccount } from '../../live/account';
import { useText } from '../../text';
import { Problem, Loading } from '../../ui/problem';
import { TokenCard } from './tokens';
import { UserCard } from './users';

/** Who is signed in, that user's tokens, and for administrators everybody. */
export function AccountView() {
  const text = useText();
  const { data: me, problem, reload } = useAccount();
  const version = useStore((state) => state.whoami?.version);
  return (
    <div class="view">
      <div class="view-head"><h1>{text.account.title}</h1></div>
      {problem && <Problem what={text.account.title} problem={problem} onRetry={reload} />}
      {!me && !problem && <Loading />}
      {me && (
        <section class="card" aria-label={text.account.you} data-role={me.role}>
          <p><strong>{me.principal}</strong> · {text.account.roles[me.role] ?? me.role}</p>
          {me.user && <p class="soft">{text.account.teams(me.user.teams.join(', '))}</p>}
          {!me.user && <p class="soft">{text.account.owner}</p>}
          {version && <p class="soft">Galley {version}</p>}
        </section>
      )}
      {me?.user && <TokenCard />}
      {me?.role === 'admin' && <UserCard />}
    </div>
  );
}
