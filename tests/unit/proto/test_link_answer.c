/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder: replays, clocks, restarts, crossed initiations, floods, strangers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/linkworld.h"

static void replayed_initiation(void **unused)
{
	struct world *w = world_new(1);
	struct host *node = &w->host[0], *dc = &w->host[1];
	struct packet first, response;

	(void)unused;
	open_node(node, dc);
	first = w->last[NTM_FRAME_INITIATION];
	run(w, 10);
	response = w->last[NTM_FRAME_RESPONSE];

	/* Before the answer has arrived: the same, to wherever it comes from, and nothing else. */
	first.from = w->host[2].addr[0];
	hand_over(dc, &first);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 2);
	assert_memory_equal(w->last[NTM_FRAME_RESPONSE].data + 8, response.data + 8,
			    response.len - 8 - 2 * NTM_MAC_LEN);
	assert_int_equal(ntm_map_count(dc->links->by_index), 2);
	run(w, 90);
	assert_int_equal(ntm_map_count(dc->links->by_index), 1);
	assert_int_equal(ntm_map_count(dc->links->by_answer), 0);
	assert_talk(w, node, dc, 1);

	/* Nobody waits for it any more: a stranger's copy, no answer. */
	inject(w, &first);
	first.from = w->host[2].addr[1];
	inject(w, &first);
	run(w, 50);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 2);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 0);
	assert_null(dc->link->next);
	assert_talk(w, node, dc, 2);

	/* An older one that was accepted once: silence too. */
	ntm_link_restart(node->link, NULL, 0);
	run(w, 200);
	assert_int_equal(dc->up, 2);
	inject(w, &first);
	run(w, 50);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 3);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 0);

	/* Nor when they come in numbers, which cost the network that they name nothing. */
	first.from = node->addr[0];
	for (unsigned i = 0; i < 50; i++) {
		first.from.port = (uint16_t)(i + 1);
		inject(w, &first);
	}
	run(w, 50);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 3);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 0);
	assert_int_equal(dc->links->counters.limited, 0);
	first.from = w->host[2].addr[1];

	/* When it was forgotten, it may be a clock that went back: a cookie, no more. */
	memset(dc->links->accepted, 0, sizeof(dc->links->accepted));
	inject(w, &first);
	run(w, 50);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 3);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 1);
	assert_true(ntm_addr_eq(&w->last[NTM_FRAME_COOKIE].to, &first.from));
	assert_true(NTM_COOKIE_FRAME_LEN < first.len);
	assert_null(dc->link->next);
	assert_true(ntm_addr_eq(ntm_link_remote(dc->link), &node->addr[0]));
	assert_talk(w, node, dc, 3);
	world_free(w);
}

/* A node whose clock went back (no battery, wrong NTP) pays one round trip. */
static void wrong_clock(void **unused)
{
	struct world *w = world_new(2);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	node->links->stamp_out += 1000 * 86400 * 365ULL; /* until now it was in the future */
	ntm_link_restart(node->link, NULL, 0);
	run(w, 100);
	assert_int_equal(dc->up, 1);
	reboot(node);
	open_node(node, dc);
	run(w, 100);
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 4);
	assert_int_equal(dc->up, 2);
	assert_talk(w, node, dc, 1);
	world_free(w);
}

/* In one process the stamps rise whatever the clock does. */
static void clock_back_in_one_process(void **unused)
{
	struct world *w = world_new(3);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 100);
	for (int i = 0; i < 3; i++) {
		w->timers.wall_ms -= 3600000;
		ntm_link_restart(node->link, NULL, 0);
		while (w->queue) { /* without the clock of the world */
			struct packet *p = w->queue;

			w->queue = p->after;
			deliver_packet(w, p);
			free(p);
		}
	}
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 0);
	assert_int_equal(dc->up, 4);
	world_free(w);
}

static void restarted_peer(void **unused)
{
	struct world *w = world_new(4);
	struct host *node = &w->host[0], *dc = &w->host[1];

	(void)unused;
	open_node(node, dc);
	run(w, 5000);
	reboot(node);
	open_node(node, dc);
	run(w, 100);
	assert_int_equal(node->fresh, 2);
	assert_int_equal(dc->up, 2);
	assert_int_equal(dc->fresh, 1); /* the old session was alive */
	assert_int_equal(dc->accepts, 1);
	assert_int_equal(ntm_links_count(dc->links), 1);
	assert_talk(w, node, dc, 1);
	/* The other way round: the DC forgets, the node finds out by silence. */
	reboot(dc);
	assert_int_equal(send_seq(node, 2), 0);
	run(w, 16000);
	assert_int_equal(dc->accepts, 2);
	assert_int_equal(dc->fresh, 2);
	assert_int_equal(node->up, 3);
	assert_talk(w, node, dc, 3);
	world_free(w);
}

