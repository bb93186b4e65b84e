/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from the network that ends up on terminals and in logs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for well-formed UTF-8 without anything that moves the cursor, hides or reorders text:
 * control characters (C0, DEL, C1), line separators, direction marks, non-characters. */
bool ntm_words_ok(const uint8_t *text, size_t len);
