/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to lists of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ntm/lists.h"

static const struct ntm_addr_list two = {
	.count = 2,
	.item = {{.ip = {.family = 4, .b = {192, 0, 2, 1}}, .port = 4330},
		 {.ip = {.family = 4, .b = {192, 0, 2, 2}}, .port = 4331}},
};

static void a_host_is_found_at_any_port(void **state)
{
	const struct ntm_ip third = ntm_ip_v4(192, 0, 2, 3);
	struct ntm_addr_list list = two;

	(void)state;
	assert_true(ntm_addr_list_has(&list, &two.item[0].ip));
	assert_true(ntm_addr_list_has(&list, &two.item[1].ip));
	assert_false(ntm_addr_list_has(&list, &third));
	list.count = 1; /* what is behind it does not count */
	assert_false(ntm_addr_list_has(&list, &two.item[1].ip));
}

static void another_port_is_a_nat_as_well(void **state)
{
	struct ntm_addr seen = two.item[1];
	struct ntm_addr_list list = two;

	(void)state;
	assert_false(ntm_addr_list_behind_nat(&list, &seen));
	seen.port = two.item[0].port;
	assert_true(ntm_addr_list_behind_nat(&list, &seen));
	seen = two.item[1];
	list.count = 1;
	assert_true(ntm_addr_list_behind_nat(&list, &seen));
	list.count = 0;
	assert_true(ntm_addr_list_behind_nat(&list, &seen));
}

static void the_same_are_the_same_in_order(void **state)
{
	struct ntm_addr_list list = two;

	(void)state;
	assert_true(ntm_addr_list_eq(&list, &two));
	list.item[1].port++;
	assert_false(ntm_addr_list_eq(&list, &two));
	list.count = 1;
	assert_false(ntm_addr_list_eq(&list, &two));
	assert_false(ntm_addr_list_eq(&two, &list));
	list.item[0] = two.item[1];
	list.item[1] = two.item[0];
	list.count = 2;
	assert_false(ntm_addr_list_eq(&list, &two));
	list.count = 0;
	assert_true(ntm_addr_list_eq(&list, &(const struct ntm_addr_list){.count = 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_found_at_any_port),
		cmocka_unit_test(another_port_is_a_nat_as_well),
		cmocka_unit_test(the_same_are_the_same_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
