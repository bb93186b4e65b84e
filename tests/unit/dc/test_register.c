/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is registered while the store fails, and who is not. */
#include "dcworld.h"

#include "dc_priv.h"

#define ALICE "alice.ntm.example"
#define BOB   "bob.ntm.example"

/* Who is in stays in, with the certificate that he has, as long as that is valid. */
static void store_fails(void **state)
{
	struct world *w = *state;
	struct client *a, *b, *rs;
	struct ntm_cert first, cert;
	unsigned from;

	w->settings.cert_lifetime_s = 1000;
	w->settings.lifetime_s = 10000;
	stop_dc(w);
	start_dc(w);
	a = node_new(w, 0, ALICE);
	rs = relay_new(w, 2, "rs.ntm.example");
	first = check_cert(w, &a->reg.cert);
	b = client_new(w, 1, BOB);
	assert_int_equal(help_add(w->store, BOB, NULL), 0);
	put_token(w, BOB, 2, NOW + DAY);
	client_join(b, 2);
	assert_int_equal(b->answers, 1);

	break_table(w, "node", true);
	break_table(w, "cert", true);
	from = w->line_count;
	client_open(b);
	run(w, 30 * 1000);
	assert_int_equal(b->up, 0);
	assert_true(lines_with(w, from, "nobody can come in: ") > 0);
	assert_true(lines_with(w, from, "no such table: node") > 0);
	/* Past half of its life. */
	run(w, 500 * 1000);
	rs->reported = a->registered = 0;
	client_register(a);
	run(w, 2100);
	assert_true(a->registered > 0);
	cert = check_cert(w, &a->reg.cert);
	assert_int_equal(cert.serial, first.serial);
	assert_true(rs->reported > 0);
	assert_true(lines_with(w, from, "node=" ALICE " gets no new certificate: ") > 0);
	assert_true(lines_with(w, from, "relay=rs.ntm.example gets no new certificate: ") > 0);
	/* And past all of it. */
	run(w, 500 * 1000);
	rs->reported = a->registered = 0;
	client_register(a);
	run(w, 4000);
	assert_int_equal(a->registered, 0);
	assert_int_equal(rs->reported, 0);

	break_table(w, "node", false);
	break_table(w, "cert", false);
	client_register(a);
	run(w, 10 * 1000);
	assert_true(a->registered > 0);
	cert = check_cert(w, &a->reg.cert);
	assert_true(cert.serial > first.serial);
	assert_true(rs->reported > 0);
	assert_int_equal(b->up, 1);
	assert_int_equal(b->registered, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(store_fails, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("register", tests, NULL, NULL);
}
