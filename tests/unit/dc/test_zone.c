/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC's zone: every name and type of it, and everything that is refused. */
#include "zone.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NIBBLES_7   "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
#define NIBBLES_8   "8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
#define NIBBLES_NET "2.0.0.0.1.0.0.0.0.0.d.f"

static struct ntm_ip ip_of(const char *text)
{
	struct ntm_ip ip;
	assert_int_equal(ntm_ip_parse(&ip, text), 0);
	return ip;
}

/* Two nodes: alice with both VIPs, bob.berlin with IPv4 only. */
static int node_vips(void *arg, const char *fqdn, struct ntm_ip *vip4, struct ntm_ip *vip6)
{
	int *failing = arg;
	if (*failing)
		return -EBUSY;
	if (strcmp(fqdn, "alice.ntm.example") == 0) {
		*vip4 = ip_of("198.18.10.7");
		*vip6 = ip_of("fd00:1:2::7");
		return 0;
	}
	if (strcmp(fqdn, "bob.berlin.ntm.example") == 0) {
		*vip4 = ip_of("198.18.10.8");
		return 0;
	}
	return -ENOENT;
}

static int vip_leased(void *arg, const struct ntm_ip *vip)
{
	int *failing = arg;
	if (*failing)
		return -EBUSY;
	struct ntm_ip leased[] = {ip_of("198.18.10.7"), ip_of("198.18.10.8"), ip_of("fd00:1:2::7")};
	for (size_t i = 0; i < 3; i++)
		if (ntm_ip_eq(vip, &leased[i]))
			return 0;
	return -ENOENT;
}

static int node_below(void *arg, const char *suffix)
{
	(void)arg;
	return strcmp(suffix, "berlin.ntm.example") == 0 ? 0 : -ENOENT;
}

static int failing;

static struct zone_config config_of(const char *prefix4, const char *prefix6)
{
	struct zone_config config = {
		.domain = "ntm.example",
		.port = 4330,
		.dc_addr_count = 3,
		.dc_addr = {ip_of("192.0.2.1"), ip_of("192.0.2.2"), ip_of("2001:db8::1")},
		.sip_host_count = 2,
		.sip_host = {"sip.ntm.example", "sip2.ntm.example"},
		.root = {0xff, 0xfe},
		.serial = 42,
		.lookup = {node_vips, vip_leased, node_below, &failing},
	};
	if (prefix4)
		assert_int_equal(ntm_prefix_parse(&config.prefix4, prefix4), 0);
	if (prefix6)
		assert_int_equal(ntm_prefix_parse(&config.prefix6, prefix6), 0);
	return config;
}

