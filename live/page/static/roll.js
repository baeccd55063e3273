// The piano roll: past on the left, what is coming on the right of "now", 60 frames a second.

import { isBlack, pitchName } from "./pitch.js";

const COLORS = {
  paper: "#0a0c10",
  lane: "#10131a",
  octave: "#262c38",
  beat: "rgba(140, 155, 185, 0.13)",
  bar: "rgba(170, 185, 215, 0.42)",
  text: "#9aa6ba",
  player: [72, 208, 255],
  model: [255, 176, 64],
};
const LEAST_ROWS = 30;
const ROOM_ROWS = 3;

const color = ([r, g, b], alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;
const mix = ([r, g, b], white) => [r + (255 - r) * white, g + (255 - g) * white, b + (255 - b) * white].map(Math.round);

export class Roll {
  lessMotion = false;
  #canvas;
  #paint;
  #low = 45;
  #high = 81;
  #page = null; // left edge in beats, where the paper stands still
  #drawn = null;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#paint = canvas.getContext("2d", { alpha: false });
  }

  /** Draw the music as it is now. */
  draw(music) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width || !height) return;
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    if (this.#canvas.width !== Math.round(width * scale) || this.#canvas.height !== Math.round(height * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const paint = this.#paint;
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.fillStyle = COLORS.paper;
    paint.fillRect(0, 0, width, height);
    const keys = Math.min(Math.max(width * 0.052, 36), 72);
    const now = music.now();
    const nowBeat = music.beats.at(now);
    const shown = width > 1100 ? 18 : width > 700 ? 14 : 9;
    const perBeat = (width - keys) / shown;
    const left = this.#leftEdge(music, nowBeat, shown);
    const x = (beat) => keys + (beat - left) * perBeat;
    const visible = [];
    for (const note of music.notes.values()) {
      const ends = note.ends ?? nowBeat;
      if (ends >= left - 0.5 && note.begins <= left + shown) visible.push(note);
    }
    this.#fit(visible, music);
    const rows = this.#high - this.#low + 1;
    const row = height / rows;
    const y = (pitch) => height - (pitch - this.#low + 1) * row;

    this.#drawPaper(width, height, keys, row, y);
    if (music.beats.isSet) {
      music.beats.lines(left, left + shown, (beat, isBar) => {
        paint.fillStyle = isBar ? COLORS.bar : COLORS.beat;
        paint.fillRect(Math.round(x(beat)), 0, isBar ? 2 : 1, height);
      });
    }
    const future = x(nowBeat);
    const tint = paint.createLinearGradient(future, 0, future + Math.min(260, width - future), 0);
    const voice = COLORS[music.turn === "model" ? "model" : "player"];
    tint.addColorStop(0, color(voice, 0.13));
    tint.addColorStop(1, color(voice, 0));
    paint.fillStyle = tint;
    paint.fillRect(future, 0, width - future, height);

    const sounding = new Map();
    for (const note of visible) {
      const isOn = note.on <= now && (note.off === null || note.off > now);
      if (isOn && note.committed) sounding.set(note.pitch, note.model ? "model" : "player");
      this.#drawNote(note, isOn, Math.max(keys, x(note.begins)), x(note.ends ?? nowBeat), y(note.pitch), row);
    }
    this.#drawNow(future, height, voice);
    this.#drawKeys(keys, row, y, height, sounding);
    return sounding;
  }

  /** The pitches that have a row. */
  get range() {
    return [this.#low, this.#high];
  }

  #leftEdge(music, nowBeat, shown) {
    if (!this.lessMotion) return nowBeat - shown * 0.64;
    // The paper stands still and the line moves; the page is turned on a bar line.
    const place = this.#page === null ? 1 : (nowBeat - this.#page) / shown;
    if (place > 0.72 || place < 0) {
      this.#page = nowBeat - music.beats.inBar(music.now()) - Math.floor(shown * 0.2);
    }
    return this.#page;
  }

  /** Move towards the rows that the notes need; what is shown already is shown for a while. */
  #fit(notes, music) {
    let low = 128;
    let high = -1;
    for (const note of notes) {
      low = Math.min(low, note.pitch);
      high = Math.max(high, note.pitch);
    }
    if (high < 0) [low, high] = [54, 72];
    low -= ROOM_ROWS;
    high += ROOM_ROWS;
    const lack = LEAST_ROWS - (high - low + 1);
    if (lack > 0) {
      low -= Math.ceil(lack / 2);
      high += Math.floor(lack / 2);
    }
    [low, high] = [Math.max(0, low), Math.min(127, high)];
    const isNew = this.#drawn !== music;
    this.#drawn = music;
    const step = (from, to, grows) => {
      if (isNew || this.lessMotion) return to;
      const way = (to - from) * (grows ? 0.12 : 0.012);
      return Math.abs(to - from) < 0.02 ? to : from + way;
    };
    this.#low = step(this.#low, low, low < this.#low);
    this.#high = step(this.#high, high, high > this.#high);
  }

  #drawPaper(width, height, keys, row, y) {
    const paint = this.#paint;
    for (let pitch = Math.floor(this.#low); pitch <= this.#high + 1; pitch++) {
      if (isBlack(pitch)) {
        paint.fillStyle = COLORS.lane;
        paint.fillRect(keys, y(pitch), width - keys, row);
      }
      if (pitch % 12 === 0) {
        paint.fillStyle = COLORS.octave;
        paint.fillRect(keys, Math.round(y(pitch) + row) - 1, width - keys, 1);
      }
    }
  }

  #drawNote(note, isOn, from, to, top, row) {
    const paint = this.#paint;
    const height = Math.max(4, row * 0.84);
    const width = Math.max(5, to - from - 1.5);
    const hue = COLORS[note.model ? "model" : "player"];
    const strength = 0.55 + 0.45 * (note.velocity / 127);
    paint.beginPath();
    paint.roundRect(from, top + (row - height) / 2, width, height, Math.min(5, height / 2.5));
    if (!note.committed) {
      paint.fillStyle = color(hue, 0.16);
      paint.fill();
      paint.setLineDash([5, 4]);
      paint.lineWidth = 1.4;
      paint.strokeStyle = color(hue, 0.75);
      paint.stroke();
      paint.setLineDash([]);
      return;
    }
    if (isOn) {
      paint.shadowColor = color(hue, 0.9);
      paint.shadowBlur = 20;
      paint.fillStyle = color(mix(hue, 0.45));
      paint.fill();
      paint.shadowBlur = 0;
    } else {
      paint.fillStyle = color(hue, strength);
      paint.fill();
    }
    if (note.model) { // not by colour alone: the model's notes have a bright edge
      paint.fillStyle = color(mix(hue, 0.75), 0.95);
      paint.fillRect(from, top + (row - height) / 2, Math.min(3, width), height);
    }
  }

  #drawNow(at, height, voice) {
    const paint = this.#paint;
    paint.fillStyle = color(mix(voice, 0.35), 0.95);
    paint.shadowColor = color(voice, 1);
    paint.shadowBlur = 14;
    paint.fillRect(at - 1, 0, 2.5, height);
    paint.shadowBlur = 0;
    paint.beginPath();
    paint.moveTo(at - 8, 0);
    paint.lineTo(at + 8.5, 0);
    paint.lineTo(at, 11);
    paint.fill();
  }

  #drawKeys(width, row, y, height, sounding) {
    const paint = this.#paint;
    paint.fillStyle = "#dfe3ea";
    paint.fillRect(0, 0, width - 2, height);
    for (let pitch = Math.floor(this.#low); pitch <= this.#high + 1; pitch++) {
      const top = y(pitch);
      const who = sounding.get(pitch);
      if (isBlack(pitch)) {
        paint.fillStyle = "rgba(20, 24, 32, 0.35)";
        paint.fillRect(width * 0.6, top + row / 2, width * 0.4 - 2, 1);
        paint.fillStyle = who ? color(COLORS[who]) : "#171b23";
        paint.fillRect(0, top, width * 0.6, row);
        continue;
      }
      if (who) {
        paint.fillStyle = color(COLORS[who]);
        paint.fillRect(0, top, width - 2, row);
      }
      if (pitch % 12 === 0 || pitch % 12 === 5) {
        paint.fillStyle = "rgba(20, 24, 32, 0.35)";
        paint.fillRect(0, top + row - 0.5, width - 2, 1);
      }
    }
    paint.fillStyle = "#10141c";
    paint.font = `600 ${Math.min(13, Math.max(10, row * 0.8))}px Roboto, system-ui, sans-serif`;
    paint.textAlign = "right";
    paint.textBaseline = "middle";
    for (let pitch = Math.ceil(this.#low / 12) * 12; pitch <= this.#high; pitch += 12) {
      paint.fillText(pitchName(pitch), width - 6, y(pitch) + row / 2);
    }
    paint.fillStyle = "#05070a";
    paint.fillRect(width - 2, 0, 2, height);
  }
}
