/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers DNS queries for the DC's domain and for the reverse zones of its prefixes. */
#include "zone.h"

#include "ntm/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RECORDS_MAX 8 /* of one name and type: ZONE_DC_ADDRS, ZONE_SIP_HOSTS */
#define CLASS_IN    1
#define TYPE_IXFR   251
#define TYPE_AXFR   252

/* RFC 1912 2.2. Nobody transfers the zone, so all but the minimum are for show. */
#define SOA_REFRESH_S 3600
#define SOA_RETRY_S   600
#define SOA_EXPIRE_S  604800

/* One question on its way to its answer. */
struct answer {
	const struct zone *zone;
	const struct ntm_dns_query *query;
	const char *apex; /* of the zone that the name is in; inside the query's name */
	uint16_t rcode;
	bool exists;      /* the name does, with or without records */
	bool has_records; /* of any type */
	size_t count;
	struct ntm_dns_rr rr[RECORDS_MAX];
};

/* The name has a record of this type. Returns its place when it was asked for, else NULL. */
static struct ntm_dns_rr *offer(struct answer *answer, uint16_t type, uint32_t ttl_s)
{
	answer->exists = true;
	answer->has_records = true;
	if (answer->query->type != type || answer->count == RECORDS_MAX)
		return NULL;
	struct ntm_dns_rr *rr = &answer->rr[answer->count++];
	rr->name[0] = '\0';
	rr->type = type;
	rr->ttl_s = ttl_s;
	return rr;
}

static void offer_ip(struct answer *answer, const struct ntm_ip *ip, uint32_t ttl_s)
{
	if (!ip->family)
		return;
	struct ntm_dns_rr *rr = offer(answer, ip->family == 4 ? NTM_DNS_A : NTM_DNS_AAAA, ttl_s);
	if (rr)
		rr->ip = *ip;
}

static void offer_dc(struct answer *answer, uint16_t type)
{
	struct ntm_dns_rr *rr = offer(answer, type, ZONE_TTL_INFRA_S);
	if (rr)
		memcpy(rr->target, answer->zone->dc_name, sizeof rr->target);
}

static void offer_srv(struct answer *answer, uint16_t priority, uint16_t port, const char *target)
{
	struct ntm_dns_rr *rr = offer(answer, NTM_DNS_SRV, ZONE_TTL_INFRA_S);
	if (!rr)
		return;
	rr->srv.priority = priority;
	rr->srv.weight = 0;
	rr->srv.port = port;
	snprintf(rr->srv.target, sizeof rr->srv.target, "%s", target);
}

static void offer_text(struct answer *answer, const char *text)
{
	struct ntm_dns_rr *rr = offer(answer, NTM_DNS_TXT, ZONE_TTL_INFRA_S);
	if (rr)
		snprintf(rr->text, sizeof rr->text, "%s", text);
}

static void fill_soa(const struct answer *answer, struct ntm_dns_rr *rr)
{
	const struct zone_config *config = &answer->zone->config;
	memcpy(rr->soa.mname, answer->zone->dc_name, sizeof rr->soa.mname);
	snprintf(rr->soa.rname, sizeof rr->soa.rname, "hostmaster.%s", config->domain);
	rr->soa.serial = config->serial;
	rr->soa.refresh = SOA_REFRESH_S;
	rr->soa.retry = SOA_RETRY_S;
	rr->soa.expire = SOA_EXPIRE_S;
	rr->soa.minimum = config->negative_ttl_s;
}

static void answer_apex(struct answer *answer)
{
	struct ntm_dns_rr *rr = offer(answer, NTM_DNS_SOA, ZONE_TTL_INFRA_S);
	if (rr)
		fill_soa(answer, rr);
	offer_dc(answer, NTM_DNS_NS);
}

static void answer_dc(struct answer *answer)
{
	const struct zone_config *config = &answer->zone->config;
	answer->exists = true;
	for (size_t i = 0; i < config->dc_addr_count; i++)
		offer_ip(answer, &config->dc_addr[i], ZONE_TTL_INFRA_S);
}

static void answer_sip(struct answer *answer)
{
	const struct zone_config *config = &answer->zone->config;
	for (size_t i = 0; i < config->sip_host_count; i++)
		offer_srv(answer, (uint16_t)(10 * (i + 1)), ZONE_SIP_PORT, config->sip_host[i]);
}

/* Takes what a lookup said; true when it found something. */
static bool found(struct answer *answer, int err)
{
	if (err < 0 && err != -ENOENT)
		answer->rcode = NTM_DNS_SERVFAIL;
	return err == 0;
}

static void answer_node(struct answer *answer)
{
	const struct zone_lookup *lookup = &answer->zone->config.lookup;
	const char *name = answer->query->name;
	struct ntm_ip vip4 = {0}, vip6 = {0};
	if (strlen(name) > NTM_NAME_MAX)
		return;
	if (found(answer, lookup->node_vips(lookup->arg, name, &vip4, &vip6))) {
		answer->exists = true;
		offer_ip(answer, &vip4, ZONE_TTL_NODE_S);
		offer_ip(answer, &vip6, ZONE_TTL_NODE_S);
	} else if (answer->rcode == NTM_DNS_NOERROR) {
		answer->exists = found(answer, lookup->node_below(lookup->arg, name));
	}
}

