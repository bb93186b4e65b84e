/* SPDX-License-Identifier: BSD-2-Clause */
/* XX and strangers: spoilt frames, floods of INITIATIONs, cookies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link_pending.h"
#include "proto/linkworld.h"

/* Makes the checksum right again. */
static void checksum(struct packet *p)
{
	uint8_t key[NTM_KEY_LEN];

	ntm_mac1_key(key, ntm_static_unknown);
	ntm_mac_append(p->data, p->len - 2 * NTM_MAC_LEN, key, NULL);
}

struct facts {
	uint64_t frames_out;
	size_t indexes, answers, links;
	unsigned pending, up, accepts, verifies;
};

static struct facts facts_of(const struct host *h)
{
	return (struct facts){ntm_links_counters(h->links)->frames_out,
			      ntm_map_count(h->links->by_index),
			      ntm_map_count(h->links->by_answer),
			      ntm_links_count(h->links),
			      pending_count(h),
			      h->up,
			      h->accepts,
			      h->verifies};
}

static void assert_unmoved(const struct host *h, const struct facts *then)
{
	struct facts now = facts_of(h);

	assert_int_equal(now.frames_out, then->frames_out);
	assert_int_equal(now.indexes, then->indexes);
	assert_int_equal(now.answers, then->answers);
	assert_int_equal(now.links, then->links);
	assert_int_equal(now.pending, then->pending);
	assert_int_equal(now.up, then->up);
	assert_int_equal(now.accepts, then->accepts);
	assert_int_equal(now.verifies, then->verifies);
}

/* Every truncation and every flipped byte, with and, behind the fields that Noise does not cover,
 * without the old checksum. fixed: where Noise begins to cover. */
static void spoil(struct host *h, const struct packet *good, size_t fixed)
{
	struct facts facts = facts_of(h);

	for (size_t i = 0; i < good->len; i++) {
		struct packet p = *good;

		p.len = i;
		hand_over(h, &p);
		if (i >= 2 * NTM_MAC_LEN + 12) {
			checksum(&p);
			hand_over(h, &p);
		}
		if (i >= good->len - NTM_MAC_LEN)
			continue; /* mac2: right or not, it is only asked for under load */
		p = *good;
		p.data[i] ^= 0x40;
		hand_over(h, &p);
		if (i >= fixed && i < good->len - 2 * NTM_MAC_LEN) {
			checksum(&p);
			hand_over(h, &p);
		}
	}
	assert_unmoved(h, &facts);
}

static void spoilt_frames(void **unused)
{
	struct world *w = world_dcs(25);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet p;

	(void)unused;
	w->filter = drop_all;
	open_dc(a, b->addr, 1);
	p = w->last[NTM_FRAME_INITIATION];
	spoil(b, &p, p.len); /* nothing of it is secret: with a checksum it is another one */
	hand_over(b, &p);
	p = w->last[NTM_FRAME_RESPONSE];
	assert_true(p.len <= NTM_DC_INITIATION_LEN);
	spoil(a, &p, 8);
	/* An index that stands for nothing yet, where one of an attempt belongs. */
	memcpy(p.data + 8, p.data + 4, 4);
	checksum(&p);
	hand_over(b, &p);
	p = w->last[NTM_FRAME_RESPONSE];
	hand_over(a, &p);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 0);
	p = w->last[NTM_FRAME_FINAL];
	spoil(b, &p, 4);
	run(w, 1000); /* that were as many as one network may send */
	hand_over(b, &p);
	assert_int_equal(b->up, 1);
	/* Late copies. */
	hand_over(b, &p);
	hand_over(a, &w->last[NTM_FRAME_RESPONSE]);
	assert_int_equal(b->up, 1);
	assert_int_equal(a->up, 1);
	w->filter = NULL;
	assert_talk(w, a, b, 1);
	world_free(w);
}

/* INITIATIONs of nobody in particular, from everywhere; their keys are noise. */
static struct packet garbage(struct world *w, const struct packet *model, uint8_t net)
{
	struct packet p = *model;

	p.from = (struct ntm_addr){ntm_ip_v4(10, net, (uint8_t)splitmix(&w->rng), 1), 5000};
	for (size_t i = 4; i < 8 + NTM_KEY_LEN; i++)
		p.data[i] = (uint8_t)splitmix(&w->rng);
	checksum(&p);
	return p;
}

