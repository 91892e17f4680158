import type { ComponentChildren, JSX } from 'preact';

import { go } from '../lib/router';

interface Props extends JSX.HTMLAttributes<HTMLAnchorElement> {
  to: string;
  children: ComponentChildren;
}

/** An ordinary link that changes the view without loading the page again. */
export function Link({ to, children, ...rest }: Props) {
  const follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    go(to);
  };
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
