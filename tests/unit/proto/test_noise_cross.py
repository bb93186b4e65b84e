#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sets our Noise (noise_peer) against python3-dissononce: every pattern, both roles, with payloads,
psk, transport messages and the handshake hash. Usage: test_noise_cross.py NOISE_PEER"""

import os
import random
import subprocess
import sys

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import x25519
    from dissononce.cipher.chachapoly import ChaChaPolyCipher
    from dissononce.dh.x25519.x25519 import X25519DH
    from dissononce.dh.x25519.keypair import KeyPair
    from dissononce.dh.x25519.private import PrivateKey
    from dissononce.dh.x25519.public import PublicKey
    from dissononce.hash.blake2b import Blake2bHash
    from dissononce.processing.handshakepatterns.interactive.IK import IKHandshakePattern
    from dissononce.processing.handshakepatterns.interactive.XX import XXHandshakePattern
    from dissononce.processing.impl.cipherstate import CipherState
    from dissononce.processing.impl.handshakestate import HandshakeState
    from dissononce.processing.impl.symmetricstate import SymmetricState
    from dissononce.processing.modifiers.psk import PSKPatternModifier
except ImportError as missing:
    print(f"skipped: python3-dissononce is not installed ({missing})")
    sys.exit(77)

PATTERNS = {
    "IK": (IKHandshakePattern(), True, False, 2),
    "XX": (XXHandshakePattern(), False, False, 3),
    "IKpsk2": (PSKPatternModifier(2).modify(IKHandshakePattern()), True, True, 2),
}
PAYLOADS = [0, 1, 16, 140, 640]


def public_of(secret):
    key = x25519.X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def pair_of(secret):
    return KeyPair(PublicKey(public_of(secret)), PrivateKey(secret))


class FixedDH(X25519DH):
    """Makes the ephemeral key that the test wants."""

    def __init__(self, secret):
        super().__init__()
        self.secret = secret

    def generate_keypair(self, privatekey=None):
        return pair_of(self.secret)


class Ours:
    """noise_peer behind a pipe."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"noise_peer: {words[0]}: {answer or 'died'}")
        return answer

    def data(self, verb, *args):
        words = [a if isinstance(a, str) else a.hex() or "." for a in args]
        answer = self.ask(verb, *words)
        return b"" if answer == "." else bytes.fromhex(answer)

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise RuntimeError("noise_peer failed at exit")


class Theirs:
    """dissononce with the same verbs."""

    def __init__(self, pattern, initiator, prologue, secret, ephemeral, remote, psk):
        self.initiator = initiator
        self.symmetric = SymmetricState(CipherState(ChaChaPolyCipher()), Blake2bHash())
        self.state = HandshakeState(self.symmetric, FixedDH(ephemeral))
        self.state.initialize(pattern, initiator, prologue, s=pair_of(secret),
                              rs=PublicKey(remote) if remote else None,
                              psks=(psk,) if psk else None)
        self.ciphers = None

    def write(self, payload):
        out = bytearray()
        self.ciphers = self.state.write_message(payload, out)
        return bytes(out)

    def read(self, message):
        out = bytearray()
        self.ciphers = self.state.read_message(message, out)
        return bytes(out)

    def hash(self):
        return self.symmetric.get_handshake_hash()

    def _cipher(self, sending, n):
        cipher = self.ciphers[0 if self.initiator == sending else 1]
        cipher.set_nonce(n)
        return cipher

    def seal(self, n, data):
        return self._cipher(True, n).encrypt_with_ad(b"", data)

    def open(self, n, data):
        return self._cipher(False, n).decrypt_with_ad(b"", data)


def check(what, got, expected):
    if got != expected:
        raise RuntimeError(f"{what}: {got.hex()} instead of {expected.hex()}")


def one(program, name, we_start, size, rng):
    pattern, knows, has_psk, messages = PATTERNS[name]
    prologue = b"NTM1e" + rng.randbytes(16) if size != 1 else b""
    our_secret, their_secret = rng.randbytes(32), rng.randbytes(32)
    our_ephemeral, their_ephemeral = rng.randbytes(32), rng.randbytes(32)
    psk = rng.randbytes(32) if has_psk else None

    ours = Ours(program)
    ours.ask("start", name, "i" if we_start else "r", prologue.hex() or ".", our_secret.hex(),
             our_ephemeral.hex(), public_of(their_secret).hex() if knows and we_start else "-",
             psk.hex() if psk else "-")
    theirs = Theirs(pattern, not we_start, prologue, their_secret, their_ephemeral,
                    public_of(our_secret) if knows and not we_start else None, psk)
    for i in range(messages):
        payload = rng.randbytes(size)
        if (i % 2 == 0) == we_start:
            check(f"payload {i}", theirs.read(ours.data("write", payload)), payload)
        else:
            check(f"payload {i}", ours.data("read", theirs.write(payload)), payload)
    check("handshake hash", ours.data("hash"), theirs.hash())
    for n in (0, 1, 2, 255, 256, 2**32, 2**63):
        plain = rng.randbytes(size)
        check(f"to them, {n}", theirs.open(n, ours.data("seal", str(n), plain)), plain)
        check(f"to us, {n}", ours.data("open", str(n), theirs.seal(n, plain)), plain)
    ours.close()


def main():
    program = sys.argv[1]
    seed = int(os.environ.get("NTM_SEED", "1"))
    failed = count = 0

    for name in PATTERNS:
        for we_start in (True, False):
            for size in PAYLOADS:
                count += 1
                role = "initiator" if we_start else "responder"
                try:
                    one(program, name, we_start, size, random.Random(f"{seed} {name} {size}"))
                except Exception as error:  # each case is reported, whatever went wrong
                    failed += 1
                    print(f"FAIL {name} as {role}, payload {size}: {error}")
    print(f"{count - failed} of {count} handshakes agree with dissononce")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
