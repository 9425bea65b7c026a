"""Open the shop."""

import asyncio
import os

from shop.payments import BankGateway, Gateway, Voucher
from shop.service import Shop
from shop.stock import Stock


def gateway() -> Gateway:
    url = os.environ.get("SHOP_BANK")
    return BankGateway(url) if url else Voucher()


async def run(stock: Stock) -> None:
    shop = Shop(stock, gateway())
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 8700)
    async with server:
        await server.serve_forever()


def main() -> None:
    stock = Stock("/tmp/shop.db")
    stock.prepare()
    asyncio.run(run(stock))


if __name__ == "__main__":
    main()
