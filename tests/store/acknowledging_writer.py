"""A program that writes numbers to a store and prints each one once the store has acknowledged it.

Run by the tests, which kill it at a random moment: ``acknowledging_writer.py STORE FIRST``.
"""

import asyncio
import os
import sys
from pathlib import Path

from ottochain.store.database import Database
from ottochain.store.pool import PoolItem, put_items

_WRITERS = 8


async def write_numbers(database: Database, first: int) -> None:
    numbers = iter(range(first, sys.maxsize))

    async def one_after_another() -> None:
        for number in numbers:
            item = PoolItem(f"{number:064x}", "00" * 32, "fiber", None, os.urandom(600), "node")
            await database.write(lambda connection, item=item: put_items(connection, [item]))
            os.write(1, b"%d\n" % number)

    await asyncio.gather(*(one_after_another() for _ in range(_WRITERS)))


if __name__ == "__main__":
    asyncio.run(write_numbers(Database.open(Path(sys.argv[1])), int(sys.argv[2])))
