import { useState } from 'preact/hooks';

import { percent } from '../../lib/format';
import type { RawToken } from '../../lib/playground/events';
import { piecesOf, probabilityOf, shadeOf, visible, type Piece } from '../../lib/playground/tokens';
import { usePlaygroundText } from '../../text/playground';
import { Meter } from '../../ui/meter';

/** Each token by how sure the model was of it; one of them in full, with what else could have stood there. */
export function TokensView({ tokens }: { tokens: readonly RawToken[] }) {
  const play = usePlaygroundText();
  const [chosen, choose] = useState<number>();
  const pieces = piecesOf(tokens);
  const shown = chosen === undefined ? undefined : pieces[chosen];
  return (
    <div class="tokens">
      <p class="pieces">
        {pieces.map((piece, at) => (
          <button key={at} type="button" class={`piece shade-${shadeOf(piece.probability)}`} aria-pressed={at === chosen}
            title={play.tokenOf(visible(piece.text), percent(piece.probability))} aria-label={play.tokenOf(visible(piece.text), percent(piece.probability))}
            onClick={() => choose(at === chosen ? undefined : at)}>
            {visible(piece.text)}{piece.text.includes('\n') && <br />}
          </button>
        ))}
      </p>
      <p class="legend soft small-text">
        {play.shades.map((word, shade) => <span key={word}><i class={`shade-${shade}`} aria-hidden="true" />{word}</span>)}
      </p>
      {shown ? <PieceBox piece={shown} /> : <p class="soft small-text">{play.tokenPick}</p>}
    </div>
  );
}

function PieceBox({ piece }: { piece: Piece }) {
  const play = usePlaygroundText();
  return (
    <div class="piece-box" role="status">
      {piece.tokens.map((token, at) => (
        <div key={at}>
          <h3>{play.instead(visible(token.text))}</h3>
          {token.top.map((one) => (
            <Meter key={one.text} name={visible(one.text)} ratio={probabilityOf(one)} value={percent(probabilityOf(one))} tone={one.text === token.text ? 'strong' : 'weak'} />
          ))}
          {!token.top.some(({ text }) => text === token.text) && (
            <Meter name={visible(token.text)} ratio={probabilityOf(token)} value={percent(probabilityOf(token))} tone="strong" />
          )}
        </div>
      ))}
    </div>
  );
}
