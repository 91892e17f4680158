import type { Availability } from '../../api/types';
import { duration, percent } from '../../lib/format';
import { budgetTone, monthBars, thisMonth } from '../../lib/service';
import { useAvailability } from '../../live/entities';
import { useText } from '../../text';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';

function Months({ availability }: { availability: Availability }) {
  const text = useText();
  return (
    <ol class="months" aria-label={text.service.months}>
      {monthBars(availability).map(({ month, down_s, ratio, unknown }) => {
        const said = `${month}: ${unknown ? text.service.unknown : duration(down_s)}`;
        return (
          <li key={month} title={said}>
            <span class="bar" role="img" aria-label={said}><i style={{ height: `${ratio * 100}%` }} /></span>
            <small class={unknown ? 'soft' : undefined} aria-hidden="true">{month.slice(5)}</small>
          </li>
        );
      })}
    </ol>
  );
}

/** For how long nothing was accepted, against what two years allow. */
export function ServiceCard() {
  const text = useText();
  const { data: availability } = useAvailability();
  if (!availability) return null;
  const month = thisMonth(availability);
  const tone = budgetTone(availability);
  return (
    <section class="card" aria-label={text.service.title}>
      <header>
        <h2>{text.service.title}</h2>
        <span class={`chip ${tone}`}><Icon name={tone === 'good' ? 'check' : 'warn'} />{text.service.tones[tone]}</span>
      </header>
      <dl class="figures">
        <Figure name={text.service.down}>{duration(month?.down_s ?? 0)}</Figure>
        <Figure name={text.service.longest}>{duration(month?.longest_s ?? 0)}</Figure>
        <Figure name={text.service.used} bad={tone === 'bad'}>{percent(availability.budget_used_s / availability.budget_s)}</Figure>
      </dl>
      <Months availability={availability} />
      <p class="soft">{text.service.budget(duration(availability.budget_used_s), duration(availability.budget_s), availability.budget_months)}</p>
    </section>
  );
}