static void assert_one_session(struct host *a, struct host *b)
{
	assert_int_equal(stats_of(a).handshakes, 1);
	assert_int_equal(stats_of(b).handshakes, 1);
	assert_true(stats_of(a).initiator);
	assert_false(stats_of(b).initiator);
	assert_int_equal(a->link->cur->session.local_index, b->link->cur->session.remote_index);
}

static void crossed_initiations(void **unused)
{
	(void)unused;
	/* Host 0 has the lower key. The second one starts later by less than a flight. */
	for (int order = 0; order < 2; order++) {
		for (int64_t later = 0; later < 10; later += 3) {
			struct world *w = world_new(5);
			struct host *a = &w->host[0], *b = &w->host[1];
			struct host *first = order ? b : a, *second = order ? a : b;

			open_e2e(first, second, true);
			run(w, later);
			open_e2e(second, first, true);
			run(w, 300);
			assert_int_equal(a->up, 1);
			assert_int_equal(b->up, 1);
			assert_one_session(a, b);
			assert_talk(w, a, b, 1);
			run(w, 5000);
			assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2);
			world_free(w);
		}
	}
}

/* The side that gives way stops its own attempt when the other's INITIATION comes. */
static void loser_drops_its_attempt(void **unused)
{
	struct world *w = world_new(14);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_e2e(a, b, true);
	open_e2e(b, a, true);
	run(w, 10);
	assert_non_null(a->link->hs);
	assert_null(b->link->hs);
	assert_non_null(b->link->next);
	/* And has no link in the end, should the winner be gone. */
	w->filter = drop_all;
	run(w, 3000);
	assert_int_equal(b->down, 1);
	assert_int_equal(b->why, NTM_DOWN_NO_ANSWER);
	world_free(w);
}

static bool cut_transports_of_b(struct world *w, const struct packet *p)
{
	return p->data[0] != NTM_FRAME_TRANSPORT || !ntm_addr_eq(&p->from, &w->host[1].addr[0]) ||
	       w->filter_count == 0;
}

/* Both handshakes come to their ends, and the confirmation of the first is lost: the peer sends
 * under both keys, and in the end both sides agree on one. */
static void answered_and_answering(void **unused)
{
	struct world *w = world_e2e(15);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = cut_transports_of_b;
	w->filter_count = 1;
	ntm_link_restart(b->link, NULL, 0);
	run(w, 12); /* a has answered, the RESPONSE is on its way */
	assert_non_null(a->link->next);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 20);
	assert_int_equal(a->up, 2); /* as initiator, with the other session still to be confirmed */
	assert_int_equal(b->up, 2);
	w->filter_count = 0;
	for (uint32_t seq = 0; seq < 40; seq++) {
		assert_int_equal(send_seq(a, seq), 0);
		assert_int_equal(send_seq(b, seq), 0);
		run(w, 2);
	}
	run(w, 50);
	for (uint32_t seq = 0; seq < 40; seq++)
		assert_true(has_seq(a, seq) && has_seq(b, seq));
	assert_int_equal(w->strays, 0);
	assert_int_equal(a->link->cur->session.local_index, b->link->cur->session.remote_index);
	assert_int_equal(a->down + b->down, 0);
	world_free(w);
}

/* One is restarted while the other waits for the end of its schedule: it goes on at once. */
static void crossed_after_silence(void **unused)
{
	struct world *w = world_new(16);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = drop_all;
	open_e2e(a, b, true);
	run(w, 1700);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 4);
	w->filter = NULL;
	open_e2e(b, a, true);
	run(w, 50);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
	assert_one_session(a, b);
	assert_int_equal(stats_of(a).rtt_ms, -1); /* of which INITIATION? */
	assert_talk(w, a, b, 1);
	run(w, 5000);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 4 + 1 + 1);
	world_free(w);
}

static bool cut_from_a(struct world *w, const struct packet *p)
{
	return !ntm_addr_eq(&p->from, &w->host[0].addr[0]);
}

