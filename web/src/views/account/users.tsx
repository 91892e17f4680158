import type { User } from '../../api/types';
import { useUsers } from '../../live/account';
import { count } from '../../lib/format';
import { useText, type Text } from '../../text';
import { Command } from '../../ui/command';
import { Ago } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';

function userColumns(text: Text): Column<User>[] {
  return [
    { id: 'name', name: text.account.user, key: (user) => user.name, cell: (user) => user.name },
    { id: 'role', name: text.account.role, key: (user) => user.role, cell: (user) => text.account.roles[user.role] ?? user.role },
    { id: 'teams', name: text.account.teamsTitle, wrap: true, cell: (user) => user.teams.join(', ') },
    { id: 'queued', name: text.account.maxQueued, number: true, wide: true, cell: (user) => (user.max_queued_jobs === undefined ? '–' : count(user.max_queued_jobs)) },
    { id: 'gpus', name: text.account.maxGpus, number: true, wide: true, cell: (user) => (user.max_job_gpus === undefined ? '–' : count(user.max_job_gpus)) },
    { id: 'since', name: text.common.created, number: true, wide: true, key: (user) => user.created_at, cell: (user) => <Ago at={user.created_at} /> },
  ];
}

export function UserCard() {
  const text = useText();
  const { data: users, problem, reload } = useUsers();
  return (
    <section class="card" aria-label={text.account.users}>
      <header><h2>{text.account.users}</h2></header>
      {problem && <Problem what={text.account.users} problem={problem} onRetry={reload} />}
      {!users && !problem && <Loading />}
      {users && (
        <Table label={text.account.users} columns={userColumns(text)} rows={users} id={(user) => user.name}
          empty={<>{text.account.noUsers}<Command line={text.account.noUsersCommand} /></>} />
      )}
    </section>
  );
}
