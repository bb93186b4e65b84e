/* SPDX-License-Identifier: BSD-2-Clause */
/* A small authoritative server on loopback for tests of the DNS client: plain.example and friends,
 * and signed.example. */
#pragma once

#include "dns_signed.h"

#include "ntm/addr.h"
#include "ntm/dnsserve.h"
#include "ntm/loop.h"
#include "ntm/wire.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum server_mode {
	SERVER_ANSWERS,
	SERVER_MUTE,
	SERVER_FAILS,   /* SERVFAIL */
	SERVER_REFUSES, /* REFUSED */
	SERVER_BABBLES, /* bytes that are no DNS message */
	SERVER_LIES,    /* the answer to another question */
};

struct server {
	struct ntm_dnsserve *serve;
	enum server_mode mode;
	bool is_honest; /* gives the record of "forged" that was signed */
	uint8_t host;   /* A of who.plain.example is 192.0.2.host */
	int queries;
	char text[32]; /* "127.0.0.1@PORT" */
};

/* rdata: bytes in hex, then a name. */
struct plain_rr {
	const char *name;
	uint16_t type;
	const char *hex, *target;
};
static const struct plain_rr plain_zone[] = {
	{"a.plain.example", ns_t_a, "c0000201", NULL},
	{"b.plain.example", ns_t_a, "c0000202", NULL},
	{"a.plain.example", ns_t_aaaa, "20010db8000000000000000000000001", NULL},
	{"t.plain.example", ns_t_txt, "0a726f6f743d616263313233", NULL},
	{"_ntm._udp.plain.example", ns_t_srv, "0001000210ea", "dc.plain.example"},
	{"c1.plain.example", ns_t_cname, "", "c2.plain.example"},
	{"c2.plain.example", ns_t_cname, "", "a.plain.example"},
	{"loop.plain.example", ns_t_cname, "", "loop.plain.example"},
	{"7.10.18.198.in-addr.arpa", ns_t_ptr, "", "dc.plain.example"},
	{"3.2.1.10.in-addr.arpa", ns_t_ptr, "", "dc.plain.example"},
	{"1.0.0.0.d.f.ip6.arpa", ns_t_ptr, "", "dc.plain.example"},
	{"x.corp.test", ns_t_a, "c0000203", NULL},
	{"x.sub.signed.example", ns_t_a, "c0000204", NULL},
};
#define PLAIN_COUNT  (sizeof(plain_zone) / sizeof(plain_zone[0]))
#define SIGNED_COUNT (sizeof(signed_zone) / sizeof(signed_zone[0]))

static inline void put_name(struct ntm_wr *wr, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		ntm_wr_u8(wr, (uint8_t)len);
		ntm_wr_bytes(wr, name, len);
		name += len + (name[len] == '.');
	}
	ntm_wr_u8(wr, 0);
}

