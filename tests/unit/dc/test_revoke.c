/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of revocations: places that stay, what has run out, one number in two domains. What a DC
 * does with it is in test_dc.c and test_revoke_foreign.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dc_priv.h"

#define NOW_S 1800000000

struct side {
	struct ntm_timers timers;
	struct dc dc;
	struct foreign a, b;
};

static int setup(void **state)
{
	struct side *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	ntm_timers_init(&s->timers);
	ntm_timers_advance(&s->timers, 1000, INT64_C(1000) * NOW_S);
	s->dc.timers = &s->timers;
	s->a.dc = s->b.dc = &s->dc;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct side *s = *state;

	revoke_fini(&s->dc.revocations);
	free(s);
	return 0;
}

static void add(struct side *s, const struct foreign *from, uint64_t serial, uint8_t key,
		int64_t end_s)
{
	struct revocation entry = {.from = from, .told = {.serial = serial}, .end_s = end_s};

	memset(entry.told.key, key, sizeof(entry.told.key));
	assert_int_equal(revoke_add(&s->dc.revocations, &entry), 0);
}

static const struct revocation *find(struct side *s, const struct foreign *from, uint64_t serial,
				     uint8_t key)
{
	struct ntm_msg_revoked told = {.serial = serial};

	memset(told.key, key, sizeof(told.key));
	return revoke_find(&s->dc.revocations, from, &told);
}

static void places_stay(void **state)
{
	struct side *s = *state;

	assert_null(revoke_next(&s->dc, 0));
	for (uint8_t i = 0; i < 40; i++)
		add(s, NULL, i, i, NOW_S);
	revoke_remove(&s->dc.revocations, 39);
	revoke_remove(&s->dc.revocations, 20);
	revoke_remove(&s->dc.revocations, 0);
	add(s, NULL, 40, 40, NOW_S);
	assert_int_equal(s->dc.revocations.count, 38);
	for (uint64_t place = 0; place <= 40; place++) {
		const struct revocation *next = revoke_next(&s->dc, place);
		bool is_gone = place == 0 || place == 20 || place == 39;

		assert_int_equal(next->place, is_gone ? place + 1 : place);
		assert_int_equal(next->told.serial, next->place);
	}
	assert_null(revoke_next(&s->dc, 41));
	assert_null(revoke_next(&s->dc, UINT64_MAX));
}

static void what_has_run_out_is_not_told(void **state)
{
	struct side *s = *state;

	add(s, NULL, 1, 1, NOW_S - NTM_CERT_SKEW_S);
	add(s, NULL, 2, 2, NOW_S - NTM_CERT_SKEW_S + 1);
	add(s, &s->a, 3, 3, NOW_S - NTM_CERT_SKEW_S);
	assert_int_equal(revoke_next(&s->dc, 0)->told.serial, 2);
	assert_null(revoke_next(&s->dc, 2));
	revoke_remove_ended(&s->dc);
	assert_int_equal(s->dc.revocations.count, 1);
	assert_non_null(find(s, NULL, 2, 2));
	ntm_timers_advance(&s->timers, 2000, INT64_C(1000) * (NOW_S + 1));
	assert_null(revoke_next(&s->dc, 0));
}

static void one_number_in_two_domains(void **state)
{
	struct side *s = *state;

	add(s, NULL, 1, 1, NOW_S);
	add(s, &s->a, 1, 1, NOW_S);
	assert_non_null(find(s, NULL, 1, 1));
	assert_ptr_equal(find(s, &s->a, 1, 1)->from, &s->a);
	assert_null(find(s, &s->b, 1, 1));
	assert_null(find(s, NULL, 2, 1));
	assert_null(find(s, NULL, 1, 2));
}

static void void_for_who_says_so(void **state)
{
	struct side *s = *state;
	const uint8_t key[NTM_KEY_LEN] = {0};

	add(s, NULL, 1, 0, NOW_S);
	add(s, &s->a, 1, 0, NOW_S);
	add(s, &s->b, 1, 1, NOW_S);
	assert_true(revoke_is_void(&s->a, key));
	assert_false(revoke_is_void(&s->b, key));
	revoke_forget(&s->a);
	assert_int_equal(s->dc.revocations.count, 2);
	assert_false(revoke_is_void(&s->a, key));
	assert_non_null(find(s, NULL, 1, 0));
	assert_non_null(find(s, &s->b, 1, 1));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(places_stay),
		T(what_has_run_out_is_not_told),
		T(one_number_in_two_domains),
		T(void_for_who_says_so),
	};

	return cmocka_run_group_tests_name("revoke", tests, NULL, NULL);
}
