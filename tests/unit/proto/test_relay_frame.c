/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of the relay family: written and read, their mac, and every datagram that is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/relay_samples.h"

static uint8_t bind_key[NTM_BIND_KEY_LEN], ticket[NTM_TICKET_LEN], cookie[NTM_RELAY_COOKIE_LEN];

static const struct sample {
	struct ntm_relay_frame frame;
	const char *hex;
	size_t len;
} samples[] = {
	{{.type = NTM_FRAME_BIND, .generation = SAMPLE_GENERATION, .ticket = ticket},
	 golden_bind,
	 NTM_BIND_LEN},
	{{.type = NTM_FRAME_CHALLENGE,
	  .generation = SAMPLE_GENERATION,
	  .flow = SAMPLE_FLOW,
	  .cookie = cookie},
	 golden_challenge,
	 NTM_CHALLENGE_LEN},
	{{.type = NTM_FRAME_ANSWER,
	  .generation = SAMPLE_GENERATION,
	  .ticket = ticket,
	  .cookie = cookie},
	 golden_answer,
	 NTM_ANSWER_LEN},
	{{.type = NTM_FRAME_BOUND,
	  .generation = SAMPLE_GENERATION,
	  .flow = SAMPLE_FLOW,
	  .label = SAMPLE_LABEL,
	  .peer_bound = true,
	  .idle_s = NTM_RELAY_IDLE_S},
	 golden_bound,
	 NTM_BOUND_LEN},
	{{.type = NTM_FRAME_UNBOUND, .label = SAMPLE_LABEL}, golden_unbound, NTM_UNBOUND_LEN},
	{{.type = NTM_FRAME_RELEASE, .generation = SAMPLE_GENERATION, .ticket = ticket},
	 golden_release,
	 NTM_RELEASE_LEN},
};
#define SAMPLE_COUNT (sizeof(samples) / sizeof(samples[0]))

/* A copy of exactly that length, so that the sanitizer sees a read past its end. */
static uint8_t *exact(const uint8_t *data, size_t len)
{
	uint8_t *copy = test_malloc(len + 1);

	memcpy(copy + 1, data, len);
	return copy + 1;
}

static void drop(uint8_t *copy)
{
	test_free(copy - 1);
}

static int parse(const uint8_t *data, size_t len)
{
	uint8_t *copy = exact(data, len);
	struct ntm_relay_frame got, before;
	int err;

	memset(&got, 0x5a, sizeof(got));
	before = got;
	err = ntm_relay_frame_parse(&got, copy, len);
	if (err)
		assert_memory_equal(&got, &before, sizeof(got));
	drop(copy);
	return err;
}

static void assert_same(const struct ntm_relay_frame *a, const struct ntm_relay_frame *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->flow, b->flow);
	assert_int_equal(a->label, b->label);
	assert_int_equal(a->peer_bound, b->peer_bound);
	assert_int_equal(a->idle_s, b->idle_s);
	assert_int_equal(a->ticket != NULL, b->ticket != NULL);
	assert_int_equal(a->cookie != NULL, b->cookie != NULL);
	if (a->ticket)
		assert_memory_equal(a->ticket, b->ticket, NTM_TICKET_LEN);
	if (a->cookie)
		assert_memory_equal(a->cookie, b->cookie, NTM_RELAY_COOKIE_LEN);
}

static void golden(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t out[NTM_RELAY_FRAME_MAX];
		size_t len = ntm_relay_frame_write(&samples[i].frame, bind_key, out);
		uint8_t *copy = exact(out, len);
		struct ntm_relay_frame got;

		assert_int_equal(len, samples[i].len);
		assert_hex(out, len, samples[i].hex);
		assert_int_equal(ntm_relay_frame_parse(&got, copy, len), 0);
		assert_same(&got, &samples[i].frame);
		assert_true(ntm_is_relay_frame(copy, len));
		if (got.type != NTM_FRAME_UNBOUND)
			assert_true(ntm_relay_frame_mac_ok(copy, len, bind_key));
		drop(copy);
	}
}