static inline void put_hex(struct ntm_wr *wr, const char *hex)
{
	unsigned byte;

	for (; *hex != '\0' && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ntm_wr_u8(wr, (uint8_t)byte);
}

static inline void put_rr(struct ntm_wr *wr, const char *name, uint16_t type, const char *hex,
			  const char *target)
{
	size_t target_len = target != NULL ? strlen(target) + 2 : 0;

	put_name(wr, name);
	ntm_wr_u16(wr, type);
	ntm_wr_u16(wr, ns_c_in);
	ntm_wr_u32(wr, 60);
	ntm_wr_u16(wr, (uint16_t)(strlen(hex) / 2 + target_len));
	put_hex(wr, hex);
	if (target != NULL)
		put_name(wr, target);
}

struct reply {
	struct ntm_wr body;
	uint16_t rcode, answers, authorities;
};

/* The set of signed.example and its signature. */
static inline uint16_t put_signed(const struct server *server, struct ntm_wr *wr, const char *name,
				  uint16_t type)
{
	uint16_t count = 0;
	char covered[5];

	snprintf(covered, sizeof(covered), "%04x", type);
	for (size_t i = 0; i < SIGNED_COUNT; i++) {
		const struct signed_rr *rr = &signed_zone[i];

		if (strcmp(rr->name, name) != 0 ||
		    (rr->type != type &&
		     (rr->type != ns_t_rrsig || memcmp(rr->hex, covered, 4) != 0)))
			continue;
		bool is_mended = server->is_honest && strcmp(rr->hex, "c0000242") == 0;
		put_rr(wr, rr->name, rr->type, is_mended ? "c0000216" : rr->hex, NULL);
		count++;
	}
	return count;
}

static inline void answer_signed(const struct server *server, struct reply *reply, const char *name,
				 uint16_t type)
{
	bool exists = false;

	reply->answers = put_signed(server, &reply->body, name, type);
	if (reply->answers > 0)
		return;
	for (size_t i = 0; i < SIGNED_COUNT; i++)
		exists = exists || strcmp(signed_zone[i].name, name) == 0;
	reply->rcode = exists ? ns_r_noerror : ns_r_nxdomain;
	reply->authorities = put_signed(server, &reply->body, "signed.example", ns_t_soa);
	/* That of the apex covers every name before "forged", the wildcard too. */
	reply->authorities +=
		put_signed(server, &reply->body, exists ? name : "signed.example", 47);
}

/* ns. root. 1 1 1 86400 3600: a minimum of an hour is far more than may be believed. */
#define SOA_HEX                                                \
	"026e730004726f6f740000000001000000010000000100015180" \
	"00000e10"

static inline void answer_plain(const struct server *server, struct reply *reply, const char *name,
				uint16_t type)
{
	bool exists = strcmp(name, "who.plain.example") == 0;
	char hex[9];

	if (exists && type == ns_t_a) {
		snprintf(hex, sizeof(hex), "c00002%02x", server->host);
		put_rr(&reply->body, name, type, hex, NULL);
		reply->answers++;
		return;
	}
	for (size_t i = 0; i < PLAIN_COUNT; i++) {
		const struct plain_rr *rr = &plain_zone[i];
		if (strcmp(rr->name, name) != 0)
			continue;
		exists = true;
		if (rr->type != type && rr->type != ns_t_cname)
			continue;
		put_rr(&reply->body, name, rr->type, rr->hex, rr->target);
		reply->answers++;
	}
	if (reply->answers > 0)
		return;
	reply->rcode = exists ? ns_r_noerror : ns_r_nxdomain;
	put_rr(&reply->body, strchr(name, '.') != NULL ? strchr(name, '.') + 1 : "", ns_t_soa,
	       SOA_HEX, NULL);
	reply->authorities++;
}

/* Reads the question's name in lower case. */
static inline void read_question(struct ntm_rd *rd, char name[static 256], uint16_t *type)
{
	size_t at = 0;
	uint8_t len;

	while ((len = ntm_rd_u8(rd)) != 0 && !ntm_rd_err(rd) && at + len + 1 < 256) {
		for (; len > 0; len--) {
			uint8_t byte = ntm_rd_u8(rd);
			name[at++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
		}
		name[at++] = '.';
	}
	name[at > 0 ? at - 1 : 0] = '\0';
	*type = ntm_rd_u16(rd);
	ntm_rd_u16(rd);
}

static inline size_t server_on_query(void *ctx, const struct ntm_dnsserve_query *query,
				     uint8_t *out, size_t cap)
{
	struct server *server = ctx;
	struct ntm_rd rd = ntm_rd_init(query->data, query->len);
	struct reply reply = {.body = ntm_wr_init(out + 12, cap - 12)};
	static const char zone[] = "signed.example";
	char name[256];
	uint16_t id = ntm_rd_u16(&rd), type;

	server->queries++;
	if (server->mode == SERVER_MUTE)
		return 0;
	(void)ntm_rd_view(&rd, 10);
	read_question(&rd, name, &type);
	if (ntm_rd_err(&rd))
		return 0;
	put_name(&reply.body, server->mode == SERVER_LIES ? "other.example" : name);
	ntm_wr_u16(&reply.body, type);
	ntm_wr_u16(&reply.body, ns_c_in);
	size_t len = strlen(name);
	if (server->mode == SERVER_FAILS || server->mode == SERVER_REFUSES)
		reply.rcode = server->mode == SERVER_FAILS ? ns_r_servfail : ns_r_refused;
	else if (strstr(name, "sub.signed") == NULL && len >= sizeof(zone) - 1 &&
		 strcmp(name + len - (sizeof(zone) - 1), zone) == 0)
		answer_signed(server, &reply, name, type);
	else
		answer_plain(server, &reply, name, type);
	/* Every answer needs room for an OPT record: its absence says that DNSSEC is unknown. */
	put_rr(&reply.body, "", ns_t_opt, "", NULL);
	uint8_t *end = out + 12 + reply.body.len;
	memcpy(end - 8, "\x04\xd0\0\0\x80\0\0\0", 8);
	struct ntm_wr head = ntm_wr_init(out, 12);
	ntm_wr_u16(&head, id);
	ntm_wr_u16(&head, (uint16_t)(0x8580 | reply.rcode)); /* QR AA RD RA */
	ntm_wr_u16(&head, 1);
	ntm_wr_u16(&head, reply.answers);
	ntm_wr_u16(&head, reply.authorities);
	ntm_wr_u16(&head, 1);
	if (server->mode == SERVER_BABBLES)
		memset(out + 2, 0xff, 40);
	return 12 + reply.body.len;
}

/* port 0: any. 0 or negative errno. */
static inline int server_open(struct server *server, struct ntm_loop *loop, uint16_t port)
{
	struct ntm_addr addr = {.ip = ntm_ip_v4(127, 0, 0, 1), .port = port};
	struct ntm_dnsserve_args args = {.loop = loop,
					 .addrs = &addr,
					 .addr_count = 1,
					 .fn = server_on_query,
					 .ctx = server};
	int err = ntm_dnsserve_open(&args, &server->serve, NULL);

	if (err == 0)
		snprintf(server->text, sizeof(server->text), "127.0.0.1@%u",
			 (unsigned)ntm_dnsserve_port(server->serve, 0));
	return err;
}
