/* SPDX-License-Identifier: BSD-2-Clause */
/* Translates DNS records between ntm_dns_rr and ldns. Never prints with ldns (security.md 3.3). */
#include "dns_rr.h"

#include "dns_precheck.h"

#include "ntm/wire.h"

#include <string.h>

#define RDATA_FIELDS_MAX 7 /* SOA has the most */

/* Not ldns_dname_new_frm_str: that one asserts when out of memory. */
ldns_rdf *dns_name_new(const char *name)
{
	ldns_rdf *rdf = NULL;
	return ldns_str2rdf_dname(&rdf, *name ? name : ".") == LDNS_STATUS_OK ? rdf : NULL;
}

ldns_rr *dns_question_new(ldns_rdf *name, uint16_t type, uint16_t cls)
{
	ldns_rr *rr = name ? ldns_rr_new() : NULL;
	if (!rr) {
		ldns_rdf_deep_free(name);
		return NULL;
	}
	ldns_rr_set_owner(rr, name);
	ldns_rr_set_type(rr, (ldns_rr_type)type);
	ldns_rr_set_class(rr, (ldns_rr_class)cls);
	ldns_rr_set_question(rr, true);
	return rr;
}

static ldns_rdf *string_new(const char *text, size_t len)
{
	uint8_t field[256];
	if (len > UINT8_MAX)
		return NULL;
	field[0] = (uint8_t)len;
	memcpy(field + 1, text, len);
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, len + 1, field);
}

static ldns_rdf *u16_new(uint16_t value)
{
	return ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, value);
}

static ldns_rdf *u32_new(uint32_t value)
{
	return ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, value);
}

static ldns_rdf *ip_new(const struct ntm_ip *ip, uint8_t family, ldns_rdf_type type)
{
	return ip->family == family ? ldns_rdf_new_frm_data(type, ntm_ip_len(ip), ip->b) : NULL;
}

/* RFC 8482 4.2: "cpu os", two strings. */
static size_t hinfo_fields(const char *text, ldns_rdf **field)
{
	const char *space = strchrnul(text, ' ');
	const char *os = *space ? space + 1 : space;
	field[0] = string_new(text, (size_t)(space - text));
	field[1] = string_new(os, strlen(os));
	return 2;
}

static size_t srv_fields(const struct ntm_dns_rr *rr, ldns_rdf **field)
{
	field[0] = u16_new(rr->srv.priority);
	field[1] = u16_new(rr->srv.weight);
	field[2] = u16_new(rr->srv.port);
	field[3] = dns_name_new(rr->srv.target);
	return 4;
}

static size_t soa_fields(const struct ntm_dns_rr *rr, ldns_rdf **field)
{
	field[0] = dns_name_new(rr->soa.mname);
	field[1] = dns_name_new(rr->soa.rname);
	field[2] = u32_new(rr->soa.serial);
	field[3] = u32_new(rr->soa.refresh);
	field[4] = u32_new(rr->soa.retry);
	field[5] = u32_new(rr->soa.expire);
	field[6] = u32_new(rr->soa.minimum);
	return RDATA_FIELDS_MAX;
}

/* The rdata fields of rr; NULL among them when one could not be made. 0: no such type. */
static size_t fields_of(const struct ntm_dns_rr *rr, ldns_rdf **field)
{
	switch (rr->type) {
	case NTM_DNS_A:
		field[0] = ip_new(&rr->ip, 4, LDNS_RDF_TYPE_A);
		return 1;
	case NTM_DNS_AAAA:
		field[0] = ip_new(&rr->ip, 6, LDNS_RDF_TYPE_AAAA);
		return 1;
	case NTM_DNS_NS:
	case NTM_DNS_PTR:
	case NTM_DNS_CNAME:
		field[0] = dns_name_new(rr->target);
		return 1;
	case NTM_DNS_TXT:
		field[0] = string_new(rr->text, strlen(rr->text));
		return 1;
	case NTM_DNS_HINFO:
		return hinfo_fields(rr->text, field);
	case NTM_DNS_SRV:
		return srv_fields(rr, field);
	case NTM_DNS_SOA:
		return soa_fields(rr, field);
	default:
		return 0;
	}
}

/* Hands all fields over to rr, or frees those it did not get. */
static bool push_fields(ldns_rr *rr, ldns_rdf **field, size_t count)
{
	bool ok = count > 0;
	for (size_t i = 0; i < count; i++) {
		ok = ok && field[i] && ldns_rr_push_rdf(rr, field[i]);
		if (!ok)
			ldns_rdf_deep_free(field[i]);
	}
	return ok;
}