/* Values at both ends of their range. */
static void round_trip(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2 * SAMPLE_COUNT; i++) {
		struct ntm_relay_frame in = samples[i / 2].frame, got;
		uint8_t out[NTM_RELAY_FRAME_MAX];
		size_t len;

		if (in.type != NTM_FRAME_UNBOUND)
			in.generation = i % 2 ? UINT32_MAX : 0;
		if (in.flow)
			in.flow = i % 2 ? UINT64_MAX : 0;
		if (in.label)
			in.label = i % 2 ? UINT32_MAX : 0;
		if (in.idle_s)
			in.idle_s = i % 2 ? UINT32_MAX : 0;
		in.peer_bound = in.type == NTM_FRAME_BOUND && i % 2;
		len = ntm_relay_frame_write(&in, bind_key, out);
		assert_int_equal(ntm_relay_frame_parse(&got, out, len), 0);
		assert_same(&got, &in);
	}
}

/* Each type has one length. */
static void truncated(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t data[NTM_RELAY_FRAME_MAX + 16] = {0};
		size_t len = unhex(data, sizeof(data), samples[i].hex);

		for (size_t cut = 0; cut < sizeof(data); cut++)
			assert_int_equal(parse(data, cut), cut == len ? 0 : -EBADMSG);
	}
	assert_false(ntm_is_relay_frame(NULL, 0));
}

