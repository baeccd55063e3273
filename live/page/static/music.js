// What is on the roll: the live session, told note by note, or a recorded take.
//
// A note: { id, model, pitch, on, off (null: held), velocity, committed, begins, ends }, where
// on and off are moments and begins and ends places on the roll, in beats.

import { BeatMap, ServerClock } from "./clock.js";

const KEPT_S = 60;

export class LiveMusic {
  clock = new ServerClock();
  beats = new BeatMap();
  notes = new Map();
  turn = "player";
  number = null;
  isLive = true;

  /** Take a message of the server's; return whether one was missed, so that all is needed again. */
  take(message) {
    this.clock.heard(message.now);
    if (message.number === undefined) return false;
    const missed = !message.whole && this.number !== null && message.number !== this.number + 1;
    if (!message.whole && (this.number === null || missed)) return true;
    if (message.whole) this.notes.clear();
    this.number = message.number;
    this.turn = message.turn ?? this.turn;
    const now = this.clock.now();
    if (message.beat) this.beats.follow(message.beat, now);
    for (const id of message.gone) this.notes.delete(id);
    for (const row of message.notes) this.#put(row);
    for (const [id, note] of this.notes) if (note.off !== null && note.off < now - KEPT_S) this.notes.delete(id);
    return false;
  }

  now() {
    return this.clock.now();
  }

  #put([id, model, pitch, on, off, velocity, committed]) {
    const known = this.notes.get(id);
    const same = known && known.on === on && known.pitch === pitch;
    this.notes.set(id, {
      id,
      model: model === 1,
      pitch,
      on,
      off,
      velocity,
      committed: committed === 1,
      begins: same && known.committed ? known.begins : this.beats.at(on),
      ends: off === null ? null : this.beats.at(off),
    });
  }
}

/** A take that was recorded: it has a clock of its own, which can be stopped and moved. */
export class TakeMusic {
  beats = new BeatMap();
  notes = new Map();
  isLive = false;
  #from = 0; // place at ...
  #since = null; // ... this moment of the browser's; null: it stands still

  constructor({ notes, length, bpm, beats_per_bar }) {
    this.length = length;
    this.beats.follow([0, 0, bpm, 0, beats_per_bar], 0);
    notes.forEach(([model, pitch, on, off, velocity], i) => {
      const begins = this.beats.at(on);
      const ends = this.beats.at(off);
      this.notes.set(i, { id: i, model: model === 1, pitch, on, off, velocity, committed: true, begins, ends });
    });
  }

  get isPlaying() {
    return this.#since !== null;
  }

  get turn() {
    const now = this.now();
    for (const note of this.notes.values())
      if (note.model && note.on <= now && now < note.off) return "model";
    return "player";
  }

  now() {
    if (this.#since === null) return this.#from;
    const now = this.#from + (performance.now() - this.#since) / 1000;
    if (now < this.length) return now;
    this.#from = this.length;
    this.#since = null;
    return this.length;
  }

  play() {
    if (this.now() >= this.length) this.#from = 0;
    this.#since = performance.now();
  }

  pause() {
    this.#from = this.now();
    this.#since = null;
  }

  seek(time) {
    this.#from = Math.min(Math.max(time, 0), this.length);
    if (this.#since !== null) this.#since = performance.now();
  }
}
