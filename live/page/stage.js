// The roll, with the session's music or a take's, as a component of NiceGUI.

import { live, prefersLessMotion, Roll, sound, whenConnected } from "continuo-stage";
import { TakeMusic } from "continuo-stage/music.js";

const SECOND = 1000;

export default {
  template: `
    <div class="roll">
      <canvas ref="canvas" role="img" :aria-label="label"></canvas>
      <div class="roll-legend" aria-hidden="true">
        <span class="of-player">you</span><span class="of-model">model</span><span class="of-plan">planned</span>
      </div>
      <div v-if="take" class="take" role="group" aria-label="The take that is played back">
        <button type="button" class="take-play" @click="toggle" :aria-label="playing ? 'Pause' : 'Play'">
          {{ playing ? "❚❚" : "▶" }}
        </button>
        <input type="range" min="0" :max="take.length" step="0.1" :value="place" @input="seek($event.target.value)"
          aria-label="Place in the take" :aria-valuetext="clockTime(place)">
        <span class="take-time">{{ clockTime(place) }} / {{ clockTime(take.length) }}</span>
        <span class="take-name">{{ take.name }}</span>
        <button type="button" class="take-close" @click="close">Back to now</button>
      </div>
    </div>`,
  data() {
    return { label: "Piano roll", take: null, playing: false, place: 0 };
  },
  mounted() {
    this.music = live;
    this.roll = new Roll(this.$refs.canvas);
    const setMotion = () => (this.roll.lessMotion = prefersLessMotion.matches);
    setMotion();
    prefersLessMotion.addEventListener("change", setMotion);
    whenConnected((socket) => {
      socket.on("stage", (message) => {
        if (live.take(message)) this.ask();
        this.describe();
      });
      socket.on("connect", () => this.ask());
      this.ask();
    });
    const frame = () => {
      this.frame = requestAnimationFrame(frame);
      this.roll.draw(this.music);
      if (this.take && Math.abs(this.music.now() - this.place) > 0.09) this.place = this.music.now();
      if (this.take) this.playing = this.music.isPlaying;
    };
    frame();
    this.timer = setInterval(() => this.describe(), SECOND);
  },
  beforeUnmount() {
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
  },
  methods: {
    /** Ask for the whole picture, not too often. */
    ask() {
      const now = performance.now();
      if (now - (this.asked ?? -SECOND) < SECOND / 2) return;
      this.asked = now;
      this.$emit("ask");
    },
    /** Tell in words what is on the roll, for those who do not see it. */
    describe() {
      const count = { player: 0, model: 0, planned: 0 };
      for (const note of this.music.notes.values())
        count[note.model ? (note.committed ? "model" : "planned") : "player"] += 1;
      Object.assign(this.$refs.canvas.dataset, count, { number: live.number });
      const whose = this.music.turn === "model" ? "the model plays" : "your turn";
      const label = `Piano roll: ${whose}; ${count.player} notes of yours, ${count.model} of the model's, ${count.planned} planned`;
      if (label !== this.label) this.label = label;
    },
    show(take) {
      this.music = new TakeMusic(take);
      this.take = { name: take.name, length: take.length };
      sound.follow(this.music);
      this.music.play();
      this.$el.scrollIntoView({ block: "nearest" });
    },
    toggle() {
      if (this.music.isPlaying) this.music.pause();
      else this.music.play();
      sound.silence();
    },
    seek(place) {
      this.music.seek(Number(place));
      sound.silence();
    },
    close() {
      this.music = live;
      this.take = null;
      sound.follow(live);
    },
    clockTime(seconds) {
      return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    },
  },
};