/* However often that happens, an attempt begins its schedule anew once: it has an end. */
static void crossed_and_unheard(void **unused)
{
	struct world *w = world_new(17);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = cut_from_a;
	open_e2e(a, b, true);
	run(w, 300);
	open_e2e(b, a, true); /* 100 ms after ours, which may still be on its way to it */
	run(w, 50);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 2 + 1);
	run(w, 100);
	ntm_link_restart(b->link, NULL, 0);
	run(w, 20); /* 260 ms after ours: it is sent again at once, and three times more */
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 3 + 2);
	for (unsigned i = 0; i < 14; i++) {
		run(w, 210);
		ntm_link_restart(b->link, NULL, 0);
	}
	assert_int_equal(a->down, 0);
	run(w, 100);
	assert_int_equal(a->down, 1);
	assert_int_equal(a->why, NTM_DOWN_NO_ANSWER);
	world_free(w);
}

static bool crossed_losses(struct world *w, const struct packet *p)
{
	return p->data[0] == NTM_FRAME_TRANSPORT || !chance(w, 30);
}

static void crossed_with_losses(void **unused)
{
	unsigned up = 0;

	(void)unused;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct world *w = world_new(seed);
		struct host *a = &w->host[0], *b = &w->host[1];

		w->filter = crossed_losses;
		w->jitter_ms = 30;
		open_e2e(a, b, true);
		open_e2e(b, a, true);
		run(w, 10000);
		if (ntm_link_state(a->link) == NTM_LINK_UP &&
		    ntm_link_state(b->link) == NTM_LINK_UP) {
			up++;
			assert_talk(w, a, b, 1);
		}
		world_free(w);
	}
	printf("# crossed with 30 %% loss: %u of 100 up\n", up);
	assert_true(up >= 90);
}

static bool nat_of_b(struct world *w, const struct packet *p)
{
	/* Host 1 is known by an address that is not reachable; it can send from the other one. */
	return !ntm_addr_eq(&p->to, &w->host[1].addr[0]);
}

