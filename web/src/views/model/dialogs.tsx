import { useState } from 'preact/hooks';

import type { ModelDetail } from '../../api/types';
import { deploy, rollback } from '../../live/actions';
import { useText } from '../../text';
import { ConfirmDialog } from '../../ui/dialog';
import { say } from '../../ui/toast';

interface RollbackProps {
  model: string;
  channel: string;
  from: string;
  to: string;
  onClose: () => void;
}

export function RollbackDialog({ model, channel, from, to, onClose }: RollbackProps) {
  const text = useText();
  const confirm = async () => say(text.model.rolledBack(channel, await rollback(model, channel)));
  return (
    <ConfirmDialog title={text.model.rollbackTitle(channel)} says={text.model.moveSays(channel, from, to)} action={text.model.rollback}
      danger onConfirm={confirm} onClose={onClose}>
      <p class="soft">{text.model.rollbackMore}</p>
    </ConfirmDialog>
  );
}

interface DeployProps {
  model: ModelDetail;
  snapshotRef: string;
  onClose: () => void;
}

const kUsualChannels = ['prod', 'canary'];

export function DeployDialog({ model, snapshotRef, onClose }: DeployProps) {
  const text = useText();
  const [channel, setChannel] = useState('prod');
  const known = [...new Set([...kUsualChannels, ...Object.keys(model.channels)])];
  const from = model.channels[channel]?.snapshot_ref ?? text.model.nothing;
  const confirm = async () => {
    await deploy(model.name, channel, snapshotRef);
    say(text.model.deployed(snapshotRef, channel));
  };
  return (
    <ConfirmDialog title={text.model.deployTitle(snapshotRef)} says={text.model.moveSays(channel, from, snapshotRef)}
      action={text.model.deploy} onConfirm={confirm} onClose={onClose}>
      <label>
        {text.model.deployChannel}
        <select value={channel} onChange={(event) => setChannel(event.currentTarget.value)}>
          {known.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </label>
      <p class="soft">{text.model.deployMore}</p>
    </ConfirmDialog>
  );
}