static int setup(void **state)
{
	struct zone *zone = malloc(sizeof *zone);
	assert_non_null(zone);
	struct zone_config config = config_of("198.18.0.0/16", "fd00:1:2::/48");
	assert_int_equal(zone_init(zone, &config), 0);
	failing = 0;
	*state = zone;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static struct ntm_dns_response ask(const struct zone *zone, const char *name, uint16_t type)
{
	uint8_t query[300], out[NTM_DNS_UDP_MAX];
	size_t len = ntm_dns_query_build(7, name, type, true, query, sizeof query);
	assert_true(len > 0);
	len = zone_answer(zone, query, len, ZONE_UDP, out, sizeof out);
	struct ntm_dns_response response;
	if (ntm_dns_response_parse(&response, out, len) < 0)
		fail_msg("%s type %u: no answer that can be read", name, type);
	assert_int_equal(response.id, 7);
	assert_int_equal(out[3] & 0xf0, 0); /* neither RA nor AD nor CD */
	assert_int_equal(out[2] & 1, 1);    /* RD as asked */
	return response;
}

/* One record as text, enough to compare. */
static void render(const struct ntm_dns_rr *rr, char *out, size_t cap)
{
	char text[NTM_IP_STR];
	switch (rr->type) {
	case NTM_DNS_A:
	case NTM_DNS_AAAA:
		snprintf(out, cap, "%s", ntm_ip_str(&rr->ip, text));
		break;
	case NTM_DNS_SRV:
		snprintf(out, cap, "%u %u %u %.200s", rr->srv.priority, rr->srv.weight,
			 rr->srv.port, rr->srv.target);
		break;
	case NTM_DNS_SOA:
		snprintf(out, cap, "%.100s %.100s %u", rr->soa.mname, rr->soa.rname,
			 rr->soa.serial);
		break;
	case NTM_DNS_TXT:
	case NTM_DNS_HINFO:
		snprintf(out, cap, "%s", rr->text);
		break;
	default:
		snprintf(out, cap, "%s", rr->target);
	}
}

#define NX      "NXDOMAIN"
#define EMPTY   "NODATA"
#define REFUSED "REFUSED"

static const struct {
	const char *name;
	uint16_t type;
	const char *expected; /* all answers, separated by '|' */
} table[] = {
	{"ntm.example", NTM_DNS_SOA, "dc.ntm.example hostmaster.ntm.example 42"},
	{"ntm.example", NTM_DNS_NS, "dc.ntm.example"},
	{"ntm.example", NTM_DNS_A, EMPTY},
	{"ntm.example", NTM_DNS_NAPTR, EMPTY},
	{"ntm.example", NTM_DNS_ANY, "RFC8482"},
	{"dc.ntm.example", NTM_DNS_A, "192.0.2.1|192.0.2.2"},
	{"dc.ntm.example", NTM_DNS_AAAA, "2001:db8::1"},
	{"dc.ntm.example", NTM_DNS_TXT, EMPTY},
	{"x.dc.ntm.example", NTM_DNS_A, NX},
	{"_ntm._udp.ntm.example", NTM_DNS_SRV, "0 0 4330 dc.ntm.example"},
	{"_udp.ntm.example", NTM_DNS_SRV, EMPTY},
	{"_udp.ntm.example", NTM_DNS_ANY, EMPTY},
	{"_tcp.ntm.example", NTM_DNS_SRV, NX},
	{"_sip._tcp.ntm.example", NTM_DNS_SRV, NX},
	{"_ntm.ntm.example", NTM_DNS_TXT,
	 "v=ntm1 root=//4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
	{"_sip._udp.ntm.example", NTM_DNS_SRV,
	 "10 0 5060 sip.ntm.example|20 0 5060 sip2.ntm.example"},
	{"_sip._udp.ntm.example", NTM_DNS_NAPTR, EMPTY},
	{"alice.ntm.example", NTM_DNS_A, "198.18.10.7"},
	{"ALICE.nTm.example", NTM_DNS_A, "198.18.10.7"},
	{"alice.ntm.example", NTM_DNS_AAAA, "fd00:1:2::7"},
	{"alice.ntm.example", NTM_DNS_NAPTR, EMPTY},
	{"alice.ntm.example", NTM_DNS_SRV, EMPTY},
	{"alice.ntm.example", 65280, EMPTY},
	{"alice.ntm.example", NTM_DNS_ANY, "RFC8482"},
	{"x.alice.ntm.example", NTM_DNS_A, NX},
	{"bob.berlin.ntm.example", NTM_DNS_A, "198.18.10.8"},
	{"bob.berlin.ntm.example", NTM_DNS_AAAA, EMPTY},
	{"berlin.ntm.example", NTM_DNS_A, EMPTY},
	{"carol.berlin.ntm.example", NTM_DNS_A, NX},
	{"nobody.ntm.example", NTM_DNS_ANY, NX},
	{"nobody.ntm.example", NTM_DNS_SOA, NX},
	/* PTR under the owned suffixes */
	{"7.10.18.198.vip.ntm.example", NTM_DNS_PTR, "dc.ntm.example"},
	{"7.10.18.198.vip.ntm.example", NTM_DNS_A, EMPTY},
	{"9.10.18.198.vip.ntm.example", NTM_DNS_PTR, NX},
	{"7.10.19.198.vip.ntm.example", NTM_DNS_PTR, NX},
	{"x.7.10.18.198.vip.ntm.example", NTM_DNS_PTR, NX},
	{"07.10.18.198.vip.ntm.example", NTM_DNS_PTR, NX},
	{"vip.ntm.example", NTM_DNS_PTR, EMPTY},
	{"198.vip.ntm.example", NTM_DNS_PTR, EMPTY},
	{"77.18.198.vip.ntm.example", NTM_DNS_PTR, EMPTY},
	{"199.vip.ntm.example", NTM_DNS_PTR, NX},
	{NIBBLES_7 "." NIBBLES_NET ".vip6.ntm.example", NTM_DNS_PTR, "dc.ntm.example"},
	{NIBBLES_8 "." NIBBLES_NET ".vip6.ntm.example", NTM_DNS_PTR, NX},
	{"d.f.vip6.ntm.example", NTM_DNS_PTR, EMPTY},
	{"vip6.ntm.example", NTM_DNS_PTR, EMPTY},
	{"7.10.18.198.vip6.ntm.example", NTM_DNS_PTR, NX},
	/* the reverse zones */
	{"7.10.18.198.in-addr.arpa", NTM_DNS_PTR, "dc.ntm.example"},
	{"7.10.18.198.in-addr.arpa", NTM_DNS_ANY, "RFC8482"},
	{"9.10.18.198.in-addr.arpa", NTM_DNS_PTR, NX},
	{"x.7.10.18.198.in-addr.arpa", NTM_DNS_PTR, NX},
	{"foo.18.198.in-addr.arpa", NTM_DNS_PTR, NX},
	{"10.18.198.in-addr.arpa", NTM_DNS_PTR, EMPTY},
	{"18.198.in-addr.arpa", NTM_DNS_SOA, "dc.ntm.example hostmaster.ntm.example 42"},
	{"18.198.in-addr.arpa", NTM_DNS_NS, "dc.ntm.example"},
	{"18.198.in-addr.arpa", NTM_DNS_PTR, EMPTY},
	{"198.in-addr.arpa", NTM_DNS_NS, REFUSED},
	{"19.198.in-addr.arpa", NTM_DNS_SOA, REFUSED},
	{"1.0.19.198.in-addr.arpa", NTM_DNS_PTR, REFUSED},
	{"018.198.in-addr.arpa", NTM_DNS_PTR, REFUSED},
	{"in-addr.arpa", NTM_DNS_NS, REFUSED},
	{NIBBLES_7 "." NIBBLES_NET ".ip6.arpa", NTM_DNS_PTR, "dc.ntm.example"},
	{NIBBLES_8 "." NIBBLES_NET ".ip6.arpa", NTM_DNS_PTR, NX},
	{"0." NIBBLES_NET ".ip6.arpa", NTM_DNS_PTR, EMPTY},
	{NIBBLES_NET ".ip6.arpa", NTM_DNS_SOA, "dc.ntm.example hostmaster.ntm.example 42"},
	{"0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", NTM_DNS_SOA, REFUSED},
	/* outside */
	{"example", NTM_DNS_NS, REFUSED},
	{"", NTM_DNS_NS, REFUSED},
	{"www.example.org", NTM_DNS_A, REFUSED},
	{"xntm.example", NTM_DNS_A, REFUSED},
	{"ntm.example", 252, REFUSED}, /* AXFR */
	{"ntm.example", 251, REFUSED}, /* IXFR */
};

static void test_names(void **state)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct ntm_dns_response response = ask(*state, table[i].name, table[i].type);
		char all[512] = "";
		for (size_t k = 0; k < response.count; k++) {
			char one[256];
			render(&response.rr[k], one, sizeof one);
			snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", k ? "|" : "",
				 one);
		}
		if (response.rcode == NTM_DNS_NXDOMAIN)
			strcpy(all, NX);
		else if (response.rcode == NTM_DNS_REFUSED)
			strcpy(all, REFUSED);
		else if (response.rcode != 0)
			snprintf(all, sizeof all, "rcode %u", response.rcode);
		else if (response.count == 0)
			strcpy(all, EMPTY);
		if (strcmp(all, table[i].expected) != 0)
			fail_msg("%s type %u: %s", table[i].name, table[i].type, all);

		bool refused = response.rcode == NTM_DNS_REFUSED;
		assert_int_equal(response.aa, !refused);
		assert_int_equal(response.has_soa, !refused && response.count == 0);
		assert_int_equal(response.additional_count, 0);
	}
}