/* The lower key is told a wrong address. It must not wait for its own INITIATION to give up. */
static void crossed_behind_nat(void **unused)
{
	struct world *w = world_new(6);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	w->filter = nat_of_b;
	b->source = 1;
	open_e2e(a, b, true);
	open_e2e(b, a, true);
	run(w, 100);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
	assert_one_session(a, b);
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* INITIATIONs of strangers that know the DC's key, each from its own network. */
static void flood(void **unused)
{
	struct world *w = world_new(7);
	struct host *stranger = &w->host[0], *dc = &w->host[1], *node = &w->host[2];
	const struct ntm_links_counters *counters = ntm_links_counters(dc->links);

	(void)unused;
	dc->accept_result = -EACCES;
	for (uint8_t i = 0; i < 250; i++) {
		for (uint8_t j = 0; j < 4; j++) {
			reboot(stranger);
			ntm_keys_make(&stranger->keys);
			stranger->addr[0].ip = ntm_ip_v4(10, i, j, 1);
			w->filter = drop_all;
			open_node(stranger, dc);
			w->filter = NULL;
			hand_over(dc, &w->last[NTM_FRAME_INITIATION]);
		}
	}
	ntm_link_free(stranger->link);
	assert_in_range(dc->accepts, 150, 201);
	assert_int_equal(dc->accepts + counters->cookies_sent, 1000);
	assert_int_equal(counters->limited, counters->cookies_sent);
	assert_int_equal(ntm_links_count(dc->links), 0);
	assert_int_equal(ntm_map_count(dc->links->by_answer), 0);
	/* Who receives the cookie gets through all the same. */
	dc->accept_result = 0;
	open_node(node, dc);
	run(w, 100);
	assert_int_equal(node->up, 1);
	assert_int_equal(dc->up, 1);
	assert_talk(w, node, dc, 1);
	world_free(w);
}

static void flood_from_one_network(void **unused)
{
	struct world *w = world_new(8);
	struct host *stranger = &w->host[0], *dc = &w->host[1];
	struct packet p;

	(void)unused;
	dc->accept_result = -EACCES;
	w->filter = drop_all;
	open_node(stranger, dc);
	p = w->last[NTM_FRAME_INITIATION];
	for (uint8_t i = 0; i < 100; i++) {
		p.from.ip = ntm_ip_v4(10, 0, 0, i);
		hand_over(dc, &p);
	}
	assert_int_equal(dc->accepts, LINKS_SOURCE_BURST);
	set_time(w, w->timers.now_ms + 1000);
	for (uint8_t i = 0; i < 100; i++) {
		p.from.ip = ntm_ip_v4(10, 0, 0, i);
		hand_over(dc, &p);
	}
	assert_int_equal(dc->accepts, 2 * LINKS_SOURCE_BURST);
	p.from.ip = ntm_ip_v4(10, 0, 1, 1);
	hand_over(dc, &p);
	assert_int_equal(dc->accepts, 2 * LINKS_SOURCE_BURST + 1);
	world_free(w);
}

/* Bytes without a right mac1, a tag or an index: no reply, and no growth. */
static void strangers_bytes(void **unused)
{
	struct world *w = world_e2e(9);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p = {.from = w->host[3].addr[0]};
	size_t links = ntm_links_count(b->links), indexes = ntm_map_count(b->links->by_index);
	uint64_t frames_out = ntm_links_counters(b->links)->frames_out;
	static const uint8_t types[] = {0, 1, 2, 3, 4, 5, 16, 17, 255};

	(void)unused;
	assert_talk(w, a, b, 1);
	frames_out = ntm_links_counters(b->links)->frames_out;
	for (unsigned i = 0; i < 20000; i++) {
		p.len = splitmix(&w->rng) % 300;
		for (size_t k = 0; k < p.len; k++)
			p.data[k] = (uint8_t)splitmix(&w->rng);
		if (p.len > 4 && i % 4) {
			p.data[0] = types[i % sizeof(types)];
			p.data[1] = "njerd\1"[i % 6];
			p.data[2] = p.data[3] = 0;
		}
		hand_over(b, &p);
	}
	/* Truncated and flipped forms of real frames. */
	for (size_t type = NTM_FRAME_INITIATION; type <= NTM_FRAME_TRANSPORT; type++) {
		for (size_t k = 0; k < w->last[type].len; k++) {
			p = w->last[type];
			p.from = w->host[3].addr[0];
			p.len = k;
			hand_over(b, &p);
			p.len = w->last[type].len;
			p.data[k] ^= 0x40;
			if (type != NTM_FRAME_INITIATION || k < p.len - 16)
				hand_over(b, &p);
		}
	}
	assert_int_equal(ntm_links_counters(b->links)->frames_out, frames_out);
	assert_int_equal(ntm_links_count(b->links), links);
	assert_int_equal(ntm_map_count(b->links->by_index), indexes);
	assert_int_equal(b->accepts, 0);
	assert_int_equal(b->inputs, 1);
	assert_talk(w, a, b, 2);
	world_free(w);
}

static void wrong_mac1_is_silent(void **unused)
{
	struct world *w = world_new(10);
	struct host *a = &w->host[0], *b = &w->host[1], *c = &w->host[2];
	struct packet p;

	(void)unused;
	/* An INITIATION for c that reaches b. */
	open_node(a, c);
	p = w->last[NTM_FRAME_INITIATION];
	hand_over(b, &p);
	assert_int_equal(ntm_links_counters(b->links)->bad_mac1, 1);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	assert_int_equal(b->accepts, 0);
	world_free(w);
}

static void refusals_are_silent(void **unused)
{
	struct world *w = world_new(11);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p, xx = {.data[0] = NTM_FRAME_INITIATION, .len = NTM_DC_INITIATION_LEN};
	uint8_t key[NTM_KEY_LEN];

	(void)unused;
	b->accept_result = -EACCES;
	open_node(a, b);
	p = w->last[NTM_FRAME_INITIATION];
	run(w, 3000);
	assert_int_equal(b->accepts, 4);
	assert_int_equal(ntm_links_counters(b->links)->refused, 4);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	/* A purpose that nothing serves here, with a right mac1. */
	xx.data[1] = NTM_PURPOSE_DC;
	ntm_mac1_key(key, ntm_static_unknown);
	ntm_mac_append(xx.data, xx.len - 32, key, NULL);
	hand_over(b, &xx);
	assert_int_equal(ntm_links_counters(b->links)->refused, 5);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	/* One purpose does not pass for another: the prologue differs. */
	ntm_mac1_key(key, b->keys.pub);
	p.data[1] = NTM_PURPOSE_RELAY;
	ntm_mac_append(p.data, p.len - 32, key, NULL);
	hand_over(b, &p);
	assert_int_equal(ntm_links_counters(b->links)->bad_handshake, 1);
	assert_int_equal(b->accepts, 4);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	p.data[1] = 'j';
	ntm_mac_append(p.data, p.len - 32, key, NULL);
	b->links->ops.accept = NULL;
	hand_over(b, &p);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 1); /* a join asks for proof */
	assert_int_equal(w->sent[NTM_FRAME_COOKIE], 1);
	world_free(w);
}

