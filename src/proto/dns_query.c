/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS queries: read without any foreign parser, since strangers send them, and ours built. */
#include "dns_precheck.h"
#include "dns_rr.h"

#include "ntm/wire.h"

#include <errno.h>
#include <string.h>

/* One OPT; the second place is for what a middlebox may add. security.md 0.3. */
#define QUERY_ADDITIONAL_MAX 2

static uint16_t clamp_size(const struct dns_shape *shape)
{
	if (!shape->has_opt || shape->opt_size < NTM_DNS_UDP_PLAIN)
		return NTM_DNS_UDP_PLAIN;
	return shape->opt_size < NTM_DNS_UDP_MAX ? shape->opt_size : NTM_DNS_UDP_MAX;
}

int ntm_dns_query_parse(struct ntm_dns_query *query, const uint8_t *msg, size_t len)
{
	struct dns_shape shape;
	if (dns_precheck(&shape, msg, len) < 0)
		return -EBADMSG;
	if ((shape.flags & DNS_FLAG_QR) || shape.count[DNS_ANSWER] > 0 ||
	    shape.count[DNS_AUTHORITY] > 0 || shape.count[DNS_ADDITIONAL] > QUERY_ADDITIONAL_MAX)
		return -EBADMSG;

	*query = (struct ntm_dns_query){
		.id = shape.id,
		.opcode = dns_opcode(shape.flags),
		.rd = shape.flags & DNS_FLAG_RD,
		.cd = shape.flags & DNS_FLAG_CD,
		.type = shape.type,
		.cls = shape.cls,
		.edns = shape.has_opt,
		.edns_version = (uint8_t)(shape.opt_ttl >> 16),
		.do_bit = shape.opt_ttl & 0x8000,
		.udp_size = clamp_size(&shape),
		.question = shape.question,
		.question_len = shape.question_len,
	};
	dns_name_text(query->name, shape.question, shape.question_len);
	return 0;
}

size_t ntm_dns_formerr(const uint8_t *msg, size_t len, uint8_t out[static 12])
{
	struct ntm_rd rd = ntm_rd_init(msg, len);
	uint16_t id = ntm_rd_u16(&rd);
	uint16_t flags = ntm_rd_u16(&rd);
	if (ntm_rd_err(&rd) || len < DNS_HEADER_LEN || (flags & DNS_FLAG_QR))
		return 0;

	uint8_t opcode = dns_opcode(flags);
	unsigned rcode = opcode == 0 ? NTM_DNS_FORMERR : NTM_DNS_NOTIMP;
	struct ntm_wr wr = ntm_wr_init(out, DNS_HEADER_LEN);
	ntm_wr_u16(&wr, id);
	ntm_wr_u16(&wr, (uint16_t)(DNS_FLAG_QR | opcode << 11 | (flags & DNS_FLAG_RD) | rcode));
	ntm_wr_zeros(&wr, DNS_HEADER_LEN - wr.len);
	return wr.len;
}

size_t ntm_dns_query_build(uint16_t id, const char *name, uint16_t type, bool rd, uint8_t *out,
			   size_t max)
{
	size_t len = 0;
	ldns_pkt *pkt = ldns_pkt_new();
	ldns_rr *question = dns_question_new(dns_name_new(name), type, DNS_CLASS_IN);
	if (!pkt || !question || !ldns_pkt_push_rr(pkt, LDNS_SECTION_QUESTION, question))
		goto out;
	question = NULL;
	ldns_pkt_set_id(pkt, id);
	ldns_pkt_set_rd(pkt, rd);
	ldns_pkt_set_edns_udp_size(pkt, NTM_DNS_UDP_MAX);
	len = dns_pkt_write(pkt, out, max);
out:
	ldns_rr_free(question);
	ldns_pkt_free(pkt);
	return len;
}
