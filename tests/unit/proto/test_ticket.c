/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets: sealed and opened, and everything that does not open. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ntm/wire.h"
#include "proto/relay_samples.h"

static uint8_t dc_secret[NTM_KEY_LEN], relay[NTM_KEY_LEN];
static struct ntm_ticket_key key;

/* Every random string is the nonce of the golden ticket. */
static const char *counted_name(void)
{
	return "counted";
}
static uint32_t counted_word(void)
{
	return 4;
}
static void counted_buf(void *const out, const size_t len)
{
	sample_up(out, len, 0xd0);
}

static void assert_same(const struct ntm_ticket *a, const struct ntm_ticket *b)
{
	assert_true(a->flow == b->flow);
	assert_int_equal(a->side, b->side);
	assert_true(a->expires_s == b->expires_s);
	assert_int_equal(a->kbit_s, b->kbit_s);
	assert_int_equal(a->account, b->account);
	assert_memory_equal(a->bind_key, b->bind_key, sizeof(a->bind_key));
}

static void golden(void **unused)
{
	static struct randombytes_implementation counted = {.implementation_name = counted_name,
							    .random = counted_word,
							    .buf = counted_buf};
	struct ntm_ticket ticket = sample_ticket(), got;
	uint8_t sealed[NTM_TICKET_LEN];

	(void)unused;
	assert_int_equal(key.id, SAMPLE_DAY & 255);
	assert_hex(key.key, sizeof(key.key), golden_ticket_key);
	randombytes_set_implementation(&counted);
	ntm_ticket_seal(&ticket, &key, relay, sealed);
	randombytes_set_implementation(&randombytes_sysrandom_implementation);
	assert_hex(sealed, sizeof(sealed), golden_ticket);
	assert_int_equal(ntm_ticket_open(&got, &key, relay, sealed), 0);
	assert_same(&got, &ticket);
}

static void round_trip(void **unused)
{
	static const struct ntm_ticket table[] = {
		{.flow = 0, .side = 0, .expires_s = 0, .kbit_s = 0, .account = 0},
		{.flow = UINT64_MAX,
		 .side = 1,
		 .expires_s = INT64_MAX,
		 .kbit_s = UINT32_MAX,
		 .account = UINT32_MAX},
		{.flow = 1, .side = 0, .expires_s = 1795708800, .kbit_s = 2, .account = 3},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ntm_ticket ticket, got;
		uint8_t one[NTM_TICKET_LEN], other[NTM_TICKET_LEN];

		memcpy(&ticket, &table[i], sizeof(ticket));
		ntm_random(ticket.bind_key, sizeof(ticket.bind_key));
		ntm_ticket_seal(&ticket, &key, relay, one);
		ntm_ticket_seal(&ticket, &key, relay, other);
		assert_memory_not_equal(one, other, sizeof(one)); /* its own nonce each time */
		assert_int_equal(ntm_ticket_open(&got, &key, relay, one), 0);
		assert_same(&got, &ticket);
		assert_int_equal(ntm_ticket_open(&got, &key, relay, other), 0);
		assert_same(&got, &ticket);
	}
}

/* Opens with those, and leaves the ticket alone when it does not. */
static int open_with(const struct ntm_ticket_key *with, const uint8_t *at, const uint8_t *sealed)
{
	struct ntm_ticket got, before;
	int err;

	memset(&got, 0x5a, sizeof(got));
	before = got;
	err = ntm_ticket_open(&got, with, at, sealed);
	if (err)
		assert_memory_equal(&got, &before, sizeof(got));
	return err;
}

/* Its key id is outside of the seal, but bound by it. */
static void flipped(void **unused)
{
	uint8_t sealed[NTM_TICKET_LEN];

	(void)unused;
	unhex(sealed, sizeof(sealed), golden_ticket);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		struct ntm_ticket_key same_id = key;

		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		same_id.id = sealed[0];
		assert_int_equal(open_with(&key, relay, sealed), -EKEYREJECTED);
		assert_int_equal(open_with(&same_id, relay, sealed), -EKEYREJECTED);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(open_with(&key, relay, sealed), 0);
}

static void wrong_key(void **unused)
{
	uint8_t sealed[NTM_TICKET_LEN], other[NTM_KEY_LEN];
	struct ntm_ticket_key bad = key;

	(void)unused;
	unhex(sealed, sizeof(sealed), golden_ticket);
	bad.key[31] ^= 1;
	assert_int_equal(open_with(&bad, relay, sealed), -EKEYREJECTED);
	bad = key;
	bad.id++;
	assert_int_equal(open_with(&bad, relay, sealed), -EKEYREJECTED);
	/* The same key at another relay: a DC that gave it to two would still not mix them up. */
	memcpy(other, relay, sizeof(other));
	other[0] ^= 1;
	assert_int_equal(open_with(&key, other, sealed), -EKEYREJECTED);
}

/* Each day, relay and DC has its own key; ids come again after 256 days, keys do not. */
static void keys_differ(void **unused)
{
	struct ntm_ticket_key again = ntm_ticket_key_make(dc_secret, relay, SAMPLE_DAY);
	uint8_t sealed[NTM_TICKET_LEN], other[NTM_KEY_LEN];

	(void)unused;
	unhex(sealed, sizeof(sealed), golden_ticket);
	assert_memory_equal(&again, &key, sizeof(again));
	for (int64_t day = SAMPLE_DAY - 300; day <= SAMPLE_DAY + 300; day++) {
		struct ntm_ticket_key of_day = ntm_ticket_key_make(dc_secret, relay, day);

		assert_int_equal(of_day.id, day & 255);
		assert_int_equal(open_with(&of_day, relay, sealed),
				 day == SAMPLE_DAY ? 0 : -EKEYREJECTED);
	}
	memcpy(other, relay, sizeof(other));
	other[31] ^= 1;
	again = ntm_ticket_key_make(dc_secret, other, SAMPLE_DAY);
	assert_memory_not_equal(again.key, key.key, sizeof(key.key));
	memcpy(other, dc_secret, sizeof(other));
	other[31] ^= 1;
	again = ntm_ticket_key_make(other, relay, SAMPLE_DAY);
	assert_memory_not_equal(again.key, key.key, sizeof(key.key));
}

/* Values that only a DC with a fault seals. */
static void out_of_range(void **unused)
{
	struct ntm_ticket ticket = sample_ticket();
	uint8_t sealed[NTM_TICKET_LEN];

	(void)unused;
	for (unsigned side = 0; side < 256; side++) {
		ticket.side = (uint8_t)side;
		ntm_ticket_seal(&ticket, &key, relay, sealed);
		assert_int_equal(open_with(&key, relay, sealed), side > 1 ? -EBADMSG : 0);
	}
	ticket = sample_ticket();
	ticket.expires_s = -1;
	ntm_ticket_seal(&ticket, &key, relay, sealed);
	assert_int_equal(open_with(&key, relay, sealed), -EBADMSG);
	ticket.expires_s = INT64_MIN;
	ntm_ticket_seal(&ticket, &key, relay, sealed);
	assert_int_equal(open_with(&key, relay, sealed), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),      cmocka_unit_test(round_trip),
		cmocka_unit_test(flipped),     cmocka_unit_test(wrong_key),
		cmocka_unit_test(keys_differ), cmocka_unit_test(out_of_range),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	sample_up(dc_secret, sizeof(dc_secret), 0x10);
	sample_up(relay, sizeof(relay), 0xb0);
	key = ntm_ticket_key_make(dc_secret, relay, SAMPLE_DAY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
