import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/ui.css';
import './styles/views.css';

import { render } from 'preact';

import { App } from './app';
import { applyTheme } from './lib/theme';
import { startSession } from './live/session';

applyTheme();
render(<App />, document.getElementById('page') as HTMLElement);
void startSession();
