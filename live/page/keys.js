// A keyboard to play on: mouse, touch, the computer's keys, and MIDI devices that the browser knows.

import { isBlack, live, pitchName, sound } from "continuo-stage";

const ROW = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon"];
const CAPS = ["A", "W", "S", "E", "D", "F", "T", "G", "Y", "H", "U", "J", "K", "O", "L", "P", ";"];
const LEAST_KEY_PX = 36;
const NOTE_ON = 0x90;
const NOTE_OFF = 0x80;

export default {
  template: `
    <section class="play" aria-label="Keyboard to play on">
      <div class="play-tools">
        <div class="tool" role="group" aria-label="Octave">
          <button type="button" @click="shift(-1)" aria-label="Octave down" title="Z">−</button>
          <output>{{ name(base) }}</output>
          <button type="button" @click="shift(1)" aria-label="Octave up" title="X">+</button>
        </div>
        <label class="tool velocity">velocity
          <input type="range" min="1" max="127" v-model.number="velocity" title="C, V">
          <output>{{ velocity }}</output>
        </label>
        <label class="tool check typing"><input type="checkbox" v-model="typing"> computer keys</label>
        <label class="tool check"><input type="checkbox" class="sound-switch" v-model="sounds" @change="turnSound"> sound here</label>
        <label class="tool volume" v-if="sounds">volume
          <input type="range" min="0" max="1" step="0.01" v-model.number="volume" @input="setVolume">
        </label>
        <label class="tool from-midi" v-if="hasMidi">browser MIDI
          <select v-model="device" @change="chooseDevice">
            <option value="">off</option>
            <option v-if="!access" value="ask">choose…</option>
            <option v-for="d in devices" :key="d.id" :value="d.id">{{ d.name }}</option>
          </select>
        </label>
      </div>
      <div ref="piano" class="piano" role="group" :aria-label="'Piano keys from ' + name(low) + ' to ' + name(high)"
        @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up" @lostpointercapture="up" @contextmenu.prevent>
        <button v-for="key in keys" :key="key.pitch" type="button" :tabindex="key.pitch === low ? 0 : -1"
          :class="['key', key.black ? 'black' : 'white', lit[key.pitch]]" :style="key.style" :data-pitch="key.pitch"
          :data-cap="key.cap" :data-name="key.pitch % 12 ? null : name(key.pitch)"
          :aria-label="name(key.pitch)" @keydown="walk($event, key.pitch)" @keyup="leave($event, key.pitch)" @blur="leaveAll(key.pitch)"></button>
      </div>
    </section>`,
  props: { soundAtFirst: Boolean },
  data() {
    return {
      base: 60,
      low: 48,
      count: 22,
      velocity: 84,
      typing: true,
      sounds: false,
      volume: 0.8,
      lit: {},
      hasMidi: "requestMIDIAccess" in navigator,
      access: null,
      devices: [],
      device: "",
    };
  },
  computed: {
    keys() {
      const keys = [];
      let white = 0;
      for (let pitch = this.low; white < this.count; pitch++) {
        const black = isBlack(pitch);
        if (black && white === this.count) break;
        const width = 100 / this.count;
        const style = black
          ? { left: `${white * width - width * 0.31}%`, width: `${width * 0.62}%` }
          : { left: `${white * width}%`, width: `${width}%` };
        const place = pitch - this.base;
        keys.push({ pitch, black, style, cap: this.typing ? CAPS[place] : undefined });
        if (!black) white += 1;
      }
      return keys;
    },
    high() {
      return this.keys.at(-1).pitch;
    },
  },
  mounted() {
    this.held = new Map(); // by what holds it (pointer, computer key, device): pitch
    this.outgoing = [];
    this.wanted = this.soundAtFirst;
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(this.$refs.piano);
    this.fit();
    this.listeners = [
      [window, "keydown", (e) => this.keyDown(e)],
      [window, "keyup", (e) => this.letGo(`code ${e.code}`)],
      [window, "blur", () => this.letAllGo()],
      [document, "visibilitychange", () => document.hidden && this.letAllGo()],
    ];
    for (const [target, type, call] of this.listeners) target.addEventListener(type, call);
    const frame = () => {
      this.frame = requestAnimationFrame(frame);
      this.light();
    };
    frame();
  },
  beforeUnmount() {
    cancelAnimationFrame(this.frame);
    this.resize.disconnect();
    for (const [target, type, call] of this.listeners) target.removeEventListener(type, call);
  },
  methods: {
    name: pitchName,
    fit() {
      const width = this.$refs.piano.clientWidth;
      this.count = Math.max(8, Math.min(29, Math.floor(width / LEAST_KEY_PX)));
      this.place();
    },
    /** Choose the lowest key so that those of the computer's keys are in the middle, or at least there. */
    place() {
      const octaves = Math.floor(this.count / 7);
      const lower = this.count < 17 ? 0 : Math.min(2, Math.floor((octaves - 1) / 2));
      this.low = Math.max(12, Math.min(this.base - 12 * lower, 108 - 12 * Math.max(0, octaves - 1)));
    },
    shift(octaves) {
      this.letAllGo();
      this.base = Math.max(24, Math.min(96, this.base + 12 * octaves));
      this.place();
    },

    // -- what is held, and by what --------------------------------------------------------------
    press(holder, pitch, velocity) {
      if (pitch < 0 || pitch > 127) return;
      this.letGo(holder);
      if (this.wanted) {
        this.wanted = false;
        this.sounds = true;
        this.turnSound();
      }
      this.held.set(holder, pitch);
      this.send([NOTE_ON, pitch, velocity]);
      sound.strike(pitch, velocity);
    },
    letGo(holder) {
      const pitch = this.held.get(holder);
      if (pitch === undefined) return;
      this.held.delete(holder);
      if ([...this.held.values()].includes(pitch)) return; // something else holds it
      this.send([NOTE_OFF, pitch, 0]);
      sound.release(pitch);
    },
    letAllGo() {
      for (const holder of [...this.held.keys()]) this.letGo(holder);
    },
    /** What comes at once goes out at once, as one message. */
    send(message) {
      if (!this.outgoing.length) {
        queueMicrotask(() => {
          this.$emit("play", this.outgoing);
          this.outgoing = [];
        });
      }
      this.outgoing.push(message);
    },
    light() {
      const lit = {};
      const now = live.now();
      for (const note of live.notes.values()) {
        const isOn = note.committed && note.on <= now && (note.off === null || note.off > now);
        if (isOn) lit[note.pitch] = note.model ? "by-model" : "by-player";
      }
      for (const pitch of this.held.values()) lit[pitch] = "by-player";
      if (JSON.stringify(lit) !== JSON.stringify(this.lit)) this.lit = lit;
    },

    // -- mouse and touch ------------------------------------------------------------------------
    keyAt(event) {
      const key = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".key");
      return key && this.$refs.piano.contains(key) ? key : null;
    },
    down(event) {
      if (event.button) return;
      event.preventDefault();
      this.$refs.piano.setPointerCapture(event.pointerId);
      this.follow(event);
    },
    move(event) {
      if (this.held.has(`pointer ${event.pointerId}`)) this.follow(event);
    },
    up(event) {
      this.letGo(`pointer ${event.pointerId}`);
    },
    /** Sound the key under the pointer: struck further down it is louder, as on a longer lever. */
    follow(event) {
      const holder = `pointer ${event.pointerId}`;
      const key = this.keyAt(event);
      if (!key) return;
      const pitch = Number(key.dataset.pitch);
      if (this.held.get(holder) === pitch) return;
      const box = key.getBoundingClientRect();
      const depth = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
      this.press(holder, pitch, Math.round(Math.min(127, Math.max(1, this.velocity * (0.6 + 0.6 * depth)))));
    },

    // -- the computer's keys --------------------------------------------------------------------
    keyDown(event) {
      const writes = event.target.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select, [role=combobox], [role=listbox], dialog, .q-dialog");
      if (writes || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !this.typing) return;
      const place = ROW.indexOf(event.code);
      if (place >= 0) this.press(`code ${event.code}`, this.base + place, this.velocity);
      else if (event.code === "KeyZ") this.shift(-1);
      else if (event.code === "KeyX") this.shift(1);
      else if (event.code === "Escape") this.$emit("command", "panic");
      else if (event.code === "Space" && !event.target.closest?.("button, summary, a, [role=slider], [role=switch], input"))
        this.$emit("command", live.turn === "model" ? "my_turn" : "your_turn");
      else if (event.code === "KeyC") this.velocity = Math.max(1, this.velocity - 10);
      else if (event.code === "KeyV") this.velocity = Math.min(127, this.velocity + 10);
      else return;
      event.preventDefault();
    },
    /** With the keyboard: arrows go from key to key, Enter and Space strike. */
    walk(event, pitch) {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (step) {
        event.preventDefault();
        this.$refs.piano.querySelector(`[data-pitch="${pitch + step}"]`)?.focus();
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        if (!event.repeat) this.press(`focus ${pitch}`, pitch, this.velocity);
      }
    },
    leave(event, pitch) {
      if (event.key === "Enter" || event.key === " ") this.leaveAll(pitch);
    },
    leaveAll(pitch) {
      this.letGo(`focus ${pitch}`);
    },

    // -- sound and MIDI of the browser ----------------------------------------------------------
    turnSound() {
      this.wanted = false;
      sound.volume = this.volume;
      sound.turn(this.sounds);
    },
    setVolume() {
      sound.volume = this.volume;
    },
    async chooseDevice() {
      if (this.device === "ask") {
        this.device = "";
        try {
          this.access = await navigator.requestMIDIAccess();
        } catch {
          this.hasMidi = false;
          return;
        }
        this.access.onstatechange = () => this.listDevices();
        this.listDevices();
        this.device = this.devices[0]?.id ?? "";
      }
      for (const input of this.access?.inputs.values() ?? []) {
        input.onmidimessage = input.id === this.device ? (e) => this.heard(e.data) : null;
      }
    },
    listDevices() {
      this.devices = [...this.access.inputs.values()].map(({ id, name }) => ({ id, name }));
      if (!this.devices.some(({ id }) => id === this.device)) this.device = "";
    },
    heard(data) {
      if (data[0] >= 0xf0) return;
      this.send([...data]);
      const kind = data[0] & 0xf0;
      if (kind === NOTE_ON && data[2]) sound.strike(data[1], data[2]);
      else if (kind === NOTE_ON || kind === NOTE_OFF) sound.release(data[1]);
    },
  },
};
