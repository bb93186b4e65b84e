/* SPDX-License-Identifier: BSD-2-Clause */
/* NTM names: the one spelling that certificates, messages and tables compare. */
#include "name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

/* Lower case of a character that a name may have, or NUL. */
static char name_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')
		return c;
	return '\0';
}

int ntm_name_canon(char out[static NTM_NAME_MAX + 1], const char *name)
{
	char canon[NTM_NAME_MAX + 1];
	size_t len = strnlen(name, NTM_NAME_MAX + 2);
	size_t label_len = 0;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > NTM_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		canon[i] = name_char(name[i]);
		if (canon[i] == '\0')
			return -EINVAL;
		label_len = canon[i] == '.' ? 0 : label_len + 1;
		/* A dot needs a label on either side. */
		if (label_len > LABEL_MAX ||
		    (label_len == 0 && (i == 0 || i + 1 == len || canon[i - 1] == '.')))
			return -EINVAL;
	}
	memcpy(out, canon, len);
	out[len] = '\0';
	return 0;
}

int ntm_name_complete(char out[static NTM_NAME_MAX + 1], const char *name, const char *domain)
{
	char full[2 * NTM_NAME_MAX + 2];
	bool is_short = strchr(name, '.') == NULL;
	int len = snprintf(full, sizeof(full), "%s%s%s", name, is_short ? "." : "",
			   is_short ? domain : "");

	return (size_t)len < sizeof(full) ? ntm_name_canon(out, full) : -EINVAL;
}

bool ntm_name_under(const char *name, const char *suffix)
{
	size_t name_len = strlen(name);
	size_t suffix_len = strlen(suffix);
	const char *tail;

	if (suffix_len == 0 || suffix_len > name_len)
		return false;
	tail = name + (name_len - suffix_len);
	return strcmp(tail, suffix) == 0 && (tail == name || tail[-1] == '.');
}

bool ntm_name_is_canon(const char *name)
{
	char canon[NTM_NAME_MAX + 1];

	return ntm_name_canon(canon, name) == 0 && strcmp(canon, name) == 0;
}

void ntm_rd_name(struct ntm_rd *rd, size_t len, char name[static NTM_NAME_MAX + 1])
{
	const uint8_t *bytes = NULL;

	name[0] = '\0';
	if (len > NTM_NAME_MAX)
		ntm_rd_fail(rd);
	else
		bytes = ntm_rd_view(rd, len);
	if (!bytes)
		return;
	memcpy(name, bytes, len);
	name[len] = '\0';
	/* The length is compared because of NULs inside. */
	if (strlen(name) != len || !ntm_name_is_canon(name)) {
		name[0] = '\0';
		ntm_rd_fail(rd);
	}
}

void ntm_wr_name_u8(struct ntm_wr *wr, const char *name)
{
	size_t len = strnlen(name, NTM_NAME_MAX + 1);

	if (len > NTM_NAME_MAX)
		wr->err = true;
	ntm_wr_u8(wr, (uint8_t)len);
	ntm_wr_bytes(wr, name, len);
}

void ntm_rd_name_u8(struct ntm_rd *rd, char name[static NTM_NAME_MAX + 1])
{
	ntm_rd_name(rd, ntm_rd_u8(rd), name);
}
