/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of relays at a DC share: tickets as the relay reads them, two nodes that need one, and
 * the largest of everything. Include after cmocka.h. */
#pragma once

#include "dcworld.h"

#include "ntm/relay.h"

#define PAIR_A "alice.ntm.example"
#define PAIR_B "bob.ntm.example"

/* As the relay opens it, by the key that the DC told it. */
static inline struct ntm_ticket open_offer(const struct world *w, const struct client *relay,
					   const struct ntm_relay_offer *offer)
{
	const struct ntm_ticket_key_list *keys = &relay->relay_direction.keys;
	struct ntm_ticket ticket = {.flow = 0};
	int err = -ENOENT;

	for (uint8_t i = 0; i < keys->count && err != 0; i++)
		err = ntm_ticket_open(&ticket, &keys->item[i], relay->keys.pub, offer->ticket);
	assert_int_equal(err, 0);
	assert_int_equal(ticket.flow, offer->flow);
	assert_memory_equal(ticket.bind_key, offer->bind_key, sizeof(ticket.bind_key));
	assert_true(ticket.expires_s > w->timers.wall_ms / 1000);
	return ticket;
}

static inline const struct client *relay_at(struct client *const *relays, size_t count,
					    const struct ntm_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (ntm_addr_eq(&relays[i]->addr, addr))
			return relays[i];
	fail_msg("no relay is there");
	return NULL;
}

/* Numbers 6 and 7. */
struct pair {
	struct client *a, *b;
};

static inline struct pair pair_behind_nats(struct world *w)
{
	return (struct pair){
		.a = node_new_at(w, 6, PAIR_A, "203.0.113.1:40000", "10.0.0.1"),
		.b = node_new_at(w, 7, PAIR_B, "203.0.113.2:40000", "10.0.0.2"),
	};
}

static inline void pair_ask(struct world *w, struct pair *p)
{
	unsigned directed = p->a->directed;

	ask(p->a, PAIR_B, 1);
	run(w, 200);
	assert_int_equal(p->a->directed, directed + 1);
}

/* ---- the largest ---- */

static inline struct ntm_cert_blob largest_cert(uint8_t type)
{
	struct ntm_cert cert = {.type = type, .serial = UINT64_MAX, .not_after_s = 1};
	struct ntm_cert_blob blob;
	struct ntm_root root;

	memset(cert.fqdn, 'a', NTM_NAME_MAX);
	cert.fqdn[NTM_NAME_MAX / 2] = '.';
	ntm_root_make(&root);
	blob.len = (uint16_t)ntm_cert_sign(&cert, &root, blob.data);
	assert_int_equal(blob.len, 277); /* ntm-protocol(7) */
	return blob;
}

static inline struct ntm_addr_list many_addrs(uint8_t count)
{
	struct ntm_addr_list list = {.count = count};

	for (uint8_t i = 0; i < count; i++) {
		assert_int_equal(ntm_addr_parse(&list.item[i], "[2001:db8::1]:4330", 0), 0);
		list.item[i].ip.b[15] = i;
	}
	return list;
}

static inline struct ntm_relay_list largest_offers(void)
{
	struct ntm_relay_list list = {.count = NTM_MSG_RELAYS};

	for (uint8_t i = 0; i < list.count; i++) {
		list.item[i].flow = UINT64_MAX - i;
		assert_int_equal(ntm_addr_parse(&list.item[i].addr[0], "192.0.2.1:4331", 0), 0);
		assert_int_equal(ntm_addr_parse(&list.item[i].addr[1], "[2001:db8::1]:4331", 0), 0);
	}
	return list;
}
