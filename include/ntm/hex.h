/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as hexadecimal text, for files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len digits and NUL. */
void ntm_hex_print(const uint8_t *data, size_t len, char *out);
/* Lower case only. 0 and the number of bytes; -EINVAL (no hexadecimal, or more than cap bytes). */
int ntm_hex_parse(const char *text, uint8_t *out, size_t cap, size_t *len);
