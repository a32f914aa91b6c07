// Numbers and times as texts of steady width. Undefined is a dash. Times are UTC.

export const DASH = "–";
const formats = new Map();

export function fixed(value, digits) {
  if (value == null) return DASH;
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(digits).format(value).replace("-", "−");
}

export function price(value) {
  if (value == null) return DASH;
  const size = Math.abs(value);
  return fixed(value, size >= 100 ? 2 : size >= 1 ? 4 : 6);
}

export function signed(value, digits = 2) {
  if (value == null) return DASH;
  return (value < 0 ? "−" : "+") + fixed(Math.abs(value), digits);
}

/** Basis points of a return in percent. */
export function basisPoints(percent) {
  return percent == null ? DASH : signed(percent * 100);
}

export function share(value) {
  return value == null ? DASH : Math.round(value * 100) + " %";
}

export function significant(value) {
  if (value == null) return DASH;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3).replaceAll("-", "−");
  return fixed(value, size >= 1000 ? 0 : size >= 10 ? 2 : 4);
}

export function rate(value) {
  return value == null ? DASH : fixed(value, value < 10 ? 1 : 0);
}

export function count(value) {
  if (value == null) return DASH;
  if (value < 1e6) return fixed(value, 0);
  return value < 1e9 ? fixed(value / 1e6, 2) + " M" : fixed(value / 1e9, 2) + " G";
}

export function milliseconds(value) {
  if (value == null) return DASH;
  return value < 10 ? fixed(value, 2) : value < 1000 ? fixed(value, 1) : fixed(value, 0);
}

export function duration(seconds) {
  if (seconds == null) return DASH;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return whole + " s";
  if (whole < 7200) return Math.floor(whole / 60) + " min";
  if (whole < 172800) return Math.floor(whole / 3600) + " h";
  return Math.floor(whole / 86400) + " d";
}

/** 22:17:44 today, else 2026-11-20 22:17:44, without seconds where they are 0 of a day. */
export function moment(iso, today = new Date().toISOString().slice(0, 10)) {
  if (!iso) return DASH;
  const [day, clock] = [iso.slice(0, 10), iso.slice(11, 19)];
  if (clock === "00:00:00") return day;
  return day === today ? clock : `${day} ${clock}`;
}

const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000 }; // s

/** What timeframes are sorted by: about how long they are; bars of activity come last. */
export function length(timeframe) {
  const [, count, unit] = timeframe.match(/^(\d+)([smhdwM])$/) ?? [];
  return unit ? Number(count) * UNITS[unit] : Infinity;
}

export const ARROWS = { bullish: "▲", bearish: "▼", neutral: "•" };

export function direction(word) {
  return word ? `${ARROWS[word]} ${word}` : DASH;
}

/** "up", "down" or "": what a sign is coloured by. */
export function side(value) {
  return value > 0 ? "up" : value < 0 ? "down" : "";
}
