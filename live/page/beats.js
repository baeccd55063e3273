// Lamps: one for each beat of the bar.

import { live } from "continuo-stage";

export default {
  template: `<div class="lamps" aria-hidden="true"><i v-for="n in count" :key="n" :class="{ on: n === lit, first: n === 1 }"></i></div>`,
  data() {
    return { count: 4, lit: 0 };
  },
  mounted() {
    const frame = () => {
      this.frame = requestAnimationFrame(frame);
      if (!live.beats.isSet) return;
      const lit = Math.floor(live.beats.inBar(live.now())) + 1;
      if (lit !== this.lit) this.lit = lit;
      if (live.beats.perBar !== this.count) this.count = live.beats.perBar;
    };
    frame();
  },
  beforeUnmount() {
    cancelAnimationFrame(this.frame);
  },
};
