"""Ways in which a file goes bad."""

import random


def missing(_content: bytes, _dice: random.Random) -> None:
    return None


def empty(_content: bytes, _dice: random.Random) -> bytes:
    return b""


def truncated(content: bytes, _dice: random.Random) -> bytes:
    return content[: len(content) // 2]


def bit_flipped(content: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << dice.randrange(8)]) + content[place + 1 :]


def foreign(_content: bytes, dice: random.Random) -> bytes:
    return b"%PDF-1.7\n" + dice.randbytes(3000)
