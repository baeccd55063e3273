// Moments of the performer's clock (seconds), told by its messages, on the browser's own clock.

const WINDOW_S = 8;

export class ServerClock {
  /** No message arrives before it was sent: the quickest one of late tells the difference best. */
  #samples = [];
  #offset = null;

  /** A message that was sent at `sent` (performer's clock) is here now. */
  heard(sent) {
    const here = performance.now() / 1000;
    this.#samples.push([here, sent - here]);
    while (this.#samples[0][0] < here - WINDOW_S) this.#samples.shift();
    const best = Math.max(...this.#samples.map(([, offset]) => offset));
    if (this.#offset === null || Math.abs(best - this.#offset) > 0.25) this.#offset = best;
    else this.#offset += (best - this.#offset) * 0.1; // no jumps
  }

  get isSet() {
    return this.#offset !== null;
  }

  now() {
    return performance.now() / 1000 + (this.#offset ?? 0);
  }
}

/**
 * Beats on the roll. They are counted on without a jump, whatever the performer's own beat does
 * (a new pulse, song position): only bar lines move then. What was is left where it was drawn.
 */
export class BeatMap {
  #parts = []; // { from, drawn, beat, perSecond, downbeat, perBar }: at `from`, `drawn` and `beat`

  /** The performer's beat, as it tells it: [time, beat, bpm, downbeat, beats per bar]. */
  follow([time, beat, bpm, downbeat, perBar], now) {
    const last = this.#parts.at(-1);
    const perSecond = bpm / 60;
    if (last && last.perSecond === perSecond && last.perBar === perBar) {
      const expected = last.beat + (time - last.from) * perSecond;
      const offBar = (((last.downbeat - downbeat) % perBar) + perBar) % perBar;
      if (Math.abs(expected - beat) < 1e-3 && Math.min(offBar, perBar - offBar) < 1e-3) return;
    }
    const from = last ? Math.max(now, last.from) : now;
    const part = {
      from,
      drawn: last ? last.drawn + (from - last.from) * last.perSecond : 0,
      beat: beat + (from - time) * perSecond,
      perSecond,
      downbeat,
      perBar,
    };
    if (last && last.from === from) this.#parts.pop();
    this.#parts.push(part);
    if (this.#parts.length > 200) this.#parts.shift();
  }

  get isSet() {
    return this.#parts.length > 0;
  }

  get perBar() {
    return this.#parts.at(-1)?.perBar ?? 4;
  }

  /** Where a moment is drawn, in beats. */
  at(time) {
    const part = this.#partAt(time);
    return part ? part.drawn + (time - part.from) * part.perSecond : 0;
  }

  /** The place in the bar at a moment: 0 to beats per bar. */
  inBar(time) {
    const part = this.#partAt(time);
    if (!part) return 0;
    const since = part.beat + (time - part.from) * part.perSecond - part.downbeat;
    return ((since % part.perBar) + part.perBar) % part.perBar;
  }

  /** Call `line(drawn, isBar)` for each beat between two places of the roll. */
  lines(low, high, line) {
    this.#parts.forEach((part, i) => {
      const begin = i ? part.drawn : -Infinity;
      const end = this.#parts[i + 1]?.drawn ?? Infinity;
      const a = Math.max(low, begin);
      const b = Math.min(high, end);
      if (a >= b) return;
      const shift = part.beat - part.drawn - part.downbeat; // drawn + shift: beats since a downbeat
      for (let n = Math.ceil(a + shift - 1e-6); n - shift < b; n++)
        line(n - shift, (((n % part.perBar) + part.perBar) % part.perBar) === 0);
    });
  }

  #partAt(time) {
    for (let i = this.#parts.length - 1; i > 0; i--) if (this.#parts[i].from <= time) return this.#parts[i];
    return this.#parts[0];
  }
}
