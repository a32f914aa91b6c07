"""A typed client of the service: calls over HTTP, and predictions as they come over the WebSocket.

with Client("http://127.0.0.1:8001") as client:
    print(client.analyze("AAPL", timeframe="1m", prediction_horizon=5).direction)

async for analysis in follow("http://127.0.0.1:8001", ["AAPL", "MSFT"]):
    print(analysis.symbol, analysis.direction, analysis.confidence)
"""

from __future__ import annotations

from api.client.calls import Client
from api.client.errors import Refused
from api.client.following import follow

__all__ = ["Client", "Refused", "follow"]