/* The Tunnel Request overtakes the Route Direction. */
static void unknown_pair(void **unused)
{
	struct world *w = world_new(12);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	open_e2e(a, b, true);
	run(w, 50);
	assert_int_equal(b->unknown_pairs, 1);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	open_e2e(b, a, false);
	hand_over(b, &b->kept);
	run(w, 50);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1);
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* The right pair and psk from somebody else. */
static void wrong_static_key(void **unused)
{
	struct world *w = world_new(13);
	struct host *a = &w->host[0], *b = &w->host[1], *c = &w->host[2];

	(void)unused;
	open_e2e(b, a, false);
	open_e2e(c, b, true);
	run(w, 2000);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 0);
	assert_true(ntm_links_counters(b->links)->bad_handshake > 0);
	assert_int_equal(c->up + b->up, 0);
	world_free(w);
}

/* Both know AES or ChaCha20 today; tomorrow's may know neither. */
static void no_common_suite(void **unused)
{
	struct world *w = world_new(14);
	struct host *a = &w->host[0], *b = &w->host[1];

	(void)unused;
	a->links->suites = 0x40;
	open_node(a, b);
	run(w, 3000);
	assert_int_equal(ntm_links_counters(b->links)->bad_handshake, 4);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	assert_int_equal(ntm_links_count(b->links), 0);
	assert_int_equal(b->accepts, 0);
	world_free(w);
}

/* An INITIATION whose Noise is right and whose payload is len bytes of 0xff. */
static struct packet initiation_of(const struct host *from, const struct host *to, size_t len)
{
	static const uint8_t pair[NTM_PAIR_LEN];
	uint8_t prologue[NTM_PROLOGUE_LEN], payload[64], key[NTM_KEY_LEN];
	struct ntm_noise noise;
	struct ntm_noise_args args = {.pattern = NTM_NOISE_IK,
				      .initiator = true,
				      .prologue = prologue,
				      .prologue_len = sizeof(prologue),
				      .static_keys = &from->keys,
				      .remote_static = to->keys.pub};
	struct ntm_handshake head = {.type = NTM_FRAME_INITIATION,
				     .purpose = NTM_PURPOSE_NODE,
				     .sender = 77};
	struct packet p = {.from = from->addr[0]};
	size_t head_len = ntm_handshake_head(p.data, &head), noise_len;

	memset(payload, 0xff, sizeof(payload));
	ntm_prologue(prologue, NTM_PURPOSE_NODE, pair);
	ntm_noise_start(&noise, &args);
	assert_int_equal(ntm_noise_write(&noise, payload, len, p.data + head_len,
					 sizeof(p.data) - head_len, &noise_len),
			 0);
	ntm_mac1_key(key, to->keys.pub);
	p.len = ntm_mac_append(p.data, head_len + noise_len, key, NULL);
	ntm_noise_wipe(&noise);
	return p;
}

/* From somebody with a key of his own, which anybody can make. */
static void short_payload(void **unused)
{
	struct world *w = world_new(15);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p;

	(void)unused;
	for (size_t len = 0; len < LINK_HS_FIXED_INIT; len++) {
		p = initiation_of(a, b, len);
		hand_over(b, &p);
		run(w, 1000); /* the limit of one network */
	}
	assert_int_equal(ntm_links_counters(b->links)->bad_handshake, LINK_HS_FIXED_INIT);
	assert_int_equal(ntm_links_counters(b->links)->frames_out, 0);
	assert_int_equal(b->accepts, 0);
	p = initiation_of(a, b, LINK_HS_FIXED_INIT);
	hand_over(b, &p);
	assert_int_equal(b->accepts, 1);
	assert_int_equal(b->last_len, 0);
	assert_int_equal(w->sent[NTM_FRAME_RESPONSE], 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replayed_initiation),
		cmocka_unit_test(wrong_clock),
		cmocka_unit_test(clock_back_in_one_process),
		cmocka_unit_test(restarted_peer),
		cmocka_unit_test(crossed_initiations),
		cmocka_unit_test(loser_drops_its_attempt),
		cmocka_unit_test(answered_and_answering),
		cmocka_unit_test(crossed_after_silence),
		cmocka_unit_test(crossed_and_unheard),
		cmocka_unit_test(crossed_with_losses),
		cmocka_unit_test(crossed_behind_nat),
		cmocka_unit_test(flood),
		cmocka_unit_test(flood_from_one_network),
		cmocka_unit_test(strangers_bytes),
		cmocka_unit_test(wrong_mac1_is_silent),
		cmocka_unit_test(refusals_are_silent),
		cmocka_unit_test(unknown_pair),
		cmocka_unit_test(wrong_static_key),
		cmocka_unit_test(no_common_suite),
		cmocka_unit_test(short_payload),
	};

	world_seed(0);
	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
