import { useState } from 'preact/hooks';

import { useText } from '../text';
import { Icon } from './icon';

interface CopyProps {
  value: string;
  label?: string;
}

export function CopyButton({ value, label }: CopyProps) {
  const text = useText();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(value).then(() => setCopied(true), () => {});
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button type="button" class="small quiet" onClick={copy}>
      <Icon name={copied ? 'check' : 'copy'} />
      {copied ? text.common.copied : (label ?? text.common.copy)}
    </button>
  );
}

/** A command line to take to a terminal. */
export function Command({ line }: { line: string }) {
  return (
    <span class="command">
      <code>{line}</code>
      <CopyButton value={line} />
    </span>
  );
}
