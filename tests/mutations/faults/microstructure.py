"""Faults in the kernels of quotes, and of trades beside them."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/microstructure/quotes.py",
        "imbalance = (bid_size - ask_size) / depth",
        "imbalance = (ask_size - bid_size) / depth",
        Kind.BID_ASK,
        "more on the bid is a positive imbalance",
    ),
    Fault(
        "features/microstructure/quotes.py",
        "weigh(time - clock[LAST], keep, gain)",
        "weigh(time - clock[BEGUN], keep, gain)",
        Kind.DECAY,
        "sums fade by the time since the last quote",
    ),
    Fault(
        "features/microstructure/quotes.py",
        "1.0 if ask <= bid else 0.0",
        "1.0 if ask < bid else 0.0",
        Kind.BOUNDARY,
        "equal bid and ask are locked",
    ),
    Fault(
        "features/microstructure/order_flow.py",
        "flow -= ask_size if ask <= before[i, ASK] else 0.0",
        "flow -= ask_size if ask <= before[i, BID] else 0.0",
        Kind.BID_ASK,
        "an ask is compared with the ask before",
    ),
    Fault(
        "features/microstructure/order_flow.py",
        "bid_size if bid >= before[i, BID] else",
        "bid_size if bid > before[i, BID] else",
        Kind.BOUNDARY,
        "a bid that stays adds its change of size",
    ),
    Fault(
        "features/microstructure/order_flow.py",
        "state.bar[j, FLOW], state.bar[j, DEPTH] = 0.0, 0.0",
        "state.bar[j, FLOW] = 0.0",
        Kind.RESET,
        "the depth of a bar starts anew with it",
    ),
    Fault(
        "features/microstructure/mid_returns.py",
        "        fill(past, clock, i, 0, WIDTHS[0], time, quote)\n",
        "        quote[i, BID], quote[i, ASK] = bid, ask\n        fill(past, clock, i, 0, WIDTHS[0], time, quote)\n",
        Kind.LOOK_AHEAD,
        "a grid time holds the quote that stood then, not the one after it",
    ),
    Fault(
        "features/microstructure/mid_returns.py",
        "bid_size + ask_size, bid_size - ask_size",
        "bid_size + ask_size, ask_size - bid_size",
        Kind.BID_ASK,
        "the microprice leans away from the larger size",
    ),
    Fault(
        "features/microstructure/mid_returns.py",
        "grid = time // _WIDTHS[ring] - _BUCKETS[h]",
        "grid = time // _WIDTHS[ring] - _BUCKETS[h] + 1",
        Kind.WINDOW,
        "the price of a horizon ago is a whole horizon old",
    ),
    Fault(
        "features/microstructure/effective_spread.py",
        "cost, counts = 2e4 * side *",
        "cost, counts = 2e4 * -side *",
        Kind.SIDES,
        "a buyer pays above the mid",
    ),
    Fault(
        "features/microstructure/effective_spread.py",
        "usable = not np.isnan(bid)",
        "usable = clock[i, QUOTE] > 0",
        Kind.NAN,
        "a one-sided quote does not stand",
    ),
    Fault(
        "features/microstructure/effective_spread.py",
        "if side != 0 and bid != 0.0:",
        "if bid != 0.0:",
        Kind.SIDES,
        "trades of unknown side don't count",
    ),
    Fault(
        "features/microstructure/realized_spread.py",
        "            if time >= clock[i, NEXT]:\n                take_out(clock, quote, queue, slots, sums, i, time)\n",
        "            if kind == QUOTE and not np.isnan(ticks.bid[t]):\n"
        "                quote[i, BID], quote[i, ASK] = ticks.bid[t], ticks.ask[t]\n"
        "            if time >= clock[i, NEXT]:\n                take_out(clock, quote, queue, slots, sums, i, time)\n",
        Kind.LOOK_AHEAD,
        "what is due is compared with the quote that stood, not with the next",
    ),
    Fault(
        "features/microstructure/pending_trades.py",
        "keep = kept((bucket - last) * NS[d], MEMORY[d])",
        "keep = kept(time - last * NS[d], MEMORY[d])",
        Kind.DECAY,
        "a bucket's weight is of the time of its trades",
    ),
    Fault(
        "features/microstructure/price_variance.py",
        "decay(sums, i, QUOTE, quote(",
        "decay(sums, i, TRADE, quote(",
        Kind.SIDES,
        "squares of mids and of prices are kept apart",
    ),
    Fault(
        "features/microstructure/within_bar.py",
        "b[:], times[j] = 0.0, 0",
        "b[:] = 0.0",
        Kind.RESET,
        "the times of a bar's first ticks start anew with it",
    ),
)
