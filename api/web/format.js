// Numbers as texts of steady width. Undefined is a dash.

const DASH = "–";
const formats = new Map();

function fixed(digits) {
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(digits);
}

export function price(value) {
  if (value == null) return DASH;
  const size = Math.abs(value);
  return fixed(size >= 100 ? 2 : size >= 1 ? 4 : 6).format(value);
}

export function basisPoints(logReturn) {
  if (logReturn == null) return DASH;
  const value = logReturn * 1e4;
  return (value < 0 ? "−" : "+") + fixed(2).format(Math.abs(value));
}

export function percent(share) {
  return share == null ? DASH : Math.round(share * 100) + " %";
}

export function rate(value) {
  return value == null ? DASH : fixed(value < 10 ? 1 : 0).format(value);
}

export function count(value) {
  if (value == null) return DASH;
  if (value < 1e6) return fixed(0).format(value);
  return value < 1e9 ? fixed(2).format(value / 1e6) + " M" : fixed(2).format(value / 1e9) + " G";
}

export function age(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 120) return Math.floor(seconds) + " s";
  if (seconds < 7200) return Math.floor(seconds / 60) + " min";
  if (seconds < 172800) return Math.floor(seconds / 3600) + " h";
  return Math.floor(seconds / 86400) + " d";
}