/* Nothing can be changed without the mac's telling; UNBOUND has none. */
static void flipped(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		uint8_t data[NTM_RELAY_FRAME_MAX];
		size_t len = unhex(data, sizeof(data), samples[i].hex);

		for (size_t bit = 0; bit < 8 * len; bit++) {
			int err;

			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			err = parse(data, len);
			assert_true(err == 0 || err == -EBADMSG);
			if (data[0] != NTM_FRAME_UNBOUND)
				assert_false(ntm_relay_frame_mac_ok(data, len, bind_key));
			/* Type and zeros. */
			if (bit < 32)
				assert_int_equal(err, -EBADMSG);
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void zeros_that_are_none(void **unused)
{
	static const struct {
		const char *hex;
		size_t first, count; /* bytes that have to be zero */
	} table[] = {
		{golden_bind, 1, 3},
		{golden_bind, 8 + NTM_TICKET_LEN, 134},
		{golden_challenge, 1, 3},
		{golden_challenge, 32, 8},
		{golden_answer, 1, 3},
		{golden_answer, 8 + NTM_TICKET_LEN + 16, 22},
		{golden_bound, 1, 3},
		{golden_bound, 21, 7},
		{golden_unbound, 1, 3},
		{golden_release, 1, 3},
		{golden_release, 8 + NTM_TICKET_LEN, 6},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t data[NTM_RELAY_FRAME_MAX];
		size_t len = unhex(data, sizeof(data), table[i].hex);

		for (size_t at = table[i].first; at < table[i].first + table[i].count; at++) {
			assert_int_equal(data[at], 0);
			data[at] = 0x80;
			assert_int_equal(parse(data, len), -EBADMSG);
			data[at] = 0;
		}
		assert_int_equal(parse(data, len), 0);
	}
}

static void peer_is_0_or_1(void **unused)
{
	uint8_t data[NTM_BOUND_LEN];

	(void)unused;
	unhex(data, sizeof(data), golden_bound);
	for (unsigned peer = 0; peer < 256; peer++) {
		data[20] = (uint8_t)peer;
		assert_int_equal(parse(data, sizeof(data)), peer > 1 ? -EBADMSG : 0);
	}
}

/* Nothing else is one: neither RELAYED nor frames of the other families, at any of the lengths. */
static void other_types(void **unused)
{
	uint8_t data[NTM_RELAY_FRAME_MAX] = {0};

	(void)unused;
	for (unsigned type = 0; type < 256; type++) {
		size_t found = 0;

		data[0] = (uint8_t)type;
		for (size_t len = 0; len <= sizeof(data); len++)
			found += parse(data, len) == 0;
		assert_int_equal(found,
				 type >= NTM_FRAME_BIND && type <= NTM_FRAME_RELEASE ? 1 : 0);
		assert_int_equal(ntm_is_relay_frame(data, 1),
				 type >= NTM_FRAME_RELAYED && type <= NTM_FRAME_RELEASE);
	}
}

static void wrong_bind_key(void **unused)
{
	uint8_t data[NTM_RELAY_FRAME_MAX], other[NTM_BIND_KEY_LEN];

	(void)unused;
	memcpy(other, bind_key, sizeof(other));
	other[0] ^= 1;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		size_t len = unhex(data, sizeof(data), samples[i].hex);

		assert_false(ntm_relay_frame_mac_ok(data, len, other));
	}
	/* Too short to have one. */
	for (size_t len = 0; len < 8 + NTM_MAC_LEN; len++) {
		uint8_t *copy = exact(data, len);

		assert_false(ntm_relay_frame_mac_ok(copy, len, bind_key));
		drop(copy);
	}
}

static bool relayed(const uint8_t *data, size_t len, uint32_t *label)
{
	uint8_t *copy = exact(data, len);
	bool ok = ntm_relayed_parse(copy, len, label);

	drop(copy);
	return ok;
}

static void relayed_head(void **unused)
{
	uint8_t data[NTM_RELAYED_HEADER + 40] = {0};
	uint32_t label = 5;

	(void)unused;
	ntm_relayed_head(data, 1, SAMPLE_LABEL);
	assert_hex(data, NTM_RELAYED_HEADER, "10010000feedbeef");
	data[NTM_RELAYED_HEADER] = NTM_FRAME_TRANSPORT;
	/* The shortest frame that is carried is an empty TRANSPORT. */
	for (size_t len = 0; len <= sizeof(data); len++)
		assert_int_equal(relayed(data, len, &label), len >= NTM_RELAYED_HEADER + 32);
	assert_int_equal(label, SAMPLE_LABEL);
	ntm_relayed_head(data, 0, 0);
	assert_hex(data, NTM_RELAYED_HEADER, "1000000000000000");
	assert_true(relayed(data, sizeof(data), &label));
	assert_int_equal(label, 0);
}

/* One relay deep, and only what a node or a relay has a use for. */
static void relayed_refused(void **unused)
{
	uint8_t data[NTM_RELAYED_HEADER + 40] = {0};
	uint32_t label = 5;

	(void)unused;
	for (unsigned type = 0; type < 256; type++) {
		ntm_relayed_head(data, 0, SAMPLE_LABEL);
		data[NTM_RELAYED_HEADER] = (uint8_t)type;
		assert_int_equal(relayed(data, sizeof(data), &label),
				 type >= NTM_FRAME_INITIATION && type <= NTM_FRAME_TRANSPORT);
		data[NTM_RELAYED_HEADER] = NTM_FRAME_TRANSPORT;
		data[0] = (uint8_t)type;
		assert_int_equal(relayed(data, sizeof(data), &label), type == NTM_FRAME_RELAYED);
	}
	label = 5;
	for (size_t bit = 8; bit < 32; bit++) {
		ntm_relayed_head(data, 0, SAMPLE_LABEL);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Only the class may be 1. */
		assert_int_equal(relayed(data, sizeof(data), &label), bit == 8);
		assert_int_equal(label, bit == 8 ? SAMPLE_LABEL : 5);
		label = 5;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(truncated),
		cmocka_unit_test(flipped),
		cmocka_unit_test(zeros_that_are_none),
		cmocka_unit_test(peer_is_0_or_1),
		cmocka_unit_test(other_types),
		cmocka_unit_test(wrong_bind_key),
		cmocka_unit_test(relayed_head),
		cmocka_unit_test(relayed_refused),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	sample_up(bind_key, sizeof(bind_key), 0x60);
	sample_up(cookie, sizeof(cookie), 0xc0);
	unhex(ticket, sizeof(ticket), golden_ticket);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
