// A plain polyphonic voice for those without a synthesizer.

const MOST_VOICES = 48;
const AHEAD_S = 0.2; // notes are given to the audio clock so long before they sound
const LATE_S = 0.3; // and not at all when they are later than this
const RELEASE_S = 0.16;

export class Sound {
  isOn = false;
  #context = null;
  #out = null;
  #volume = 0.8;
  #voices = new Map(); // by key: { amp, oscillators, off }
  #mine = new Map(); // pitches that were struck on this page: how often, and when last
  #music;
  #timer = null;

  constructor(music) {
    this.#music = music;
  }

  /** Follow this music from now on. */
  follow(music) {
    this.silence();
    this.#music = music;
  }

  async turn(on) {
    this.isOn = on;
    if (!on) {
      clearInterval(this.#timer);
      this.#timer = null;
      this.silence();
      return;
    }
    this.#prepare();
    await this.#context.resume();
    this.#timer ??= setInterval(() => this.#tick(), 25);
  }

  set volume(value) {
    this.#volume = value;
    this.#out?.gain.setTargetAtTime(value * value * 0.5, this.#context.currentTime, 0.02);
  }

  /** A key was struck on this page: it sounds at once, without the way to the performer and back. */
  strike(pitch, velocity) {
    this.#mine.set(pitch, performance.now());
    if (this.isOn) this.#strike(`k${pitch}`, pitch, velocity, this.#context.currentTime, false);
  }

  release(pitch) {
    this.#mine.set(pitch, performance.now());
    if (this.isOn) this.#release(`k${pitch}`, this.#context.currentTime);
  }

  silence() {
    if (!this.#context) return;
    for (const key of [...this.#voices.keys()]) this.#release(key, this.#context.currentTime);
  }

  #tick() {
    const now = this.#music.now();
    if (this.#music.isPlaying === false) {
      this.silence();
      return;
    }
    const at = (time) => this.#context.currentTime + Math.max(0, time - now);
    for (const note of this.#music.notes.values()) {
      const voice = this.#voices.get(note.id);
      if (voice) {
        if (note.off !== null && voice.off !== note.off && note.off < now + AHEAD_S) {
          this.#release(note.id, at(note.off), note.off);
        }
      } else if (note.committed && note.on < now + AHEAD_S && note.on > now - LATE_S) {
        if (note.off !== null && note.off < now) continue;
        if (this.#music.isLive && !note.model && this.#isMine(note.pitch)) continue;
        this.#strike(note.id, note.pitch, note.velocity, at(note.on), note.model);
      }
    }
    for (const [key, voice] of this.#voices) {
      if (typeof key === "string" && key.startsWith("k")) continue;
      if (!this.#music.notes.has(key) && voice.off === null) this.#release(key, at(now)); // taken back
    }
  }

  #isMine(pitch) {
    return performance.now() - (this.#mine.get(pitch) ?? -1e9) < 1500;
  }

  #prepare() {
    if (this.#context) return;
    this.#context = new AudioContext({ latencyHint: "interactive" });
    const limiter = new DynamicsCompressorNode(this.#context, { threshold: -14, knee: 12, ratio: 6, attack: 0.003 });
    this.#out = new GainNode(this.#context, { gain: this.#volume * this.#volume * 0.5 });
    this.#out.connect(limiter).connect(this.#context.destination);
  }

  #strike(key, pitch, velocity, when, model) {
    this.#release(key, when);
    if (this.#voices.size >= MOST_VOICES) this.#release(this.#voices.keys().next().value, when);
    const context = this.#context;
    const hertz = 440 * 2 ** ((pitch - 69) / 12);
    const loud = (velocity / 127) ** 1.6;
    const amp = new GainNode(context, { gain: 0 });
    const filter = new BiquadFilterNode(context, { type: "lowpass", Q: 0.4, frequency: hertz * 2 + 6500 * loud });
    const pan = new StereoPannerNode(context, { pan: model ? 0.25 : -0.25 });
    filter.frequency.setTargetAtTime(hertz * 1.5 + 900 * loud, when, 0.35);
    amp.gain.setValueAtTime(0, when);
    amp.gain.linearRampToValueAtTime(0.34 * loud, when + 0.004);
    amp.gain.setTargetAtTime(0.13 * loud, when + 0.004, 0.22);
    amp.gain.setTargetAtTime(0.02 * loud, when + 0.7, 1.6); // it dies away like a string
    filter.connect(amp).connect(pan).connect(this.#out);
    const oscillators = [
      ["triangle", 1, 0.8],
      ["sine", 2, 0.22],
      ["sawtooth", 1.002, 0.07],
    ].map(([type, ratio, level]) => {
      const oscillator = new OscillatorNode(context, { type, frequency: hertz * ratio });
      oscillator.connect(new GainNode(context, { gain: level })).connect(filter);
      oscillator.start(when);
      return oscillator;
    });
    this.#voices.set(key, { amp, oscillators, off: null });
  }

  #release(key, when, off = 0) {
    const voice = this.#voices.get(key);
    if (!voice) return;
    voice.off = off;
    voice.amp.gain.cancelScheduledValues(when);
    voice.amp.gain.setTargetAtTime(0, when, RELEASE_S / 4);
    for (const oscillator of voice.oscillators) oscillator.stop(when + RELEASE_S);
    voice.oscillators[0].onended = () => {
      if (this.#voices.get(key) === voice) this.#voices.delete(key);
    };
  }
}
