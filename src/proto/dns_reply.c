/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds DNS replies: the question as it was asked, the caller's records, EDNS, truncation. */
#include "dns_precheck.h"
#include "dns_rr.h"

#include <string.h>

static ldns_rr *echo_question(const struct ntm_dns_query *query)
{
	ldns_rdf *name = NULL;
	size_t pos = 0;
	if (ldns_wire2dname(&name, query->question, query->question_len, &pos) != LDNS_STATUS_OK)
		return NULL;
	return dns_question_new(name, query->type, query->cls);
}

static void set_header(ldns_pkt *pkt, const struct ntm_dns_query *query,
		       const struct ntm_dns_reply *reply)
{
	ldns_pkt_set_id(pkt, query->id);
	ldns_pkt_set_qr(pkt, true);
	ldns_pkt_set_opcode(pkt, (ldns_pkt_opcode)query->opcode);
	ldns_pkt_set_aa(pkt, reply->authoritative);
	ldns_pkt_set_rd(pkt, query->rd);
	ldns_pkt_set_ra(pkt, reply->recursion_available);
	ldns_pkt_set_rcode(pkt, reply->rcode & 15);
	if (!query->edns)
		return;
	ldns_pkt_set_edns_udp_size(pkt, NTM_DNS_UDP_MAX);
	ldns_pkt_set_edns_extended_rcode(pkt, (uint8_t)(reply->rcode >> 4));
	ldns_pkt_set_edns_do(pkt, query->do_bit); /* RFC 3225 3 */
}

static bool push_rr(ldns_pkt *pkt, ldns_pkt_section section, ldns_rr *rr)
{
	if (rr && ldns_pkt_push_rr(pkt, section, rr))
		return true;
	ldns_rr_free(rr);
	return false;
}

static bool push_all(ldns_pkt *pkt, ldns_pkt_section section, const struct ntm_dns_rr *rr,
		     size_t count)
{
	const ldns_rdf *qname = ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(pkt), 0));
	for (size_t i = 0; i < count; i++)
		if (!push_rr(pkt, section, dns_rr_new(&rr[i], qname)))
			return false;
	return true;
}

/* Header and question, and the records when with_records is set. */
static ldns_pkt *reply_new(const struct ntm_dns_query *query, const struct ntm_dns_reply *reply,
			   bool with_records)
{
	ldns_pkt *pkt = ldns_pkt_new();
	if (!pkt)
		return NULL;
	set_header(pkt, query, reply);
	ldns_pkt_set_tc(pkt, !with_records);
	bool ok = push_rr(pkt, LDNS_SECTION_QUESTION, echo_question(query));
	if (ok && with_records)
		ok = push_all(pkt, LDNS_SECTION_ANSWER, reply->answers, reply->answer_count) &&
		     push_all(pkt, LDNS_SECTION_AUTHORITY, reply->authorities,
			      reply->authority_count) &&
		     push_all(pkt, LDNS_SECTION_ADDITIONAL, reply->additionals,
			      reply->additional_count);
	if (!ok) {
		ldns_pkt_free(pkt);
		return NULL;
	}
	return pkt;
}

size_t ntm_dns_reply_build(const struct ntm_dns_query *query, const struct ntm_dns_reply *reply,
			   uint8_t *out, size_t max)
{
	ldns_pkt *pkt = reply_new(query, reply, true);
	if (!pkt)
		return 0;
	size_t len = dns_pkt_write(pkt, out, max);
	ldns_pkt_free(pkt);
	if (len > 0)
		return len;

	pkt = reply_new(query, reply, false);
	if (!pkt)
		return 0;
	len = dns_pkt_write(pkt, out, max);
	ldns_pkt_free(pkt);
	return len;
}
