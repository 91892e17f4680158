import { useStore } from '../../live/store';
import { useText } from '../../text';
import { Command } from '../../ui/command';

export function LoginView() {
  const text = useText();
  const refused = useStore((state) => state.codeRefused);
  return (
    <main class="login">
      <section class="card">
        <h1>{text.login.title}</h1>
        <p>{text.login.lead}</p>
        {refused && <p class="problem" role="alert">{text.login.used}</p>}
        <p>{text.login.step}</p>
        <div><Command line={text.login.command} /></div>
      </section>
    </main>
  );
}
