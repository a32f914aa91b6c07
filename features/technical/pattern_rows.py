"""The catalogue rows of `candle_patterns`. A body is signed, shares are of the bar's range, bar 0 is the newest."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver

TREND = 5
NISON = "Nison (1991), graded; TA-Lib's {} answers yes or no"
TIES = "equal open and close (within 1e-12 of the price) count as a rising body, as TA-Lib"

_column = partial(
    Column,
    inputs=("open", "high", "low", "close"),
    driver=Driver.BAR,
    unit="strength",
    oracle="naive",
    edges="a bar without range, or a first body of none: 0",
)
_up = partial(_column, range=(0.0, 1.0))
_down = partial(_column, range=(-1.0, 0.0))
_either = partial(_column, range=(-1.0, 1.0))

_TREND = f"the last {TREND} closes before against their way"
_HAMMER = "max(0, lower shadow - 2 * |body|) * max(0, 1 - 10 * upper shadow) * "
_INVERTED = "max(0, upper shadow - 2 * |body|) * max(0, 1 - 10 * lower shadow) * "
_TURN = (
    "smallest of |body 1|, body 0 the other way, 1 - |4 * r - 3| (r: share of body 1 that the close regains) and "
    "1 - 4 * share of body 1 by which bar 0 opens inside it"
)
_STAR = (
    "smallest of |body 2|, body 0 the other way, how much smaller the star's body is, how far it lies beyond the "
    "middle of the first body (in half bodies) and the share of that body the close regains"
)
_MARCH = "smallest of the three bodies and of the changes of the close over the bar's range"
_behind = {"window": TREND + 2, "warm_up": TREND + 2, "params": {"trend": TREND}}
_one, _two, _three = ({"window": n, "warm_up": n} for n in (1, 2, 3))

COLUMNS: tuple[Column, ...] = (
    _up("hammer", f"{_HAMMER}fall of {_TREND}", NISON.format("CDLHAMMER"), **_behind),
    _down("hanging_man", f"-{_HAMMER}rise of {_TREND}", NISON.format("CDLHANGINGMAN"), **_behind),
    _up("inverted_hammer", f"{_INVERTED}fall of {_TREND}", NISON.format("CDLINVERTEDHAMMER"), **_behind),
    _down("shooting_star", f"-{_INVERTED}rise of {_TREND}", NISON.format("CDLSHOOTINGSTAR"), **_behind),
    _either("marubozu", "sign of the body * max(0, 10 * |body| - 9)", NISON.format("CDLMARUBOZU"), **_one),
    _either(
        "spinning_top",
        "sign of the body * max(0, 1 - 3 * |body|) * 2 * the smaller shadow",
        NISON.format("CDLSPINNINGTOP"),
        ties=TIES,
        **_one,
    ),
    _either(
        "harami",
        "-body 1 * max(0, 2 * smaller distance of body 0's edges from those of body 1, outside it, over body 1)",
        NISON.format("CDLHARAMI"),
        **_two,
    ),
    _up("piercing_line", f"body 1 falls: {_TURN}; at least 0", NISON.format("CDLPIERCING"), **_two),
    _down("dark_cloud_cover", f"body 1 rises: -({_TURN}); at most 0", NISON.format("CDLDARKCLOUDCOVER"), **_two),
    _either(
        "tweezer",
        "smaller of |body 1| and body 0 the other way * max(0, 1 - 10 * distance of the lows (bottom, positive) or "
        "the highs (top, negative) over the wider range)",
        "Nison (1991), graded",
        **_two,
    ),
    _up("morning_star", f"body 2 falls: {_STAR}; at least 0", NISON.format("CDLMORNINGSTAR"), **_three),
    _down("evening_star", f"body 2 rises: -({_STAR}); at most 0", NISON.format("CDLEVENINGSTAR"), **_three),
    _up("three_white_soldiers", f"{_MARCH}; at least 0", NISON.format("CDL3WHITESOLDIERS"), **_three),
    _down("three_black_crows", f"-({_MARCH}, all falling); at most 0", NISON.format("CDL3BLACKCROWS"), **_three),
)
