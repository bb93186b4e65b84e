/* SPDX-License-Identifier: BSD-2-Clause */
/* The zone over a real store: what is leased is found, what is revoked is gone. */
#include "store_help.h"
#include "zone_store.h"

#include <errno.h>

static void test_follows_the_store(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct zone_lookup lookup = zone_lookup_from_store(store);
	struct ntm_ip vip4, vip6, leased = ntm_ip_v4(198, 18, 0, 1);
	const char *name = "a.berlin.ntm.example";
	assert_int_equal(lookup.node_vips(lookup.arg, name, &vip4, &vip6), -ENOENT);
	assert_int_equal(lookup.vip_leased(lookup.arg, &leased), -ENOENT);
	assert_int_equal(lookup.node_below(lookup.arg, "berlin.ntm.example"), -ENOENT);

	assert_int_equal(help_add(store, name, NULL), 0);
	assert_int_equal(lookup.node_vips(lookup.arg, name, &vip4, &vip6), 0);
	assert_true(ntm_ip_eq(&vip4, &leased));
	help_ip(&vip6, "fd00:1:2::1");
	assert_int_equal(lookup.vip_leased(lookup.arg, &leased), 0);
	assert_int_equal(lookup.node_below(lookup.arg, "berlin.ntm.example"), 0);

	assert_int_equal(help_revoke(store, name), 0);
	assert_int_equal(lookup.node_vips(lookup.arg, name, &vip4, &vip6), -ENOENT);
	assert_int_equal(lookup.vip_leased(lookup.arg, &leased), -ENOENT);
	store_close(store);
}

/* A relay has a name, but no node's addresses behind it. */
static void test_relays_have_no_address(void **state)
{
	(void)state;
	struct store *store = help_open(":memory:");
	struct zone_lookup lookup = zone_lookup_from_store(store);
	static const char *const names[] = {"relay.ntm.example", "gateway.ntm.example"};
	for (size_t i = 0; i < 2; i++) {
		struct ntm_ip vip4 = {.family = 4}, vip6 = {.family = 6};
		assert_int_equal(help_add_relay(store, names[i], i == 1, NULL), 0);
		assert_int_equal(lookup.node_vips(lookup.arg, names[i], &vip4, &vip6), 0);
		assert_int_equal(vip4.family + vip6.family, 0);
	}
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_the_store),
		cmocka_unit_test(test_relays_have_no_address),
	};
	return cmocka_run_group_tests_name("zone_store", tests, NULL, NULL);
}