static struct packet model_of(struct world *w)
{
	struct host *c = &w->host[2];
	struct packet p;

	open_dc(c, w->host[1].addr, 1);
	p = w->last[NTM_FRAME_INITIATION];
	ntm_link_free(c->link);
	c->link = NULL;
	run(w, 20);
	return p;
}

static void garbage_is_bounded(void **unused)
{
	struct world *w = world_dcs(26);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet model = model_of(w);
	uint64_t in = 0;

	(void)unused;
	run(w, 6000);
	assert_int_equal(pending_count(b), 0);
	for (size_t i = 0; i < 20000; i++) {
		struct packet p = garbage(w, &model, (uint8_t)(i % 251));

		hand_over(b, &p);
		in += p.len;
		run(w, 1);
		if (i == 10000) { /* into the middle of it, over a slow wire */
			w->delay_ms = 400;
			open_dc(a, b->addr, 1);
		}
		if (i == 13000) {
			w->delay_ms = 10;
			assert_talk(w, a, b, 1);
		}
	}
	assert_true(pending_count(b) <= LINKS_PENDING);
	assert_true(ntm_map_count(b->links->by_index) <= LINKS_PENDING + 3);
	assert_int_equal(ntm_map_count(b->links->by_answer), pending_count(b));
	assert_int_equal(a->up, 1);
	assert_int_equal(ntm_links_count(b->links), 1);
	/* 20 s: so many were answered at length, the others were asked for proof. */
	assert_in_range(w->sent[NTM_FRAME_RESPONSE], 300, 20 * 20 + 20 + 3);
	assert_true(ntm_links_counters(b->links)->bytes_out < in);
	run(w, 6000);
	assert_int_equal(pending_count(b), 0);
	assert_int_equal(ntm_map_count(b->links->by_index), 1);
	world_free(w);
}

/* Reads an INITIATION as the DC does when all limits let it pass. */
static void add(struct host *dc, const struct packet *p, bool proven)
{
	static const uint8_t pair[NTM_PAIR_LEN];
	struct ntm_handshake hs;
	struct link_incoming in = {.hs = &hs,
				   .from = &p->from,
				   .proven = proven,
				   .suite = NTM_SUITE_CHACHA20_POLY1305};
	uint8_t prologue[NTM_PROLOGUE_LEN];
	struct ntm_noise_args args = {.pattern = NTM_NOISE_XX,
				      .prologue = prologue,
				      .prologue_len = sizeof(prologue),
				      .static_keys = &dc->keys};

	assert_int_equal(ntm_handshake_parse(&hs, p->data, p->len), 0);
	ntm_handshake_name(in.name, &hs);
	ntm_prologue(prologue, NTM_PURPOSE_DC, pair);
	ntm_noise_start(&in.noise, &args);
	assert_int_equal(ntm_noise_read(&in.noise, hs.noise, hs.noise_len, in.payload,
					sizeof(in.payload), &in.payload_len),
			 0);
	link_pending_add(dc->links, &in);
}

static bool is_pending(const struct host *dc, const struct packet *p)
{
	struct ntm_handshake hs;
	uint8_t name[NTM_HANDSHAKE_NAME_LEN];

	assert_int_equal(ntm_handshake_parse(&hs, p->data, p->len), 0);
	ntm_handshake_name(name, &hs);
	return ntm_map_get(dc->links->by_answer, name, sizeof(name));
}

static void who_makes_room(void **unused)
{
	struct world *w = world_dcs(29);
	struct host *b = &w->host[1];
	struct packet model = model_of(w), p;
	static struct packet open[LINKS_PENDING];

	(void)unused;
	run(w, 6000);
	w->filter = drop_all;
	for (uint8_t i = 0; i < LINKS_PENDING; i++) {
		open[i] = garbage(w, &model, i);
		add(b, &open[i], false);
		run(w, 10);
	}
	assert_int_equal(pending_count(b), LINKS_PENDING);
	/* The oldest, one after the other. */
	for (uint8_t i = 0; i < 10; i++) {
		assert_true(is_pending(b, &open[i]));
		p = garbage(w, &model, (uint8_t)(100 + i));
		add(b, &p, i % 2);
		assert_false(is_pending(b, &open[i]));
		assert_true(is_pending(b, &open[i + 1]));
		assert_true(is_pending(b, &p));
		run(w, 10);
	}
	/* Whoever is not proven makes room for who is, and not the other way. */
	for (uint8_t i = 0; i < LINKS_PENDING; i++) {
		p = garbage(w, &model, i);
		add(b, &p, true);
		assert_true(is_pending(b, &p));
	}
	p = garbage(w, &model, 200);
	add(b, &p, false);
	assert_false(is_pending(b, &p));
	assert_int_equal(ntm_links_counters(b->links)->limited, 1);
	add(b, &p, true);
	assert_true(is_pending(b, &p));
	assert_int_equal(pending_count(b), LINKS_PENDING);
	run(w, 6000);
	assert_int_equal(pending_count(b), 0);
	world_free(w);
}

