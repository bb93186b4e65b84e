/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of flows against a plain list, and its labels. */
#include "flows.h"

#include "ntm/noise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX 100

static void test_bounds(void **state)
{
	struct flows flows;

	(void)state;
	for (uint32_t max = 1; max <= 5; max++) {
		assert_int_equal(flows_init(&flows, max), 0);
		for (uint64_t id = 1; id <= max; id++)
			assert_non_null(flows_add(&flows, id, 0));
		assert_null(flows_add(&flows, 99, 0));
		for (uint64_t id = 1; id <= max; id++)
			assert_true(flows_find(&flows, id)->id == id);
		assert_null(flows_find(&flows, 99));
		flows_del(&flows, flows_find(&flows, max));
		assert_non_null(flows_add(&flows, 99, 0));
		flows_fini(&flows);
	}
	/* Nothing is touched for what is not there. */
	assert_int_equal(flows_init(&flows, FLOWS_MAX), 0);
	assert_int_equal(flows.touched, 0);
	assert_null(flows_at(&flows, 0));
	flows_fini(&flows);
}

static void test_labels(void **state)
{
	struct flows flows;
	struct flow *flow;
	uint32_t label, same = 0;

	(void)state;
	assert_int_equal(flows_init(&flows, MAX), 0);
	flow = flows_add(&flows, 1, 0);
	label = flow->label;
	assert_ptr_equal(flows_at(&flows, label), flow);
	for (unsigned bit = 0; bit < 32; bit++)
		assert_null(flows_at(&flows, label ^ UINT32_C(1) << bit));
	/* A slot's next flow has another label: who comes late does not hit it. */
	for (uint64_t i = 2; i < 1000; i++) {
		flows_del(&flows, flow);
		assert_null(flows_at(&flows, label));
		assert_null(flows_at(&flows, flow->label));
		assert_ptr_equal(flows_add(&flows, i, 0), flow);
		same += flow->label == label;
		label = flow->label;
	}
	assert_in_range(same, 0, 2);
	flows_fini(&flows);
}

static void test_against_a_list(void **state)
{
	struct flows flows;
	uint64_t ids[MAX];
	size_t count = 0;

	(void)state;
	assert_int_equal(flows_init(&flows, MAX), 0);
	for (int i = 0; i < 200000; i++) {
		/* Few ids, so that the index has long runs to close up. */
		uint64_t id = ntm_random_u32() % 300;
		size_t at = 0;

		while (at < count && ids[at] != id)
			at++;
		struct flow *flow = flows_find(&flows, id);
		assert_true((flow != NULL) == (at < count));
		if (flow != NULL) {
			assert_true(flow->id == id);
			flows_del(&flows, flow);
			ids[at] = ids[--count];
		} else if (count < MAX) {
			flow = flows_add(&flows, id, 0);
			assert_non_null(flow);
			assert_ptr_equal(flows_at(&flows, flow->label), flow);
			ids[count++] = id;
		} else {
			assert_null(flows_add(&flows, id, 0));
		}
		assert_int_equal(flows.count, count);
	}
	uint32_t pos = 0;
	size_t walked = 0;
	while (flows_next(&flows, &pos) != NULL)
		walked++;
	assert_int_equal(walked, count);
	flows_fini(&flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_against_a_list),
	};

	if (ntm_crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