/* True when the first bits of both are the same, as far as both go. */
static bool overlaps(const struct ntm_prefix *prefix, const struct ntm_ip *ip, unsigned bits)
{
	if (bits > prefix->len)
		bits = prefix->len;
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(prefix->ip.b, ip->b, whole) != 0)
		return false;
	return rest == 0 || (prefix->ip.b[whole] ^ ip->b[whole]) >> (8 - rest) == 0;
}

/* head spells an address of the prefix, or the first part of one. */
static void answer_reverse(struct answer *answer, const struct ntm_prefix *prefix, size_t head_len)
{
	const struct zone_lookup *lookup = &answer->zone->config.lookup;
	struct ntm_ip ip;
	unsigned bits;
	if (!prefix->ip.family)
		return;
	enum zone_reverse form =
		zone_reverse_read(prefix->ip.family, answer->query->name, head_len, &ip, &bits);
	if (form == ZONE_REVERSE_NONE || !overlaps(prefix, &ip, bits))
		return;
	if (form == ZONE_REVERSE_PARTIAL)
		answer->exists = true;
	else if (found(answer, lookup->vip_leased(lookup->arg, &ip)))
		offer_dc(answer, NTM_DNS_PTR);
}

/* The part of the name in front of the domain is the text given. */
static bool head_is(const struct answer *answer, size_t head_len, const char *text)
{
	return head_len == strlen(text) && memcmp(answer->query->name, text, head_len) == 0;
}

/* The name is label.domain or below it; *front_len is what stands before label. */
static bool is_under(const struct answer *answer, size_t head_len, const char *label,
		     size_t *front_len)
{
	char head[NTM_DNS_NAME_STR];
	memcpy(head, answer->query->name, head_len);
	head[head_len] = '\0';
	return zone_name_split(head, label, front_len);
}

static void answer_domain(struct answer *answer, size_t head_len)
{
	const struct zone *zone = answer->zone;
	size_t front_len;
	if (head_len == 0)
		answer_apex(answer);
	else if (head_is(answer, head_len, "_ntm._udp"))
		offer_srv(answer, 0, zone->config.port, zone->dc_name);
	else if (head_is(answer, head_len, "_sip._udp"))
		answer_sip(answer);
	else if (head_is(answer, head_len, "_ntm"))
		offer_text(answer, zone->root_text);
	else if (head_is(answer, head_len, "_udp"))
		answer->exists = true;
	else if (head_is(answer, head_len, ZONE_LABEL_DC))
		answer_dc(answer);
	else if (is_under(answer, head_len, ZONE_LABEL_VIP4, &front_len))
		answer_reverse(answer, &zone->config.prefix4, front_len);
	else if (is_under(answer, head_len, ZONE_LABEL_VIP6, &front_len))
		answer_reverse(answer, &zone->config.prefix6, front_len);
	else
		answer_node(answer);
}

/* How many labels the reverse zones of a prefix have in front of in-addr.arpa or ip6.arpa. */
static unsigned cut_labels(const struct ntm_prefix *prefix)
{
	unsigned step = prefix->ip.family == 4 ? 8 : 4;
	unsigned most = prefix->ip.family == 4 ? 3 : 31;
	unsigned labels = (prefix->len + step - 1) / step;
	if (labels < 1)
		return 1;
	return labels < most ? labels : most;
}

/* Where the last count labels of head begin; -1 when it has fewer. */
static int last_labels(const char *head, size_t head_len, unsigned count)
{
	size_t at = head_len;
	for (; count > 0 && at > 0; count--) {
		const char *dot = memrchr(head, '.', at);
		if (count == 1)
			return dot ? (int)(dot - head) + 1 : 0;
		at = dot ? (size_t)(dot - head) : 0;
	}
	return -1;
}

/* Answers when the name lies in a reverse zone of the prefix; false: it does not. */
static bool answer_arpa(struct answer *answer, const struct ntm_prefix *prefix, const char *suffix)
{
	const char *name = answer->query->name;
	size_t head_len;
	if (!prefix->ip.family || !zone_name_split(name, suffix, &head_len))
		return false;
	int apex = last_labels(name, head_len, cut_labels(prefix));
	struct ntm_ip ip;
	unsigned bits;
	if (apex < 0 || zone_reverse_read(prefix->ip.family, name + apex, head_len - (size_t)apex,
					  &ip, &bits) != ZONE_REVERSE_PARTIAL)
		return false;
	if (!overlaps(prefix, &ip, bits))
		return false;

	answer->apex = name + apex;
	if (apex == 0)
		answer_apex(answer);
	else
		answer_reverse(answer, prefix, head_len);
	return true;
}

