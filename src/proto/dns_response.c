/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads DNS responses to queries of ours with ldns, after our own walk over them. */
#include "dns_precheck.h"
#include "dns_rr.h"

#include <errno.h>
#include <string.h>

static void read_answers(struct ntm_dns_response *response, const ldns_rr_list *list)
{
	size_t count = list ? ldns_rr_list_rr_count(list) : 0;
	for (size_t i = 0; i < count && response->count < NTM_DNS_ANSWERS; i++)
		if (dns_rr_read(&response->rr[response->count], ldns_rr_list_rr(list, i)))
			response->count++;
}

static void read_soa(struct ntm_dns_response *response, const ldns_rr_list *list)
{
	size_t count = list ? ldns_rr_list_rr_count(list) : 0;
	for (size_t i = 0; i < count && !response->has_soa; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		response->has_soa =
			ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA && dns_rr_read(&response->soa, rr);
	}
}

int ntm_dns_response_parse(struct ntm_dns_response *response, const uint8_t *msg, size_t len)
{
	struct dns_shape shape;
	if (dns_precheck(&shape, msg, len) < 0)
		return -EBADMSG;
	if (!(shape.flags & DNS_FLAG_QR) || dns_opcode(shape.flags) != 0 ||
	    shape.cls != DNS_CLASS_IN)
		return -EBADMSG;

	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, msg, len);
	if (status != LDNS_STATUS_OK)
		return status == LDNS_STATUS_MEM_ERR ? -ENOMEM : -EBADMSG;
	memset(response, 0, sizeof *response);
	response->id = shape.id;
	response->rcode = (uint16_t)((shape.flags & 15) | shape.opt_ttl >> 24 << 4);
	response->tc = shape.flags & DNS_FLAG_TC;
	response->aa = shape.flags & DNS_FLAG_AA;
	response->type = shape.type;
	response->authority_count = shape.count[DNS_AUTHORITY];
	response->additional_count = shape.count[DNS_ADDITIONAL] - shape.has_opt;
	dns_name_text(response->name, shape.question, shape.question_len);
	read_answers(response, ldns_pkt_answer(pkt));
	read_soa(response, ldns_pkt_authority(pkt));
	ldns_pkt_free(pkt);
	return 0;
}
