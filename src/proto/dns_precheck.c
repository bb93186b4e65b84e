/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks a DNS message once: counts, name lengths, record lengths, OPT and TSIG. */
#include "dns_precheck.h"

#include "ntm/wire.h"

#include <errno.h>

#define NAME_WIRE_MAX 255 /* RFC 1035 2.3.4 */
#define LABEL_MAX     63
#define POINTER_BITS  0xc0

/* Returns the length of the name in the message; a pointer ends it. */
static size_t skip_name(struct ntm_rd *rd, bool pointer_ok)
{
	size_t total = 0;
	while (!ntm_rd_err(rd)) {
		uint8_t label = ntm_rd_u8(rd);
		total++;
		if (label == 0)
			return total;
		if ((label & POINTER_BITS) == POINTER_BITS && pointer_ok) {
			ntm_rd_u8(rd);
			return total + 1;
		}
		if (label > LABEL_MAX || total + label >= NAME_WIRE_MAX)
			ntm_rd_fail(rd);
		ntm_rd_view(rd, label);
		total += label;
	}
	return total;
}

static void walk_question(struct dns_shape *shape, struct ntm_rd *rd)
{
	shape->question = rd->pos;
	shape->question_len = skip_name(rd, false) + 4;
	shape->type = ntm_rd_u16(rd);
	shape->cls = ntm_rd_u16(rd);
}

static void walk_record(struct dns_shape *shape, struct ntm_rd *rd, int section)
{
	size_t name_len = skip_name(rd, true);
	uint16_t type = ntm_rd_u16(rd);
	uint16_t cls = ntm_rd_u16(rd);
	uint32_t ttl = ntm_rd_u32(rd);
	ntm_rd_view(rd, ntm_rd_u16(rd));

	if (type == DNS_TYPE_TSIG)
		ntm_rd_fail(rd);
	if (type != DNS_TYPE_OPT)
		return;
	if (section != DNS_ADDITIONAL || name_len != 1 || shape->has_opt)
		ntm_rd_fail(rd);
	shape->has_opt = true;
	shape->opt_size = cls;
	shape->opt_ttl = ttl;
}

int dns_precheck(struct dns_shape *shape, const uint8_t *msg, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(msg, len);
	struct dns_shape found = {0};
	found.id = ntm_rd_u16(&rd);
	found.flags = ntm_rd_u16(&rd);
	for (int i = 0; i < DNS_SECTIONS; i++)
		found.count[i] = ntm_rd_u16(&rd);
	if (found.count[DNS_QUESTION] != 1)
		return -EBADMSG;

	walk_question(&found, &rd);
	for (int section = DNS_ANSWER; section < DNS_SECTIONS; section++)
		for (unsigned i = 0; i < found.count[section] && !ntm_rd_err(&rd); i++)
			walk_record(&found, &rd, section);
	if (!ntm_rd_done(&rd))
		return -EBADMSG;
	*shape = found;
	return 0;
}

static char text_of(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	bool graphic = byte > ' ' && byte < 0x7f;
	return graphic && byte != '.' && byte != '\\' ? (char)byte : '?';
}

void dns_name_text(char out[static NTM_DNS_NAME_STR], const uint8_t *wire, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(wire, len < NAME_WIRE_MAX ? len : NAME_WIRE_MAX);
	size_t used = 0;
	for (uint8_t left = ntm_rd_u8(&rd); left > 0; left = ntm_rd_u8(&rd)) {
		if (used > 0)
			out[used++] = '.';
		for (; left > 0 && !ntm_rd_err(&rd); left--)
			out[used++] = text_of(ntm_rd_u8(&rd));
	}
	out[used] = '\0';
}
