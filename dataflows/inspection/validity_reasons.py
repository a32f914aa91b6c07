"""Why a column is undefined, in one sentence for each column (or its group, or its family) and reason.

`undertone features validity` lists every column and reason met that has no sentence here: none may be left. The
sentence of a column comes before that of its group, that before its family's, that before what holds for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from features.catalogue import Column, Family, Group
from schema.reasons import Why

FLAT: Final = (
    "The price stood still over the whole window, as it does where nobody trades (before the open, after hours, quiet "
    "seconds): no variance, range or power is left to divide by."
)
ALWAYS_FLAT: Final = (
    "The price has not moved yet, or not for so long that the decayed volatility is 0: there is no unit to measure in."
)
NO_VOLUME: Final = "Nothing was traded in the window, so there is no volume or notional to weight or divide by."
NO_BAR_TRADE: Final = "Nothing was traded in this bar; the column speaks of this bar alone."
ONE_SIDED: Final = (
    "The last quote is unusable (none yet, one-sided, or absurdly wide); trade-only symbols have none ever."
)
OLD_TRADE: Final = "More than 10 horizons of event time passed since the last trade: the decayed sums speak of nothing."
OLD_QUOTE: Final = "More than 10 horizons of event time passed since the last quote that was usable."
OLD_ITEM: Final = "More than 10 horizons of event time passed since the last item."
MARKET_FLAT: Final = (
    "The market, or the series itself, did not move in the window: nobody traded, and no variance is left to divide by."
)
STATE: Final = "It remembers for ever and has not burnt in since the series' start: a number, marked and defined."

_OF_ALL: Final[Mapping[Why, str]] = {
    Why.WARMING_UP: "Fewer inputs of the column's driver have come than its warm-up asks for.",
    Why.GAP: "The feed lost messages inside the column's window.",
    Why.NOT_CONVERGED: STATE,
}

_OF_FAMILY: Final[Mapping[tuple[Family, Why], str]] = {
    (Family.STATISTICAL, Why.EDGE): FLAT,
    (Family.SPECTRAL, Why.EDGE): FLAT,
    (Family.SENTIMENT, Why.NO_FEED): "No news and no social items were configured (setting sentiment.items).",
    (Family.SENTIMENT, Why.STALE): OLD_ITEM,
    (Family.MICROSTRUCTURE, Why.NO_QUOTES): ONE_SIDED,
    (Family.MICROSTRUCTURE, Why.NO_TRADES): "The symbol has not traded yet.",
}

_OF_GROUP: Final[Mapping[tuple[str, Why], str]] = {
    ("arrivals", Why.STALE): OLD_TRADE,
    (
        "arrivals",
        Why.EDGE,
    ): "All waits since the last pause were 0 or longer than 10 horizons: none is left to average.",
    (
        "effective_spread",
        Why.STALE,
    ): "More than 10 horizons passed without a trade of known side beside a usable quote.",
    ("order_flow", Why.STALE): OLD_QUOTE,
    ("order_flow", Why.EDGE): "No depth, or no event of the book, in the window or bar.",
    ("price_variance", Why.STALE): "More than 10 horizons passed since the last trade or the last usable quote.",
    ("price_variance", Why.EDGE): "Neither trade price nor mid moved within the horizon.",
    ("quotes", Why.STALE): OLD_QUOTE,
    ("realized_spread", Why.STALE): "More than 10 horizons passed without a trade of known side whose delay is over.",
    ("trade_signs", Why.STALE): OLD_TRADE,
    ("trade_signs", Why.EDGE): "No run of signs has begun, the price has not changed yet, or trades had no volume.",
    ("trades", Why.STALE): OLD_TRADE,
    ("trades", Why.EDGE): NO_BAR_TRADE,
    ("within_bar", Why.EDGE): (
        "Within the bar (or the bars of the window) came no quote, trade or trade of known side, or their prices and "
        "sizes did not differ, so that there is nothing to divide by."
    ),
    ("bar_impact", Why.EDGE): NO_VOLUME,
    ("bar_trading", Why.EDGE): NO_VOLUME,
    ("bollinger", Why.EDGE): FLAT,
    ("candles", Why.EDGE): "The bar has no range: nobody traded in it, or all at one price.",
    ("channels", Why.EDGE): FLAT,
    ("directional", Why.EDGE): ALWAYS_FLAT,
    ("money_flow", Why.NO_TRADES): NO_VOLUME,
    ("money_flow", Why.EDGE): FLAT,
    ("natr", Why.EDGE): "The decayed range ten bars ago was 0: nobody traded then.",
    ("rsi", Why.EDGE): FLAT,
    ("session_volume", Why.NO_TRADES): "Nothing was traded in the session so far.",
    ("stochastic", Why.EDGE): FLAT,
    ("strength", Why.EDGE): FLAT,
    ("swings", Why.EDGE): FLAT,
    ("volume_flow", Why.NO_TRADES): NO_VOLUME,
    ("volume_window", Why.NO_TRADES): NO_VOLUME,
    ("volume_moments", Why.EDGE): "Nothing was traded in the window, or always as much, or the price stood still.",
    ("change_point", Why.EDGE): ALWAYS_FLAT,
    ("clustering", Why.EDGE): FLAT,
    ("cusum", Why.EDGE): ALWAYS_FLAT,
    ("liquidity", Why.NO_QUOTES): ONE_SIDED,
    ("realized", Why.EDGE): FLAT,
    ("stationarity", Why.EDGE): FLAT,
    ("stress", Why.EDGE): ALWAYS_FLAT,
    ("stress", Why.NO_QUOTES): ONE_SIDED,
    ("trend", Why.EDGE): FLAT,
    ("trend_filter", Why.EDGE): ALWAYS_FLAT,
    ("volatility_filter", Why.EDGE): ALWAYS_FLAT,
    ("correlation_regime", Why.EDGE): MARKET_FLAT,
    (
        "season",
        Why.EDGE,
    ): "No past session had a bar in this minute; a deviation needs two of them, so at 1 m two sessions.",
    ("coherence", Why.EDGE): MARKET_FLAT,
    ("basket", Why.EDGE): MARKET_FLAT,
    ("cross_section", Why.EDGE): "All symbols moved alike at this bar time: mostly, none did.",
    ("cross_size", Why.NO_QUOTES): ONE_SIDED,
    ("cross_size", Why.NO_TRADES): "No symbol traded at this bar time (or, for the rising share, at the one before).",
    ("market_model", Why.EDGE): MARKET_FLAT,
    ("market_model", Why.NO_FEED): "No leader is configured (setting universe.leaders).",
}

_MANY_ZEROS: Final = (
    "So many of the returns are 0 that the quantiles it divides by are equal: three quarters of them for the "
    "quartiles, nearly all of the lower half for the tail. Common in short bars."
)
_OF_COLUMN: Final[Mapping[tuple[str, Why], str]] = {
    ("bar_order_flow_imbalance", Why.EDGE): "The best bid and offer did not change in this bar.",
    ("bar_trade_reversal_share", Why.EDGE): "This bar has fewer than two trades of known side.",
    ("bar_trade_count_imbalance", Why.EDGE): "This bar has no trade of known side.",
    ("bar_effective_spread_bps", Why.EDGE): "This bar has no trade of known side beside a usable quote.",
    ("bar_price_impact_bps", Why.EDGE): "This bar has no trade of known side beside a usable quote.",
    ("bar_close_to_vwap_bps", Why.EDGE): NO_BAR_TRADE,
    ("bar_trade_size_mean", Why.EDGE): NO_BAR_TRADE,
    ("bar_quote_to_trade_ratio", Why.EDGE): NO_BAR_TRADE,
    ("spread_z_60", Why.EDGE): "The quoted spread was the same at all closes of the window: no deviation to divide by.",
    ("quantile_skewness_60", Why.EDGE): _MANY_ZEROS,
    ("tail_weight_60", Why.EDGE): _MANY_ZEROS,
    ("tail_ratio_60", Why.EDGE): _MANY_ZEROS,
    ("jump_statistic_60", Why.EDGE): "No two bars in a row moved in the window: the bipower variation is 0.",
    ("half_life_60", Why.EDGE): "The price stood still, or it does not revert: the slope is not below 0.",
    ("session_volatility_ratio_20", Why.EDGE): "The price has not moved in this session yet, or this is its first bar.",
    ("seasonal_volume_ratio", Why.EDGE): "Past sessions traded nothing up to this minute: no volume is expected.",
    ("mfi_14", Why.EDGE): "The typical price was the same in all bars of the window that had volume.",
    ("rsi_7", Why.EDGE): ALWAYS_FLAT,
    ("rsi_14", Why.EDGE): ALWAYS_FLAT,
    ("rsi_21", Why.EDGE): ALWAYS_FLAT,
    ("tsi_25_13", Why.EDGE): ALWAYS_FLAT,
    ("tsi_signal_25_13_7", Why.EDGE): ALWAYS_FLAT,
    ("average_correlation_64", Why.EDGE): "Fewer than two symbols moved in the window, so that there is no pair.",
    ("first_factor_loading_64", Why.EDGE): (
        "The symbol or the market did not move in the window, or the second eigenvalue is above 0.9 of the first: the "
        "factor is not one."
    ),
}


def explanation(group: Group, column: Column, reason: Why) -> str | None:
    """Return the sentence for a column and reason, None where there is none.

    For an undefined edge of a column of the user's own, that is what its row says under `edges`.
    """
    if reason is Why.EDGE and not group.update.__module__.startswith("features."):
        return column.edges if column.edges != "none" else None
    return (
        _OF_COLUMN.get((column.name, reason))
        or _OF_GROUP.get((group.name, reason))
        or _OF_FAMILY.get((group.family, reason))
        or _OF_ALL.get(reason)
    )


def unused(groups: tuple[Group, ...]) -> list[str]:
    """Return keys that name no group or column of the catalogue: sentences about nothing."""
    names = {group.name for group in groups}, {column.name for group in groups for column in group.columns}
    keys = [key for table, known in zip((_OF_GROUP, _OF_COLUMN), names) for key, _ in table if key not in known]
    return sorted(set(keys))
