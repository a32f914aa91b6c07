"""Every function of TA-Lib beside the catalogue: equal, different or absent.

A comparison is text that is run: `close / SMA(close, 20) - 1` is what the page shows and what the test evaluates.
It knows TA-Lib's functions, the bars' fields, columns of the catalogue, `row`, `before(x, n)`, `path(returns)` (the
price that makes these returns) and numpy's sqrt, log, log10, tan, sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EQUAL, DIFFERENT, ABSENT = "equal", "different", "absent"


@dataclass(frozen=True)
class Row:
    """One function of TA-Lib."""

    function: str
    verdict: str
    columns: dict[str, str]  # our column: TA-Lib's number made comparable, or "" where nothing makes it so
    why: str = ""  # what differs, or why there is none
    windows: tuple[int, ...] = ()  # what `#` in column and comparison stands for

    @property
    def comparisons(self) -> dict[str, str]:
        """Return every column with its comparison, windows filled in."""
        each = [str(n) for n in self.windows] or [""]
        return {c.replace("#", n): text.replace("#", n) for c, text in self.columns.items() for n in each}


def _equal(function: str, why: str = "", **columns: str) -> Row:
    return Row(function, EQUAL, columns, why)


def _over(function: str, column: str, expression: str, *windows: int) -> Row:
    """Return the row of a function that we have over several windows; `#` stands for the window."""
    return Row(function, EQUAL, {column: expression}, "", windows)


def _different(function: str, why: str, *names: str, **columns: str) -> Row:
    return Row(function, DIFFERENT, {**dict.fromkeys(names, ""), **columns}, why)


def _absent(why: str, *functions: str) -> list[Row]:
    return [Row(function, ABSENT, {}, why) for function in functions]


_ALL: Final = (5, 10, 20, 50, 100, 200)
_SHORT: Final = _ALL[:4]
_RESETS = "begins anew with each session, where TA-Lib's runs on for ever; digits are of one session"
_GRADED = "graded from 0 to 1 by the bar's own shape; TA-Lib says yes or no, by averages of the bars before"
_LATEST = "of equal closes the latest counts; which one TA-Lib takes depends on when it last searched its window"
_PRICE = "a price of the bar, not a feature: it has the price's scale"

AVERAGES: Final = [
    _over("SMA", "sma_ratio_#", "close / SMA(close, #) - 1", *_ALL),
    _over("MA", "sma_ratio_#", "close / MA(close, #, 0) - 1", *_ALL),
    _over("EMA", "ema_ratio_#", "close / EMA(close, #) - 1", *_ALL),
    _over("WMA", "wma_ratio_#", "close / WMA(close, #) - 1", *_ALL),
    _over("HMA", "hma_ratio_#", "close / HMA(close, #) - 1", *_SHORT),
    _over("DEMA", "dema_ratio_#", "close / DEMA(close, #) - 1", *_SHORT),
    _over("TEMA", "tema_ratio_#", "close / TEMA(close, #) - 1", *_SHORT),
    _over("T3", "t3_ratio_#", "close / T3(close, #, 0.7) - 1", *_SHORT),
    _over("KAMA", "kama_ratio_#", "close / KAMA(close, #) - 1", *_ALL),
    _equal("VWMA", vwma_ratio_20="close / VWMA(close, volume, 20) - 1"),
    _equal("RMA", atr_14="RMA(TRANGE(high, low, close), 14)"),
    _equal("MIDPRICE", tenkan_distance_9="close / MIDPRICE(high, low, 9) - 1",
           kijun_distance_26="close / MIDPRICE(high, low, 26) - 1"),
    _equal("BBANDS",
           bollinger_position_20="(close - BBANDS(close, 20, 2, 2)[2]) / "
                                 "(BBANDS(close, 20, 2, 2)[0] - BBANDS(close, 20, 2, 2)[2])",
           bollinger_width_20="(BBANDS(close, 20, 2, 2)[0] - BBANDS(close, 20, 2, 2)[2]) / BBANDS(close, 20, 2, 2)[1]"),
    _different("KC", "the middle is the average of closes, TA-Lib's of typical prices; its range another average",
           keltner_position_20="(close - KC(high, low, close, 20, 10, 2)[2]) / "
                                     "(KC(high, low, close, 20, 10, 2)[0] - KC(high, low, close, 20, 10, 2)[2])"),
    _equal("DONCHIAN",
           donchian_position_20="(close - DONCHIAN(high, low, 20)[2]) / "
                                "(DONCHIAN(high, low, 20)[0] - DONCHIAN(high, low, 20)[2])",
           donchian_width_55="(DONCHIAN(high, low, 55)[0] - DONCHIAN(high, low, 55)[2]) / DONCHIAN(high, low, 55)[1]"),
    _equal("SAR", sar_distance="(close - SAR(high, low, 0.02, 0.2)) / close"),
    _equal("SAREXT", sar_direction="sign(SAREXT(high, low, 0, 0, 0.02, 0.02, 0.2, 0.02, 0.02, 0.2))"),
    _equal("SUPERTREND", supertrend_distance_10="(close - SUPERTREND(high, low, close, 10, 3)[0]) / close",
           supertrend_direction_10="SUPERTREND(high, low, close, 10, 3)[1]"),
    _different("HT_TRENDLINE", "the cycle's length comes from a periodogram, not a Hilbert transform",
               "price_cycle_dominant_period_64"),
    *_absent("a window of a centred or lagged average that SMA, WMA, HMA and KAMA cover", "TRIMA", "ZLEMA"),
    *_absent("its window changes from row to row; columns have fixed ones", "MAVP", "MAMA"),
    *_absent("bands around a price, as `bollinger_position_20` and `keltner_position_20`", "ACCBANDS"),
    *_absent("the middle of the closes' range; of highs and lows it is `tenkan_distance_9`", "MIDPOINT"),
]  # fmt: skip

MOMENTUM: Final = [
    _equal("ADX", adx_14="ADX(high, low, close, 14)"),
    _equal("ADXR", adxr_14="ADXR(high, low, close, 14)"),
    _equal("DX", dx_14="DX(high, low, close, 14)"),
    _equal("PLUS_DI", plus_di_14="PLUS_DI(high, low, close, 14)"),
    _equal("MINUS_DI", minus_di_14="MINUS_DI(high, low, close, 14)"),
    _different("PLUS_DM", "over the smoothed true range, so that it has no scale", "plus_di_14"),
    _different("MINUS_DM", "over the smoothed true range, so that it has no scale", "minus_di_14"),
    _equal("AROON", aroon_down_14="AROON(high, low, 14)[0]", aroon_up_14="AROON(high, low, 14)[1]"),
    _equal("AROONOSC", aroon_oscillator_14="AROONOSC(high, low, 14)"),
    _equal("BOP", body_share="BOP(open, high, low, close)"),
    _equal("CCI", cci_20="CCI(high, low, close, 20)"),
    _equal("CMO", "Wilder's averages, as in `rsi_14`", rsi_14="(CMO(close, 14) + 100) / 2"),
    _equal("COPPOCK", coppock="COPPOCK(close, 10, 11, 14)"),
    _equal("DPO", dpo_ratio_20="DPO(close, 20) / SMA(close, 20)"),
    _over("ER", "efficiency_ratio_#", "ER(log(close), #)", 20, 60),
    _equal("ERI", elder_bull_power_13="ERI(high, low, close, 13)[0] / close",
           elder_bear_power_13="ERI(high, low, close, 13)[1] / close"),
    _equal("MACD", macd_ratio="MACD(close, 12, 26, 9)[0] / close",
           macd_signal_ratio="MACD(close, 12, 26, 9)[1] / close",
           macd_histogram_ratio="MACD(close, 12, 26, 9)[2] / close"),
    _equal("MACDEXT", macd_ratio="MACDEXT(close, 12, 1, 26, 1, 9, 1)[0] / close",
           macd_signal_ratio="MACDEXT(close, 12, 1, 26, 1, 9, 1)[1] / close"),
    _different("MACDFIX", "its averages move by 0.15 and 0.075, ours by 2 / 13 and 2 / 27, as MACD's",
               macd_ratio="MACDFIX(close, 9)[0] / close"),
    _different("APO", "both averages start at the same bar, as MACD's; the fast one of APO starts earlier",
               macd_ratio="APO(close, 12, 26, 1) / close"),
    _equal("PPO", ppo_5_35="PPO(close, 5, 35, 1)", ppo_signal_5_35_5="EMA(PPO(close, 5, 35, 1), 5)"),
    _equal("MFI", mfi_14="MFI(high, low, close, volume, 14)"),
    _equal("MOM", roc_10="100 * MOM(close, 10) / before(close, 10)"),
    _equal("ROC", roc_10="ROC(close, 10)"),
    _equal("ROCP", roc_10="100 * ROCP(close, 10)"),
    _equal("ROCR", return_10="log(ROCR(close, 10))", return_60="log(ROCR(close, 60))"),
    _equal("ROCR100", return_20="log(ROCR100(close, 20) / 100)"),
    _over("RSI", "rsi_#", "RSI(close, #)", 7, 14, 21),
    _equal("STOCH", stochastic_d_14_3="STOCH(high, low, close, 14, 3, 0, 3, 0)[0]"),
    _equal("STOCHF", stochastic_k_14="STOCHF(high, low, close, 14, 3, 0)[0]",
           stochastic_d_14_3="STOCHF(high, low, close, 14, 3, 0)[1]"),
    _equal("STOCHRSI", stoch_rsi_k_14="STOCHRSI(close, 14, 14, 3, 0)[0]",
           stoch_rsi_d_14_3="STOCHRSI(close, 14, 14, 3, 0)[1]"),
    _equal("TRIX", trix_20="TRIX(close, 20)"),
    _equal("TSI", tsi_25_13="TSI(close, 25, 13)"),
    _equal("ULTOSC", ultimate_oscillator_7_14_28="ULTOSC(high, low, close, 7, 14, 28)"),
    _equal("VORTEX", vortex_plus_14="VORTEX(high, low, close, 14)[0]",
           vortex_minus_14="VORTEX(high, low, close, 14)[1]"),
    _equal("WILLR", williams_r_14="WILLR(high, low, close, 14)"),
    _different("VHF", "its log, and the way is of the 59 moves within the window; VHF's has one more",
               path_dimension_60="1 - log(VHF(close, 60)) / log(2 * 59)"),
    _different("KDJ", "plain means of %K, Lane's; KDJ smooths them as Wilder", "stochastic_k_14", "stochastic_d_14_3"),
    _different("FOSC", "the distance from the line's end, of log prices; FOSC's is from its forecast", "line_gap_20"),
    *_absent("`rsi_14` with sums in place of Wilder's averages", "CMOU"),
    *_absent("a difference of two means of the bars' middles; `ppo_5_35` is that of closes", "AC", "AO"),
    *_absent("known only two bars later", "FRACTAL"),
    *_absent("bodies' sums; `body_share`, `mfi_14` and `up_share_20` are there", "IMI", "QSTICK"),
    *_absent("a doubly smoothed `stochastic_k_14`; `tsi_25_13` is the kind that is there", "SMI"),
    *_absent("sums over all that ever was, so its size depends on when it began", "WAD"),
]  # fmt: skip

VOLUME: Final = [
    _different("AD", _RESETS, ad_line="AD(high, low, close, volume)"),
    _different("OBV", _RESETS, obv="OBV(close, volume)"),
    _different("PVT", _RESETS, price_volume_trend="PVT(close, volume)"),
    _different("VWAP", "traded value of the session over its volume, where TA-Lib weighs typical prices from the start",
               vwap_distance_session="close / VWAP(high, low, close, volume) - 1"),
    _equal("ADOSC", chaikin_oscillator_3_10="ADOSC(high, low, close, volume, 3, 10) / EMA(volume, 26)"),
    _equal("CMF", cmf_20="CMF(high, low, close, volume, 20)"),
    _equal("EFI", force_index_13="EFI(close, volume, 13) / (close * EMA(volume, 26))"),
    _equal("PVO", pvo_12_26="PVO(volume, 12, 26, 1)"),
    _different("RVOL", "the mean volume includes this bar", volume_ratio_20="RVOL(volume, 20)"),
    *_absent("sums over all that ever was, so its size depends on when it began", "NVI", "PVI"),
    *_absent("range over volume; what a trade moves is `amihud_20` and `kyle_lambda_20`", "MARKETFI"),
]  # fmt: skip

VOLATILITY: Final = [
    _equal("ATR", atr_14="ATR(high, low, close, 14)"),
    _over("NATR", "natr_#", "NATR(high, low, close, #)", 7, 14, 21),
    _equal("TRANGE", atr_14="RMA(TRANGE(high, low, close), 14)"),
    _equal("CVI", chaikin_volatility_10="CVI(high, low, 10, 10)"),
    _equal("MASSI", mass_index_25="MASSI(high, low, 9, 25)"),
    *_absent("a mean of high - low; `natr_14` has the gaps too, `parkinson_20` the range alone", "ADR"),
    *_absent("a strength index of deviations; `upside_semivolatility_20` and `downside_share_20` say it", "RVI"),
]  # fmt: skip

STATISTICS: Final = [
    _over("STDDEV", "volatility_#", "STDDEV(log_return, #) * sqrt(# / (# - 1))", 20, 60),
    _over("VAR", "volatility_#", "sqrt(VAR(log_return, #) * # / (# - 1))", 20, 60),
    _over("LINEARREG", "line_gap_#", "log(close) - LINEARREG(log(close), #)", 20, 60),
    _over("LINEARREG_SLOPE", "slope_#", "LINEARREG_SLOPE(log(close), #)", 20, 60),
    _over("LINEARREG_ANGLE", "slope_#", "tan(LINEARREG_ANGLE(log(close), #) * pi / 180)", 20, 60),
    _over("LINEARREG_INTERCEPT", "line_gap_#",
          "log(close) - LINEARREG_INTERCEPT(log(close), #) - (# - 1) * LINEARREG_SLOPE(log(close), #)", 20, 60),
    _over("TSF", "line_gap_#", "log(close) - TSF(log(close), #) + LINEARREG_SLOPE(log(close), #)", 20, 60),
    _over("CORREL", "return_volume_correlation_#", "CORREL(log_return, volume, #)", 60),
    _over("BETA", "market_beta_#", "BETA(path(market_return), path(log_return), #)", 20, 60, 120),
    _different("PERCENTRANK", "returns equal to the last one count by half, with TA-Lib not at all",
               return_percentile_60="PERCENTRANK(log_return, 59) / 100"),
    _different("PERCENTILE", "between two returns it is interpolated (linear), TA-Lib's is one of them (nearest rank)",
               return_quantile_25_60="PERCENTILE(log_return, 60, 25)"),
    *_absent("a mean deviation; `cci_20` divides by it, `interquartile_range_60` is there", "AVGDEV"),
]  # fmt: skip

OPERATORS: Final = [
    _over("MAX", "drawdown_#", "close / MAX(close, #) - 1", 20, 60),
    _over("MIN", "run_up_#", "close / MIN(close, #) - 1", 20, 60),
    _equal("MINMAX", run_up_20="close / MINMAX(close, 20)[0] - 1", drawdown_20="close / MINMAX(close, 20)[1] - 1"),
    _different("MAXINDEX", _LATEST, bars_since_high_20="row - MAXINDEX(close, 20)"),
    _different("MININDEX", _LATEST, bars_since_low_20="row - MININDEX(close, 20)"),
    _different("MINMAXINDEX", _LATEST, bars_since_low_20="row - MINMAXINDEX(close, 20)[0]",
           bars_since_high_20="row - MINMAXINDEX(close, 20)[1]"),
    _over("SUM", "return_#", "SUM(log_return, #)", 20, 60),
    _equal("LN", return_1="LN(ROCR(close, 1))"),
    *_absent("arithmetic of two series, no feature of its own", "ADD", "SUB", "MULT", "DIV"),
    *_absent("sums over all that ever was, so its size depends on when it began", "CUMSUM"),
    *_absent("a function of one number, no feature of its own", "ACOS", "ASIN", "ATAN", "CEIL", "COS", "COSH", "EXP",
             "FLOOR", "LOG10", "SIN", "SINH", "SQRT", "TAN", "TANH"),
    _equal("TYPPRICE", "part of the index",
           cci_20="(TYPPRICE(high, low, close) - SMA(TYPPRICE(high, low, close), 20)) / "
                  "(0.015 * AVGDEV(TYPPRICE(high, low, close), 20))"),
    *_absent(_PRICE, "AVGPRICE", "MEDPRICE", "WCLPRICE", "HA"),
]  # fmt: skip

CYCLES: Final = [
    _different("HT_DCPERIOD", "of a periodogram of 64 and 256 log prices less their line, not of a Hilbert transform",
               "price_cycle_dominant_period_64", "price_cycle_dominant_period_256"),
    _different("HT_DCPHASE", "the same; an angle is told by its sine and cosine", "price_cycle_phase_sin_64",
               "price_cycle_phase_cos_64"),
    _different("HT_PHASOR", "the same; in-phase and quadrature parts over their length", "price_cycle_phase_sin_64",
               "price_cycle_phase_cos_64"),
    _different("HT_SINE", "the same", "price_cycle_phase_sin_64"),
    _different("HT_TRENDMODE", "trend against no trend by the strength of the move over 20, 60 and 120 bars",
               "trend_state_20", "trend_state", "trend_state_120"),
]  # fmt: skip

_PATTERNS: Final = {
    "CDLDOJI": "doji", "CDLHAMMER": "hammer", "CDLHANGINGMAN": "hanging_man", "CDLINVERTEDHAMMER": "inverted_hammer",
    "CDLSHOOTINGSTAR": "shooting_star", "CDLMARUBOZU": "marubozu", "CDLSPINNINGTOP": "spinning_top",
    "CDLHARAMI": "harami", "CDLPIERCING": "piercing_line", "CDLDARKCLOUDCOVER": "dark_cloud_cover",
    "CDLMORNINGSTAR": "morning_star", "CDLEVENINGSTAR": "evening_star",
    "CDL3WHITESOLDIERS": "three_white_soldiers", "CDL3BLACKCROWS": "three_black_crows",
}  # fmt: skip

_RARE: Final = (
    "2CROWS 3INSIDE 3LINESTRIKE 3OUTSIDE 3STARSINSOUTH ABANDONEDBABY ADVANCEBLOCK BELTHOLD BREAKAWAY CLOSINGMARUBOZU "
    "CONCEALBABYSWALL COUNTERATTACK DOJISTAR DRAGONFLYDOJI EVENINGDOJISTAR GAPSIDESIDEWHITE GRAVESTONEDOJI "
    "HARAMICROSS HIGHWAVE HIKKAKE HIKKAKEMOD HOMINGPIGEON IDENTICAL3CROWS INNECK KICKING KICKINGBYLENGTH "
    "LADDERBOTTOM LONGLEGGEDDOJI LONGLINE MATCHINGLOW MATHOLD MORNINGDOJISTAR ONNECK RICKSHAWMAN RISEFALL3METHODS "
    "SEPARATINGLINES SHORTLINE STALLEDPATTERN STICKSANDWICH TAKURI TASUKIGAP THRUSTING TRISTAR UNIQUE3RIVER "
    "UPSIDEGAP2CROWS XSIDEGAP3METHODS"
)

PATTERNS: Final = [
    _equal("CDLENGULFING", engulfing="CDLENGULFING(open, high, low, close) / 100"),
    *(_different(f, _GRADED, **{column: f"{f}(open, high, low, close) / 100"}) for f, column in _PATTERNS.items()),
    *_absent(
        "a rare or finer variant; what a bar is made of is told by `body_share`, the shadows' shares and `gap_ratio`",
        *(f"CDL{name}" for name in _RARE.split()),
    ),
]  # fmt: skip

TABLE: Final = {
    row.function: row
    for row in (*AVERAGES, *MOMENTUM, *VOLUME, *VOLATILITY, *STATISTICS, *OPERATORS, *CYCLES, *PATTERNS)
}
