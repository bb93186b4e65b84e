/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as hexadecimal text. */
#include "ntm/hex.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

void ntm_hex_print(const uint8_t *data, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

static uint8_t value(char digit)
{
	return (uint8_t)(strchr(digits, digit) - digits);
}

int ntm_hex_parse(const char *text, uint8_t *out, size_t cap, size_t *len)
{
	size_t text_len = strlen(text);

	if (text_len % 2 != 0 || text_len / 2 > cap || strspn(text, digits) != text_len)
		return -EINVAL;
	for (size_t i = 0; i < text_len / 2; i++)
		out[i] = (uint8_t)(value(text[2 * i]) << 4 | value(text[2 * i + 1]));
	*len = text_len / 2;
	return 0;
}
