const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

/** The name of a MIDI note number; 60 is C4. */
export function pitchName(pitch) {
  return NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);
}

export function isBlack(pitch) {
  return BLACK.has(pitch % 12);
}