static void answer_name(struct answer *answer)
{
	const struct zone_config *config = &answer->zone->config;
	size_t head_len;
	if (zone_name_split(answer->query->name, config->domain, &head_len)) {
		answer->apex = answer->query->name + (head_len ? head_len + 1 : 0);
		answer_domain(answer, head_len);
	} else if (!answer_arpa(answer, &config->prefix4, "in-addr.arpa") &&
		   !answer_arpa(answer, &config->prefix6, "ip6.arpa")) {
		answer->rcode = NTM_DNS_REFUSED;
	}
}

/* What is refused before anything is looked up. */
static uint16_t refusal(const struct ntm_dns_query *query)
{
	if (query->opcode != 0)
		return NTM_DNS_NOTIMP;
	if (query->edns_version != 0)
		return NTM_DNS_BADVERS;
	if (query->cls != CLASS_IN || query->type == TYPE_AXFR || query->type == TYPE_IXFR)
		return NTM_DNS_REFUSED;
	return NTM_DNS_NOERROR;
}

/* RFC 8482 4.2 for ANY, and what an empty answer carries: RFC 2308 3. */
static void complete(struct answer *answer, struct ntm_dns_reply *reply, struct ntm_dns_rr *soa)
{
	reply->authoritative = true;
	if (!answer->exists)
		reply->rcode = NTM_DNS_NXDOMAIN;
	if (answer->query->type == NTM_DNS_ANY && answer->has_records) {
		struct ntm_dns_rr *rr = offer(answer, NTM_DNS_ANY, ZONE_TTL_INFRA_S);
		rr->type = NTM_DNS_HINFO;
		snprintf(rr->text, sizeof rr->text, "RFC8482");
	}
	reply->answers = answer->rr;
	reply->answer_count = answer->count;
	if (answer->count > 0)
		return;
	snprintf(soa->name, sizeof soa->name, "%s", answer->apex);
	soa->type = NTM_DNS_SOA;
	soa->ttl_s = answer->zone->config.negative_ttl_s;
	fill_soa(answer, soa);
	reply->authorities = soa;
	reply->authority_count = 1;
}

size_t zone_answer(const struct zone *zone, const uint8_t *msg, size_t len,
		   enum zone_transport transport, uint8_t *out, size_t cap)
{
	struct ntm_dns_query query;
	if (ntm_dns_query_parse(&query, msg, len) < 0)
		return cap < 12 ? 0 : ntm_dns_formerr(msg, len, out);

	struct answer answer = {.zone = zone, .query = &query, .rcode = refusal(&query)};
	if (answer.rcode == NTM_DNS_NOERROR)
		answer_name(&answer);
	struct ntm_dns_reply reply = {.rcode = answer.rcode};
	struct ntm_dns_rr soa;
	if (answer.rcode == NTM_DNS_NOERROR)
		complete(&answer, &reply, &soa);
	if (transport == ZONE_UDP && cap > query.udp_size)
		cap = query.udp_size;
	return ntm_dns_reply_build(&query, &reply, out, cap);
}

size_t zone_answer_slip(const uint8_t *msg, size_t len, uint8_t *out, size_t cap)
{
	struct ntm_dns_query query;
	if (ntm_dns_query_parse(&query, msg, len) < 0)
		return 0;
	struct ntm_wr wr = ntm_wr_init(out, cap);
	ntm_wr_u16(&wr, query.id);
	ntm_wr_u16(&wr, (uint16_t)(0x8200 | query.opcode << 11 | (query.rd ? 0x0100 : 0)));
	ntm_wr_u16(&wr, 1);
	ntm_wr_zeros(&wr, 6);
	ntm_wr_bytes(&wr, query.question, query.question_len);
	return ntm_wr_err(&wr) ? 0 : wr.len;
}

static bool is_canonical(const char *name)
{
	char canonical[NTM_NAME_MAX + 1];
	return ntm_name_canon(canonical, name) == 0 && strcmp(canonical, name) == 0;
}

int zone_init(struct zone *zone, const struct zone_config *config)
{
	if (!is_canonical(config->domain) || config->dc_addr_count > ZONE_DC_ADDRS ||
	    config->sip_host_count > ZONE_SIP_HOSTS)
		return -EINVAL;
	for (size_t i = 0; i < config->sip_host_count; i++)
		if (!is_canonical(config->sip_host[i]))
			return -EINVAL;

	char key[NTM_KEY_STR];
	zone->config = *config;
	snprintf(zone->dc_name, sizeof zone->dc_name, ZONE_LABEL_DC ".%s", config->domain);
	snprintf(zone->root_text, sizeof zone->root_text, "v=ntm1 root=%s",
		 ntm_key_str(config->root, key));
	uint32_t *ttl_s = &zone->config.negative_ttl_s;
	if (*ttl_s == 0)
		*ttl_s = ZONE_NEGATIVE_DEFAULT_S;
	else if (*ttl_s < ZONE_NEGATIVE_MIN_S)
		*ttl_s = ZONE_NEGATIVE_MIN_S;
	else if (*ttl_s > ZONE_NEGATIVE_MAX_S)
		*ttl_s = ZONE_NEGATIVE_MAX_S;
	return 0;
}