ldns_rr *dns_rr_new(const struct ntm_dns_rr *rr, const ldns_rdf *qname)
{
	ldns_rr *made = ldns_rr_new();
	if (!made)
		return NULL;
	ldns_rr_set_owner(made, *rr->name ? dns_name_new(rr->name) : ldns_rdf_clone(qname));
	ldns_rr_set_type(made, (ldns_rr_type)rr->type);
	ldns_rr_set_class(made, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(made, rr->ttl_s);

	ldns_rdf *field[RDATA_FIELDS_MAX] = {NULL};
	size_t count = fields_of(rr, field);
	if (!push_fields(made, field, count) || !ldns_rr_owner(made)) {
		ldns_rr_free(made);
		return NULL;
	}
	return made;
}

/* Bytes of a field, or a reader in error when the record has none of that number. */
static struct ntm_rd field_rd(const ldns_rr *rr, size_t index)
{
	const ldns_rdf *rdf = index < ldns_rr_rd_count(rr) ? ldns_rr_rdf(rr, index) : NULL;
	struct ntm_rd rd =
		rdf ? ntm_rd_init(ldns_rdf_data(rdf), ldns_rdf_size(rdf)) : ntm_rd_init("", 0);
	if (!rdf)
		ntm_rd_fail(&rd);
	return rd;
}

static bool read_name(char out[static NTM_DNS_NAME_STR], const ldns_rr *rr, size_t index)
{
	struct ntm_rd rd = field_rd(rr, index);
	dns_name_text(out, rd.pos, ntm_rd_err(&rd) ? 0 : rd.left);
	return !ntm_rd_err(&rd);
}

static bool read_ip(struct ntm_ip *ip, const ldns_rr *rr, uint8_t family)
{
	struct ntm_rd rd = field_rd(rr, 0);
	struct ntm_ip found = {.family = family};
	ntm_rd_bytes(&rd, found.b, ntm_ip_len(&found));
	*ip = found;
	return ntm_rd_done(&rd);
}

static bool read_text(char out[static 256], const ldns_rr *rr)
{
	struct ntm_rd rd = field_rd(rr, 0);
	uint8_t len = ntm_rd_u8(&rd);
	ntm_rd_bytes(&rd, out, len);
	out[len] = '\0';
	return !ntm_rd_err(&rd);
}

static bool read_u16(uint16_t *out, const ldns_rr *rr, size_t index)
{
	struct ntm_rd rd = field_rd(rr, index);
	*out = ntm_rd_u16(&rd);
	return ntm_rd_done(&rd);
}

static bool read_u32(uint32_t *out, const ldns_rr *rr, size_t index)
{
	struct ntm_rd rd = field_rd(rr, index);
	*out = ntm_rd_u32(&rd);
	return ntm_rd_done(&rd);
}

static bool read_rdata(struct ntm_dns_rr *rr, const ldns_rr *from)
{
	switch (rr->type) {
	case NTM_DNS_A:
		return read_ip(&rr->ip, from, 4);
	case NTM_DNS_AAAA:
		return read_ip(&rr->ip, from, 6);
	case NTM_DNS_NS:
	case NTM_DNS_PTR:
	case NTM_DNS_CNAME:
		return read_name(rr->target, from, 0);
	case NTM_DNS_TXT:
	case NTM_DNS_HINFO:
		return read_text(rr->text, from);
	case NTM_DNS_SRV:
		return read_u16(&rr->srv.priority, from, 0) && read_u16(&rr->srv.weight, from, 1) &&
		       read_u16(&rr->srv.port, from, 2) && read_name(rr->srv.target, from, 3);
	case NTM_DNS_SOA:
		return read_name(rr->soa.mname, from, 0) && read_name(rr->soa.rname, from, 1) &&
		       read_u32(&rr->soa.serial, from, 2) && read_u32(&rr->soa.refresh, from, 3) &&
		       read_u32(&rr->soa.retry, from, 4) && read_u32(&rr->soa.expire, from, 5) &&
		       read_u32(&rr->soa.minimum, from, 6);
	default:
		return false;
	}
}

bool dns_rr_read(struct ntm_dns_rr *rr, const ldns_rr *from)
{
	const ldns_rdf *owner = ldns_rr_owner(from);
	if (!owner || ldns_rr_get_class(from) != LDNS_RR_CLASS_IN)
		return false;
	struct ntm_dns_rr found = {.type = (uint16_t)ldns_rr_get_type(from)};
	uint32_t ttl_s = ldns_rr_ttl(from);
	found.ttl_s = ttl_s > INT32_MAX ? 0 : ttl_s; /* RFC 2181 8 */
	dns_name_text(found.name, ldns_rdf_data(owner), ldns_rdf_size(owner));
	if (!read_rdata(&found, from))
		return false;
	*rr = found;
	return true;
}

size_t dns_pkt_write(const ldns_pkt *pkt, uint8_t *out, size_t max)
{
	uint8_t *wire = NULL;
	size_t len = 0;
	if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK || !wire)
		return 0;
	bool fits = len <= max;
	if (fits)
		memcpy(out, wire, len);
	LDNS_FREE(wire);
	return fits ? len : 0;
}
