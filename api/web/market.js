// What is known of each symbol of one timeframe: newest prediction and recent prices.

const PRICES = 60; // of a sparkline

export class Market {
  rows = new Map();
  sequence = null; // the newest that was seen

  /** Begins anew with the answer of /board. */
  load(rows) {
    this.rows = new Map(rows.map((row) => [row.symbol, known(row, row.prices)]));
    this.sequence = rows.length ? Math.max(...rows.map((row) => row.sequence ?? 0)) : null;
  }

  /** Takes analyses of the WebSocket; a symbol's later ones alone. */
  merge(analyses) {
    for (const analysis of analyses) {
      const before = this.rows.get(analysis.symbol);
      if (before && before.timestamp >= analysis.timestamp) continue;
      const price = analysis.current_price;
      const prices = [...(before?.prices ?? []), ...(price == null ? [] : [price])].slice(-PRICES);
      this.rows.set(analysis.symbol, known(analysis, prices));
      this.sequence = Math.max(this.sequence ?? 0, analysis.sequence ?? 0);
    }
  }
}

function known(said, prices) {
  const { up, down, sideways } = said.probabilities;
  return {
    symbol: said.symbol, timestamp: said.timestamp, price: said.current_price, prices, direction: said.direction,
    up, down, sideways, confidence: said.confidence, expected: said.expected_return, version: said.model_version,
    tier: said.tier, made: performance.now() - said.age_ms,
  };
}

/** Milliseconds since a row's bar closed, now. */
export function age(row) {
  return performance.now() - row.made;
}

const ORDERS = {
  symbol: (row) => row.symbol,
  price: (row) => row.price,
  direction: (row) => row.up - row.down,
  expected: (row) => row.expected,
  confidence: (row) => row.confidence,
  age: (row) => -row.made,
};
export const COLUMNS = Object.keys(ORDERS);

/** Rows whose symbol contains the text and whose direction is the one given ("" for all), in order. */
export function arranged(rows, { text, direction, by, descending }) {
  const wanted = text.toUpperCase(), value = ORDERS[by], sign = descending ? -1 : 1;
  return [...rows]
    .filter((row) => row.symbol.toUpperCase().includes(wanted) && (!direction || row.direction === direction))
    .sort((a, b) => order(value(a), value(b), sign) || order(a.symbol, b.symbol, 1));
}

/** What is undefined comes last, however it is sorted. */
function order(a, b, sign) {
  const [missing, other] = [a == null || Number.isNaN(a), b == null || Number.isNaN(b)];
  if (missing || other) return missing - other;
  return a < b ? -sign : a > b ? sign : 0;
}