/* Somebody who receives at his address floods: his own network's places are all he gets. */
static void proven_garbage(void **unused)
{
	struct world *w = world_dcs(27);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet model = model_of(w);

	(void)unused;
	for (unsigned i = 0; i < 300; i++) {
		struct packet p = garbage(w, &model, 0);

		p.from.ip = ntm_ip_v4(10, 0, 0, (uint8_t)i);
		if (i == 100) {
			w->delay_ms = 300;
			open_dc(a, b->addr, 1);
		}
		add(b, &p, true);
		assert_in_range(pending_count(b), 0, LINKS_PENDING_NET + 4);
		run(w, 5);
	}
	run(w, 1000);
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
	world_free(w);
}

static void cookie(void **unused)
{
	struct world *w = world_dcs(28);
	struct host *a = &w->host[0], *b = &w->host[1];
	struct packet model = model_of(w);

	(void)unused;
	for (size_t i = 0; i < 400; i++) {
		struct packet p = garbage(w, &model, (uint8_t)i);

		/* What strangers do with 'd' costs nodes nothing. */
		if (i == 200) {
			open_node(&w->host[3], b);
			run(w, 40);
			assert_int_equal(w->host[3].up, 1);
		}
		hand_over(b, &p);
	}
	assert_true(w->sent[NTM_FRAME_COOKIE] > 350);
	open_dc(a, b->addr, 1);
	run(w, 25);
	assert_int_equal(w->sent[NTM_FRAME_INITIATION], 1 + 1 + 2);
	run(w, 40);
	assert_int_equal(a->up, 1);
	assert_talk(w, a, b, 1);
	/* A cookie of one purpose is none for another, and a forged one changes nothing. */
	assert_memory_not_equal(b->links->cookies.seal_key, b->links->cookies_xx.seal_key,
				NTM_KEY_LEN);
	world_free(w);
}

/* Whoever has been answered can send FINALs at will: each is a key exchange, so they are limited;
 * and the true one comes through. */
static void forged_finals(void **unused)
{
	struct world *w = world_dcs(30);
	struct host *a = &w->host[0], *b = &w->host[1];
	const struct ntm_links_counters *counters = ntm_links_counters(b->links);
	struct packet good, p;

	(void)unused;
	w->filter = drop_all;
	open_dc(a, b->addr, 1);
	p = w->last[NTM_FRAME_INITIATION];
	hand_over(b, &p);
	p = w->last[NTM_FRAME_RESPONSE];
	hand_over(a, &p);
	good = w->last[NTM_FRAME_FINAL];
	assert_int_equal(a->up, 1);
	for (unsigned i = 0; i < LINKS_PROVEN_PER_S + 500; i++) {
		p = good;
		p.data[20 + i % 40] ^= 0x40; /* the static key, sealed */
		checksum(&p);
		hand_over(b, &p);
	}
	assert_int_equal(counters->bad_handshake, LINKS_PROVEN_PER_S);
	assert_int_equal(counters->limited, 500);
	hand_over(b, &good); /* nothing is left for this one */
	assert_int_equal(b->up, 0);
	assert_int_equal(pending_count(b), 1);
	run(w, 100);
	hand_over(b, &good);
	assert_int_equal(b->up, 1);
	assert_int_equal(pending_count(b), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt_frames),  cmocka_unit_test(garbage_is_bounded),
		cmocka_unit_test(who_makes_room), cmocka_unit_test(proven_garbage),
		cmocka_unit_test(cookie),         cmocka_unit_test(forged_finals),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
