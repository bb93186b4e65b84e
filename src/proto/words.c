/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from the network that ends up on terminals and in logs. */
#include "words.h"

/* A sequence by its first byte (RFC 3629 4): bytes that follow, and the least code point that may
 * be spelled so. */
static int sequence(uint8_t first, uint32_t *bits, uint32_t *least)
{
	if (first < 0x80) {
		*bits = first;
		*least = 0;
		return 0;
	}
	if ((first & 0xe0) == 0xc0) {
		*bits = first & 0x1fU;
		*least = 0x80;
		return 1;
	}
	if ((first & 0xf0) == 0xe0) {
		*bits = first & 0x0fU;
		*least = 0x800;
		return 2;
	}
	if ((first & 0xf8) == 0xf0) {
		*bits = first & 0x07U;
		*least = 0x10000;
		return 3;
	}
	return -1;
}

static bool is_printable(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} bad[] = {
		{0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},          {0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},      {0xd800, 0xdfff},
		{0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, UINT32_MAX},
	};

	if ((c & 0xfffe) == 0xfffe)
		return false;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (c >= bad[i].from && c <= bad[i].to)
			return false;
	return true;
}

bool ntm_words_ok(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t c, least;
		int more = sequence(text[i], &c, &least);

		if (more < 0 || (size_t)more >= len - i)
			return false;
		for (; more > 0; more--) {
			i++;
			if ((text[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (text[i] & 0x3fU);
		}
		if (c < least || !is_printable(c))
			return false;
	}
	return true;
}
