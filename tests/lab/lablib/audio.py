# SPDX-License-Identifier: BSD-2-Clause
"""Tones: made as files to play, and recognised in what arrived."""

import array
import math
import wave

from lablib import rtp
from lablib.verdict import check

WINDOW = 800  # samples: 100 ms at 8000 a second, so that tones of whole 10 Hz fit exactly
PURITY = 0.8  # share of a window's energy that must be at the tone's frequency
QUIET = 100  # mean amplitude below which a window is silence


def sine(hz, rate=rtp.PCMU_RATE):
    """One second of a sine at a quarter of full scale; whole frequencies repeat without a click."""
    return array.array("h", (round(8000 * math.sin(2 * math.pi * hz * i / rate))
                             for i in range(rate)))


def write_tone(path, hz, seconds=60, rate=rtp.PCMU_RATE):
    """Writes a WAV file (mono, 16 bit) with the tone."""
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sine(hz, rate).tobytes() * seconds)
    return path


def write_ulaw_tone(path, hz, seconds=60):
    """Writes the tone as bare PCMU bytes."""
    with open(path, "wb") as file:
        file.write(bytes(map(rtp.to_ulaw, sine(hz))) * seconds)
    return path


def read_wav(path):
    """The samples of a mono 16-bit WAV file and their rate; one still being written is fine."""
    with open(path, "rb") as file:
        data = file.read()
    at, rate = data.find(b"fmt ") + 8, 0
    rate = int.from_bytes(data[at + 4:at + 8], "little")
    body = data[data.find(b"data") + 8:]
    return array.array("h", body[:len(body) // 2 * 2]), rate


def share(window, hz, rate):
    """The share (0..1) of the window's energy at one frequency (Goertzel's algorithm)."""
    factor = 2 * math.cos(2 * math.pi * hz / rate)
    last = before = 0.0
    for sample in window:
        last, before = sample + factor * last - before, last
    power = last * last + before * before - factor * last * before
    energy = sum(sample * sample for sample in window)
    return power * 2 / (len(window) * energy) if energy else 0.0


def tone_seconds(samples, hz, rate=rtp.PCMU_RATE):
    """For how long the tone, and nothing much else, is heard."""
    size = WINDOW * rate // rtp.PCMU_RATE
    good = 0
    for at in range(0, len(samples) - size + 1, size):
        window = samples[at:at + size]
        loud = sum(map(abs, window)) / size > QUIET
        good += loud and share(window, hz, rate) >= PURITY
    return good * size / rate


class Heard:
    """What arrived of one direction of a call."""

    def __init__(self, stream, hz):
        self.stream = stream
        self.hz = hz
        self.tone_s = tone_seconds(stream.samples(), hz)
        self.lost = stream.lost
        self.gap_ms = stream.longest_gap_ms

    def __str__(self):
        return f"{self.hz} Hz {self.tone_s:.1f} s, lost {self.lost}, gap {self.gap_ms:.0f} ms"


def heard(packets, hz, min_s=2.0, max_gap_ms=200, max_lost=0, **ends):
    """Judges the longest RTP stream between the ends; fails the case unless it is as demanded."""
    found = rtp.streams(packets, **ends)
    check(found, f"no RTP arrived {ends or ''}")
    result = Heard(found[0], hz)
    check(result.tone_s >= min_s, f"{hz} Hz was heard for {result.tone_s:.1f} s only")
    check(result.lost <= max_lost, f"{result.lost} RTP packets lost")
    check(result.gap_ms <= max_gap_ms, f"a gap of {result.gap_ms:.0f} ms")
    return result
