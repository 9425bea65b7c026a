"""One connection after the other: an order in, a receipt out."""

import asyncio
import logging
import time

from shop.payments import Gateway
from shop.receipts import Order, greeting, receipt
from shop.stock import Stock

logger = logging.getLogger(__name__)


class Shop:
    def __init__(self, stock: Stock, gateway: Gateway) -> None:
        self.stock = stock
        self.gateway = gateway
        self.till = asyncio.Lock()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write((await asyncio.to_thread(greeting) + "\n").encode())
            async for line in reader:
                account, sku, count = line.decode().split()
                await self.deliver(writer, await self.checkout(account, sku, int(count)))
        finally:
            writer.close()

    async def checkout(self, account: str, sku: str, count: int) -> str:
        price = await self.stock.price(sku)
        if price is None:
            return f"we do not sell {sku}"
        order = Order(sku, count, price)
        async with self.till:
            if not self.gateway.charge(account, order.total):
                return f"{account} cannot pay {order.total:.2f}"
            await self.stock.take(sku, count)
        logger.info("sold %s", order)
        return receipt(order)

    async def deliver(self, writer: asyncio.StreamWriter, text: str) -> None:
        for attempt in range(3):
            try:
                writer.write((text + "\n").encode())
                await writer.drain()
                return
            except ConnectionError:
                logger.warning("attempt %d failed", attempt + 1)
                time.sleep(0.5)
