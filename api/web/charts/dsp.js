// The spectrogram's arithmetic: power of log returns in windows that step through them.

/** Log returns between closes; bars without one are left out. */
export function logReturns(bars) {
  const closes = bars.map((bar) => bar.close).filter((close) => close > 0);
  return closes.slice(1).map((close, k) => Math.log(close / closes[k]));
}

/**
 * Columns of power, oldest first: column c is |DFT|² of `window` Hann-weighted deviations from the window's mean that
 * begin at c × hop, at frequencies 1 .. window / 2 of 1 / window cycles a bar.
 */
export function spectrogram(returns, window, hop) {
  const turns = Array.from({ length: window }, (_, k) => (2 * Math.PI * k) / window);
  const hann = turns.map((turn) => 0.5 - 0.5 * Math.cos(turn));
  const [cosines, sines] = [turns.map(Math.cos), turns.map(Math.sin)];
  const found = [];
  for (let start = 0; start + window <= returns.length; start += hop) {
    const part = returns.slice(start, start + window), mean = part.reduce((sum, value) => sum + value, 0) / window;
    found.push(powers(part.map((value, k) => (value - mean) * hann[k]), cosines, sines));
  }
  return found;
}

function powers(values, cosines, sines) {
  const n = values.length;
  return Array.from({ length: n / 2 }, (_, f) => {
    let real = 0, imaginary = 0;
    for (let k = 0; k < n; k++) {
      const turn = ((f + 1) * k) % n;
      real += values[k] * cosines[turn];
      imaginary += values[k] * sines[turn];
    }
    return real * real + imaginary * imaginary;
  });
}