/* No node can have it, so the store is not asked. */
static void test_long_name(void **state)
{
	char name[200] = "";
	while (strlen(name) < NTM_NAME_MAX)
		strcat(name, "alice.");
	strcat(name, "ntm.example");
	failing = 1;
	struct ntm_dns_response response = ask(*state, name, NTM_DNS_A);
	assert_int_equal(response.rcode, NTM_DNS_NXDOMAIN);
	assert_int_equal(response.count, 0);
	failing = 0;
}

/* RFC 2308 3: the SOA of the zone that the name is in, with the time that absence is believed. */
static void test_negative_soa(void **state)
{
	static const struct {
		const char *name, *apex;
	} rows[] = {
		{"nobody.ntm.example", "ntm.example"},
		{"nobody.nTM.example", "ntm.example"},
		{"9.10.18.198.vip.ntm.example", "ntm.example"},
		{"9.10.18.198.in-addr.arpa", "18.198.in-addr.arpa"},
		{NIBBLES_8 "." NIBBLES_NET ".ip6.arpa", NIBBLES_NET ".ip6.arpa"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ntm_dns_response response = ask(*state, rows[i].name, NTM_DNS_PTR);
		assert_true(response.has_soa);
		assert_string_equal(response.soa.name, rows[i].apex);
		assert_int_equal(response.soa.ttl_s, ZONE_NEGATIVE_DEFAULT_S);
		assert_int_equal(response.soa.soa.minimum, ZONE_NEGATIVE_DEFAULT_S);
	}
}

static void test_negative_ttl_range(void **state)
{
	(void)state;
	static const uint32_t rows[][2] = {{0, 10}, {1, 5}, {5, 5}, {30, 30}, {60, 60}, {3600, 60}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zone_config config = config_of("198.18.0.0/16", NULL);
		config.negative_ttl_s = rows[i][0];
		struct zone zone;
		assert_int_equal(zone_init(&zone, &config), 0);
		assert_int_equal(ask(&zone, "x.ntm.example", 1).soa.ttl_s, rows[i][1]);
	}
}

static void test_ttls(void **state)
{
	assert_int_equal(ask(*state, "alice.ntm.example", NTM_DNS_A).rr[0].ttl_s, ZONE_TTL_NODE_S);
	assert_int_equal(ask(*state, "dc.ntm.example", NTM_DNS_A).rr[0].ttl_s, ZONE_TTL_INFRA_S);
}

/* Which zones a prefix of odd length makes. */
static void test_cuts(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *name;
		bool ours;
	} rows[] = {
		{"198.18.0.0/15", "18.198.in-addr.arpa", true},
		{"198.18.0.0/15", "19.198.in-addr.arpa", true},
		{"198.18.0.0/15", "20.198.in-addr.arpa", false},
		{"198.18.0.0/15", "198.in-addr.arpa", false},
		{"10.0.0.0/8", "10.in-addr.arpa", true},
		{"198.18.16.0/20", "16.18.198.in-addr.arpa", true},
		{"198.18.16.0/20", "31.18.198.in-addr.arpa", true},
		{"198.18.16.0/20", "32.18.198.in-addr.arpa", false},
		{"198.18.16.0/20", "18.198.in-addr.arpa", false},
		{"198.18.16.128/25", "16.18.198.in-addr.arpa", true},
		{"198.18.16.128/25", "17.18.198.in-addr.arpa", false},
		{"198.18.16.4/30", "16.18.198.in-addr.arpa", true},
		{"fd00:1:2:8000::/49", "8.2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", true},
		{"fd00:1:2:8000::/49", "f.2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", true},
		{"fd00:1:2:8000::/49", "7.2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool v6 = strchr(rows[i].prefix, ':') != NULL;
		struct zone_config config =
			config_of(v6 ? NULL : rows[i].prefix, v6 ? rows[i].prefix : NULL);
		struct zone zone;
		assert_int_equal(zone_init(&zone, &config), 0);
		struct ntm_dns_response response = ask(&zone, rows[i].name, NTM_DNS_SOA);
		if ((response.count == 1) != rows[i].ours)
			fail_msg("%s of %s", rows[i].name, rows[i].prefix);
		if (!rows[i].ours)
			assert_int_equal(response.rcode, NTM_DNS_REFUSED);
	}
}

/* In a /24 that is served around a /25, the other half is absent. */
static void test_around_small_prefix(void **state)
{
	(void)state;
	struct zone_config config = config_of("198.18.10.0/29", NULL);
	struct zone zone;
	assert_int_equal(zone_init(&zone, &config), 0);
	assert_int_equal(ask(&zone, "7.10.18.198.in-addr.arpa", NTM_DNS_PTR).count, 1);
	struct ntm_dns_response response = ask(&zone, "8.10.18.198.in-addr.arpa", NTM_DNS_PTR);
	assert_int_equal(response.rcode, NTM_DNS_NXDOMAIN); /* leased, but not in the prefix */
	assert_int_equal(ask(&zone, "vip6.ntm.example", NTM_DNS_PTR).rcode, NTM_DNS_NXDOMAIN);
	assert_int_equal(ask(&zone, "f.ip6.arpa", NTM_DNS_PTR).rcode, NTM_DNS_REFUSED);
}

static void test_no_sip_hosts(void **state)
{
	struct zone *zone = *state;
	zone->config.sip_host_count = 0;
	assert_int_equal(ask(zone, "_sip._udp.ntm.example", NTM_DNS_SRV).rcode, NTM_DNS_NXDOMAIN);
}

static void test_failing_lookup(void **state)
{
	failing = 1;
	struct ntm_dns_response response = ask(*state, "alice.ntm.example", NTM_DNS_A);
	assert_int_equal(response.rcode, NTM_DNS_SERVFAIL);
	assert_false(response.aa);
	assert_int_equal(ask(*state, "7.10.18.198.in-addr.arpa", NTM_DNS_PTR).rcode,
			 NTM_DNS_SERVFAIL);
	assert_int_equal(ask(*state, "ntm.example", NTM_DNS_SOA).rcode, 0);
}

struct raw {
	uint8_t msg[300];
	size_t len;
};

static struct raw raw_query(const char *name, uint16_t type)
{
	struct raw raw;
	raw.len = ntm_dns_query_build(7, name, type, false, raw.msg, sizeof raw.msg);
	return raw;
}

static uint16_t rcode_of(const struct zone *zone, const struct raw *raw)
{
	uint8_t out[NTM_DNS_UDP_MAX];
	size_t len = zone_answer(zone, raw->msg, raw->len, ZONE_UDP, out, sizeof out);
	assert_true(len >= 12);
	struct ntm_dns_response response;
	/* Other opcodes and classes are no responses to us; the header says enough. */
	if (ntm_dns_response_parse(&response, out, len) == 0)
		return response.rcode;
	return out[3] & 15;
}

static void test_refusals(void **state)
{
	struct raw raw = raw_query("alice.ntm.example", NTM_DNS_A);
	raw.msg[2] |= 4 << 3; /* NOTIFY */
	assert_int_equal(rcode_of(*state, &raw), NTM_DNS_NOTIMP);

	raw = raw_query("alice.ntm.example", NTM_DNS_A);
	raw.msg[raw.len - 5] = 1; /* EDNS version */
	assert_int_equal(rcode_of(*state, &raw), NTM_DNS_BADVERS);

	raw = raw_query("version.bind", NTM_DNS_TXT);
	raw.msg[raw.len - 12] = 3; /* class CH */
	assert_int_equal(rcode_of(*state, &raw), NTM_DNS_REFUSED);

	raw = raw_query("alice.ntm.example", NTM_DNS_A);
	raw.msg[7] = 1; /* an answer is counted */
	assert_int_equal(rcode_of(*state, &raw), NTM_DNS_FORMERR);
	raw.msg[2] |= 5 << 3; /* UPDATE, which looks like that */
	assert_int_equal(rcode_of(*state, &raw), NTM_DNS_NOTIMP);

	uint8_t out[NTM_DNS_UDP_MAX];
	raw.msg[2] = 0x80;
	assert_int_equal(zone_answer(*state, raw.msg, raw.len, ZONE_UDP, out, sizeof out), 0);
	assert_int_equal(zone_answer(*state, raw.msg, 11, ZONE_UDP, out, sizeof out), 0);
	assert_int_equal(zone_answer(*state, raw.msg, 0, ZONE_UDP, out, sizeof out), 0);
}

static void test_question_keeps_its_case(void **state)
{
	struct raw raw = raw_query("aLiCe.NTM.example", NTM_DNS_A);
	uint8_t out[NTM_DNS_UDP_MAX];
	size_t len = zone_answer(*state, raw.msg, raw.len, ZONE_UDP, out, sizeof out);
	assert_true(len > 0);
	assert_memory_equal(out + 12, raw.msg + 12, 23);
	assert_int_equal(out[2] & 1, 0); /* RD was not set */
}

/* 8 SIP hosts with long names do not fit in 512 bytes, but over TCP. */
static void test_truncation(void **state)
{
	struct zone *zone = *state;
	zone->config.sip_host_count = ZONE_SIP_HOSTS;
	for (int i = 0; i < ZONE_SIP_HOSTS; i++)
		snprintf(zone->config.sip_host[i], NTM_NAME_MAX, "%d%055d.ntm.example", i, i);
	struct raw raw = raw_query("_sip._udp.ntm.example", NTM_DNS_SRV);
	size_t question_end = raw.len - 11;
	raw.msg[11] = 0; /* without EDNS */
	uint8_t out[NTM_DNS_TCP_MAX];
	struct ntm_dns_response response;

	size_t len = zone_answer(zone, raw.msg, question_end, ZONE_UDP, out, sizeof out);
	assert_int_equal(ntm_dns_response_parse(&response, out, len), 0);
	assert_true(response.tc);
	assert_int_equal(response.count, 0);
	assert_int_equal(len, question_end);

	len = zone_answer(zone, raw.msg, question_end, ZONE_TCP, out, sizeof out);
	assert_int_equal(ntm_dns_response_parse(&response, out, len), 0);
	assert_false(response.tc);
	assert_int_equal(response.count, ZONE_SIP_HOSTS);

	raw.msg[11] = 1; /* with EDNS 1232 it fits over UDP as well */
	len = zone_answer(zone, raw.msg, raw.len, ZONE_UDP, out, sizeof out);
	assert_int_equal(ntm_dns_response_parse(&response, out, len), 0);
	assert_false(response.tc);
	assert_true(len > 512 && len <= 1232);
}

static void test_slip(void **state)
{
	(void)state;
	struct raw raw = raw_query("aLice.ntm.example", NTM_DNS_A);
	uint8_t out[NTM_DNS_UDP_MAX];
	size_t len = zone_answer_slip(raw.msg, raw.len, out, sizeof out);
	assert_int_equal(len, raw.len - 11);
	struct ntm_dns_response response;
	assert_int_equal(ntm_dns_response_parse(&response, out, len), 0);
	assert_true(response.tc);
	assert_int_equal(response.id, 7);
	assert_string_equal(response.name, "alice.ntm.example");
	assert_int_equal(zone_answer_slip(raw.msg, raw.len - 1, out, sizeof out), 0);
	assert_int_equal(zone_answer_slip(raw.msg, raw.len, out, 12), 0);
}

static void test_bad_config(void **state)
{
	struct zone *zone = *state;
	struct zone_config config = config_of(NULL, NULL);
	strcpy(config.domain, "Ntm.example");
	assert_int_equal(zone_init(zone, &config), -EINVAL);
	config = config_of(NULL, NULL);
	strcpy(config.sip_host[1], "a b");
	assert_int_equal(zone_init(zone, &config), -EINVAL);
	config = config_of(NULL, NULL);
	config.dc_addr_count = ZONE_DC_ADDRS + 1;
	assert_int_equal(zone_init(zone, &config), -EINVAL);
	config = config_of(NULL, NULL);
	config.sip_host_count = ZONE_SIP_HOSTS + 1;
	assert_int_equal(zone_init(zone, &config), -EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_long_name),
		T(test_negative_soa),
		T(test_negative_ttl_range),
		T(test_ttls),
		T(test_cuts),
		T(test_around_small_prefix),
		T(test_no_sip_hosts),
		T(test_failing_lookup),
		T(test_refusals),
		T(test_question_keeps_its_case),
		T(test_truncation),
		T(test_slip),
		T(test_bad_config),
	};
	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
