// The columns that the candles chart draws: bars and behind them the predicted path, by the number of the bar.

/** `data` are bar numbers, highs, lows, the path, its lower and upper edge; of the bars to come only the path is known. */
export function columns(bars, path) {
  const known = bars.filter((bar) => bar.close != null);
  const x = known.map((bar) => bar.bar_sequence), last = x.at(-1);
  const at = known.findIndex((bar) => bar.time === path?.timestamp);
  const steps = at < 0 ? [] : path.steps.filter((step) => step.predicted_price != null);
  const begin = at < 0 ? last : x[at];
  const end = Math.max(last ?? 0, begin + (steps.at(-1)?.prediction_horizon ?? 0));
  for (let number = last + 1; number <= end; number++) x.push(number);
  const place = new Map(x.map((number, k) => [number, k]));
  const line = (name, start) => {
    const column = x.map(() => null);
    if (steps.length) column[place.get(begin)] = start;
    for (const step of steps) if (place.has(begin + step.prediction_horizon)) column[place.get(begin + step.prediction_horizon)] = step[name];
    return column;
  };
  const price = path?.current_price ?? null;
  return {
    known, begin, steps,
    data: [x, x.map((_, k) => known[k]?.high ?? known[k]?.close ?? null), x.map((_, k) => known[k]?.low ?? known[k]?.close ?? null),
      line("predicted_price", price), line("low", price), line("high", price)],
  };
}

/** Outcomes by the number of the bar that the prediction was made from. */
export function byBar(bars, outcomes) {
  const numbers = new Map(bars.map((bar) => [bar.time, bar.bar_sequence]));
  return new Map(outcomes.filter((outcome) => numbers.has(outcome.timestamp)).map((outcome) => [numbers.get(outcome.timestamp), outcome]));
}

/** The prices that an axis spans, with room below for volume and marks. */
export function range(low, high) {
  if (low == null) return [0, 1];
  const span = high - low || Math.abs(high) * 1e-4 || 1;
  return [low - 0.3 * span, high + 0.06 * span];
}

/** What became of the predictions, counted. */
export function tally(outcomes) {
  const hits = outcomes.filter((outcome) => outcome.hit === true).length;
  const misses = outcomes.filter((outcome) => outcome.hit === false).length;
  return { hits, misses, open: outcomes.length - hits - misses };
}
