// What the page's components share: one clock, one picture of the music, one sound.

export { Roll } from "./roll.js";
export { pitchName, isBlack } from "./pitch.js";
import { LiveMusic } from "./music.js";
import { Sound } from "./sound.js";

export const live = new LiveMusic();
export const sound = new Sound(live);

/** Call a function once the page's socket is there: components are mounted before it. */
export function whenConnected(call) {
  if (window.socket) call(window.socket);
  else setTimeout(() => whenConnected(call), 20);
}

export const prefersLessMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
