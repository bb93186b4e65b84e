#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the golden bytes of test_relay_frame.c and test_ticket.c, by Python's own BLAKE2b and by
XChaCha20-Poly1305 written out here from RFC 8439 and draft-irtf-cfrg-xchacha-03."""

import hashlib
import struct


def rounds(words):
    s = list(words)

    def quarter(a, b, c, d):
        for x, y, z, shift in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xffffffff
            s[z] ^= s[x]
            s[z] = (s[z] << shift | s[z] >> (32 - shift)) & 0xffffffff

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def chacha20(key, nonce, counter, data):
    out = b""
    for at in range(0, len(data), 64):
        start = (*CONSTANTS, *struct.unpack("<8I", key), counter + at // 64,
                 *struct.unpack("<3I", nonce))
        block = struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(rounds(start), start)))
        out += bytes(a ^ b for a, b in zip(data[at:at + 64], block))
    return out


def hchacha20(key, nonce):
    s = rounds((*CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce)))
    return struct.pack("<8I", *s[:4], *s[12:])


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at:at + 16] + b"\x01", "little")) * r
        total %= (1 << 130) - 5
    total += int.from_bytes(key[16:], "little")
    return (total & ((1 << 128) - 1)).to_bytes(16, "little")


def xchacha_seal(key, nonce, ad, data):
    key, nonce = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    sealed = chacha20(key, nonce, 1, data)

    def pad(x):
        return x + bytes(-len(x) % 16)

    one_time = chacha20(key, nonce, 0, bytes(32))
    return sealed + poly1305(one_time, pad(ad) + pad(sealed) +
                             struct.pack("<QQ", len(ad), len(sealed)))


def up(first, count):
    return bytes((first + i) & 255 for i in range(count))


def show(name, data):
    print(f"{name} ({len(data)})")
    for at in range(0, len(data), 36):
        print("\t\"" + data[at:at + 36].hex() + "\"")


def self_test():
    """The example of the draft, A.3.1."""
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
            b"the future, sunscreen would be it.")
    out = xchacha_seal(up(0x80, 32), up(0x40, 24), bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), text)
    assert out[:16].hex() == "bd6d179d3e83d43b9576579493c0e939"
    assert out[-16:].hex() == "c0875924c1c7987947deafd8780acf49"


def main():
    self_test()
    day = 20783  # November 26, 2026
    relay = up(0xb0, 32)
    key = hashlib.blake2b(b"NTM-relay1" + relay + struct.pack(">Q", day), digest_size=32,
                          key=up(0x10, 32)).digest()
    show("key", key)
    body = struct.pack(">QBqII", 0x0102030405060708, 1, 1795708800, 128, 7) + up(0x60, 32)
    nonce = up(0xd0, 24)
    key_id = bytes([day & 255])
    ticket = key_id + nonce + xchacha_seal(key, nonce, b"NTM-ticket1" + relay + key_id, body)
    show("ticket", ticket)

    def frame(kind, body, length):
        data = struct.pack(">BxxxI", kind, 0xa1a2a3a4) + body
        data += bytes(length - 16 - len(data))
        return data + hashlib.blake2b(data, digest_size=16, key=up(0x60, 32)).digest()

    flow = struct.pack(">Q", 0x0102030405060708)
    show("bind", frame(17, ticket, 256))
    show("challenge", frame(18, flow + up(0xc0, 16), 56))
    show("answer", frame(19, ticket + up(0xc0, 16), 160))
    show("release", frame(22, ticket, 128))
    show("bound", frame(20, flow + struct.pack(">IB7xI", 0xfeedbeef, 1, 180), 48))


if __name__ == "__main__":
    main()
