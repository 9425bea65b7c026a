"""What is on the shelves: a SQLite file that only worker threads touch."""

import asyncio
import contextlib
import sqlite3
import threading


class Stock:
    def __init__(self, path: str) -> None:
        self.path = path
        self.taken = 0
        self.counter = threading.Lock()

    async def price(self, sku: str) -> float | None:
        return await asyncio.to_thread(self._price, sku)

    async def take(self, sku: str, count: int) -> None:
        with self.counter:
            self.taken += count
        await asyncio.get_running_loop().run_in_executor(None, self._take, sku, count)

    def prepare(self) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as db, db:
            db.execute("create table if not exists stock (sku text primary key, price real, count integer)")
            db.execute("insert or ignore into stock values ('tea', 4.5, 100), ('cup', 9.0, 20)")

    def _price(self, sku: str) -> float | None:
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            row = db.execute("select price from stock where sku = ?", (sku,)).fetchone()
        return row[0] if row else None

    def _take(self, sku: str, count: int) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as db, db:
            db.execute("update stock set count = count - ? where sku = ?", (count, sku))
