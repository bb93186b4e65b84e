/* SPDX-License-Identifier: BSD-2-Clause */
/* Revocations between domains, without a session: what is taken, how much, and to whom it goes. */
#include "dcworld.h"

#include "direction_priv.h"

#define ALICE "alice.ntm.example"
#define BOB   "bob.ntm.example"
#define P     "p.example"
#define Q     "q.example"

static void pin(struct world *w, const char *domain, const char *prefix4, const char *prefix6)
{
	struct trust_pin pin = {.mode = TRUST_PINNED, .has_root = true, .root = {1}};
	struct got got = {0};

	strcpy(pin.domain, domain);
	assert_int_equal(ntm_prefix_parse(&pin.prefix4, prefix4), 0);
	assert_int_equal(ntm_prefix_parse(&pin.prefix6, prefix6), 0);
	store_pin_put(w->store, &pin, got_done, &got);
	assert_int_equal(got.err, 0);
	assert_int_equal(dc_trust_changed(w->dc), 0);
}

static int setup(void **state)
{
	struct world *w = world_new();

	*state = w;
	pin(w, P, "198.19.0.0/16", "fd00:1:3::/48");
	pin(w, Q, "198.20.0.0/16", "fd00:1:4::/48");
	return 0;
}

static struct foreign *dc_of(struct world *w, const char *domain)
{
	return foreign_by_domain(w->dc, domain);
}

static struct ntm_msg revoked(uint64_t serial, uint32_t key, const char *vip4, const char *vip6)
{
	struct ntm_msg msg = {.type = NTM_MSG_REVOKED, .revoked = {.serial = serial}};

	memcpy(msg.revoked.key, &key, sizeof(key));
	if (vip4[0] != '\0')
		assert_int_equal(ntm_ip_parse(&msg.revoked.vip4, vip4), 0);
	if (vip6[0] != '\0')
		assert_int_equal(ntm_ip_parse(&msg.revoked.vip6, vip6), 0);
	return msg;
}

static void say(struct foreign *foreign, uint64_t serial, uint32_t key, const char *vip4)
{
	struct ntm_msg msg = revoked(serial, key, vip4, "");

	revoke_on_foreign(foreign, &msg);
}

static void goes_to_all_nodes(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE), *late;
	struct ntm_msg msg = revoked(7, 1, "198.19.0.9", "fd00:1:3::9");

	revoke_on_foreign(dc_of(w, P), &msg);
	run(w, 100);
	assert_int_equal(a->void_count, 1);
	assert_int_equal(a->voids[0].serial, 7);
	assert_memory_equal(a->voids[0].key, msg.revoked.key, NTM_KEY_LEN);
	help_ip(&a->voids[0].vip4, "198.19.0.9");
	help_ip(&a->voids[0].vip6, "fd00:1:3::9");
	revoke_on_foreign(dc_of(w, P), &msg); /* a copy */
	run(w, 100);
	assert_int_equal(a->void_count, 1);
	late = node_new(w, 1, BOB);
	run(w, 100);
	assert_int_equal(late->void_count, 1);
	assert_int_equal(late->voids[0].serial, 7);
	assert_int_equal(w->dc->counters.malformed, 0);
}

static void one_number_in_two_domains(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE), *b = node_new(w, 1, BOB);
	struct got got = {0};

	say(dc_of(w, P), 1, 1, "198.19.0.1");
	say(dc_of(w, Q), 1, 1, "198.20.0.1");
	dc_revoke(w->dc, ALICE, got_node, &got); /* serial 1 too */
	assert_int_equal(got.err, 0);
	run(w, 100);
	assert_int_equal(w->dc->revocations.count, 3);
	assert_int_equal(b->void_count, 3);
	assert_int_equal(a->down, 1);
}

static void only_of_its_own_addresses(void **state)
{
	static const struct {
		const char *vip4, *vip6;
	} wrong[] = {
		{"", ""},
		{"198.20.0.1", ""},
		{"", "fd00:1:4::1"},
		{"198.18.0.1", "fd00:1:2::1"}, /* ours */
		{"198.19.0.1", "fd00:1:4::1"},
		{"198.20.0.1", "fd00:1:3::1"},
		{"203.0.113.1", ""}, /* nobody's */
		{"198.19.0.1", "::"},
	};
	const size_t count = sizeof(wrong) / sizeof(wrong[0]);
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct foreign *p = dc_of(w, P);

	for (size_t i = 0; i < count; i++) {
		struct ntm_msg msg = revoked(i, 1, wrong[i].vip4, wrong[i].vip6);
		unsigned lines = w->info_count;

		run(w, 10000);
		revoke_on_foreign(p, &msg);
		assert_int_equal(w->info_count - lines, 1);
		assert_int_equal(w->dc->counters.malformed, i + 1);
	}
	run(w, 1000);
	assert_int_equal(w->dc->revocations.count, 0);
	assert_int_equal(a->void_count, 0);
	say(p, 1, 1, "198.19.255.255");
	assert_int_equal(w->dc->revocations.count, 1);
}

/* Whatever key it names: ours are ended by our operator. */
static void ends_nobody_here(void **state)
{
	struct world *w = *state;
	struct client *a = node_new(w, 0, ALICE);
	struct ntm_msg msg = revoked(1, 0, "198.19.0.1", "");

	memcpy(msg.revoked.key, a->keys.pub, NTM_KEY_LEN);
	revoke_on_foreign(dc_of(w, P), &msg);
	run(w, 1000);
	assert_true(dc_is_online(w->dc, ALICE));
	assert_int_equal(a->down, 0);
	ntm_link_restart(a->link, NULL, 0);
	run(w, 1000);
	assert_true(dc_is_online(w->dc, ALICE));
}

static void bounded(void **state)
{
	struct world *w = *state;
	struct foreign *p = dc_of(w, P);
	struct client *a = node_new(w, 0, ALICE);
	struct got got = {0};

	node_new(w, 1, BOB);
	a->is_mute = true;
	say(dc_of(w, Q), 1, 0, "198.20.0.1");
	dc_revoke(w->dc, BOB, got_node, &got);
	for (uint32_t i = 0; i < REVOKE_BURST; i++)
		say(p, i, 1000 + i, "198.19.0.1");
	assert_int_equal(w->dc->revocations.count, REVOKE_FOREIGN_MAX + 2);
	assert_int_equal(p->counters.limited, 0);
	say(p, 5000, 5000, "198.19.0.1"); /* not now */
	assert_int_equal(p->counters.limited, 1);
	say(p, 3, 1003, "198.19.0.1"); /* known: costs nothing */
	assert_int_equal(p->counters.limited, 1);
	run(w, 1000);
	for (uint32_t i = 0; i < 2 * REVOKE_RATE_PER_S; i++)
		say(p, 5000 + i, 5000 + i, "198.19.0.1");
	assert_int_equal(p->counters.limited, 1 + REVOKE_RATE_PER_S);
	assert_int_equal(w->dc->revocations.count, REVOKE_FOREIGN_MAX + 2);
	/* The oldest went, of this domain only. */
	for (uint32_t i = 0; i <= REVOKE_RATE_PER_S; i++) {
		struct ntm_msg msg = revoked(i, 1000 + i, "", "");

		assert_int_equal(revoke_find(&w->dc->revocations, p, &msg.revoked) != NULL,
				 i == REVOKE_RATE_PER_S);
	}
	assert_ptr_equal(w->dc->revocations.item[0].from, dc_of(w, Q));
	assert_null(w->dc->revocations.item[1].from);
}

/* Those of before are told in full, although the list has changed under the way. */
static void told_while_the_list_changes(void **state)
{
	struct world *w = *state;
	struct foreign *p = dc_of(w, P);
	struct client *a = node_new(w, 0, ALICE);

	for (uint32_t i = 0; i < 30; i++)
		say(p, i, 1000 + i, "198.19.0.1");
	run(w, 5); /* eight are on their way */
	for (size_t i = 0; i < 20; i++)
		revoke_remove(&w->dc->revocations, 0);
	for (uint32_t i = 30; i < 40; i++)
		say(p, i, 1000 + i, "198.19.0.1");
	run(w, 1000);
	assert_int_equal(a->void_count, 8 + 20);
	for (unsigned i = 8; i < a->void_count; i++)
		assert_int_equal(a->voids[i].serial, 20 + i - 8);
}

/* As long as certificates of ours live, since it was said last. */
static void kept_for_a_while(void **state)
{
	struct world *w = *state;
	struct foreign *p = dc_of(w, P);
	int64_t keep_ms = 1000 * (w->settings.cert_lifetime_s + NTM_CERT_SKEW_S);
	struct client *late;

	say(p, 1, 1, "198.19.0.1");
	say(p, 2, 2, "198.19.0.2");
	set_time(w, w->timers.now_ms + keep_ms / 2);
	say(p, 2, 2, "198.19.0.2");
	set_time(w, w->timers.now_ms + keep_ms / 2);
	late = node_new(w, 0, ALICE);
	run(w, 100);
	assert_int_equal(late->void_count, 1);
	assert_int_equal(late->voids[0].serial, 2);
	say(p, 3, 3, "198.19.0.3"); /* makes order */
	assert_int_equal(w->dc->revocations.count, 2);
}

static void ends_with_the_trust(void **state)
{
	struct world *w = *state;
	struct got got = {0};

	say(dc_of(w, P), 1, 1, "198.19.0.1");
	say(dc_of(w, Q), 1, 1, "198.20.0.1");
	pin(w, Q, "198.21.0.0/16", "fd00:1:4::/48"); /* other addresses: said before it moved */
	assert_int_equal(w->dc->revocations.count, 1);
	store_pin_remove(w->store, P, got_done, &got);
	assert_int_equal(dc_trust_changed(w->dc), 0);
	assert_int_equal(w->dc->revocations.count, 0);
}

static void a_direction_to_it_is_not_shared(void **state)
{
	struct world *w = *state;
	struct direction direction = {.dc = w->dc};
	struct side *side = &direction.cn;
	uint32_t key = 1;

	memcpy(side->key, &key, sizeof(key));
	strcpy(side->domain, P);
	assert_true(direction_is_current(&direction, side));
	say(dc_of(w, Q), 1, key, "198.20.0.1");
	assert_true(direction_is_current(&direction, side));
	say(dc_of(w, P), 1, key, "198.19.0.1");
	assert_false(direction_is_current(&direction, side));
}

/* ---- telling ---- */

static void revoke_nodes(struct world *w, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct store_node node;
		struct got got = {0};
		char name[64];

		snprintf(name, sizeof(name), "n%u.ntm.example", i);
		assert_int_equal(help_add(w->store, name, &node), 0);
		assert_int_equal(help_token(w->store, node.id, (uint8_t)i), 0);
		assert_int_equal(help_use(w->store, (uint8_t)i, (uint8_t)(100 + i), NOW, NULL), 0);
		dc_revoke(w->dc, name, got_node, &got);
		assert_int_equal(got.err, 0);
	}
}

/* Only of ours, some at a time, and nothing before there has been a session. */
static void a_few_at_a_time(void **state)
{
	struct world *w = *state;
	struct foreign *p = dc_of(w, P), *q = dc_of(w, Q);

	say(q, 1, 1, "198.20.0.1");
	p->state = FOREIGN_UP; /* as far as telling goes */
	revoke_tell_foreign(p);
	assert_int_equal(p->telling, 0);
	revoke_nodes(w, 1, 3);
	assert_int_equal(p->telling, 2);
	revoke_nodes(w, 3, 20);
	assert_int_equal(p->telling, REVOKE_TELLING_MAX);
	assert_int_equal(q->telling, 0);
	assert_false(ntm_timer_armed(&q->again));
	/* The session goes: all anew, later. */
	ntm_ctl_reset(p->ctl);
	assert_int_equal(p->telling, 0);
	assert_int_equal(p->told, 0);
	assert_true(ntm_timer_armed(&p->again));
	run(w, REVOKE_AGAIN_MS);
	assert_int_equal(p->telling, REVOKE_TELLING_MAX);
}

/* Of what is in the store from before, the addresses are known too. */
static void after_a_restart(void **state)
{
	struct world *w = *state;
	const struct revocation *entry;

	revoke_nodes(w, 1, 2);
	stop_dc(w);
	start_dc(w);
	entry = revoke_next(w->dc, 0);
	assert_non_null(entry);
	help_ip(&entry->told.vip4, "198.18.0.1");
	help_ip(&entry->told.vip6, "fd00:1:2::1");
	dc_of(w, P)->state = FOREIGN_UP;
	revoke_tell_foreign(dc_of(w, P));
	assert_int_equal(dc_of(w, P)->telling, 1);
}

static void ask_nothing(struct foreign *foreign, unsigned count)
{
	struct ntm_msg msg = {.type = NTM_MSG_PING};

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(ntm_ctl_request(foreign->ctl, &msg, NULL, NULL, NULL), 0);
}

/* No room among the requests: later. */
static void channel_is_full(void **state)
{
	struct world *w = *state;
	struct foreign *p = dc_of(w, P);

	p->state = FOREIGN_UP;
	ask_nothing(p, NTM_CTL_OPEN_MAX);
	revoke_nodes(w, 1, 2);
	assert_int_equal(p->telling, 0);
	ntm_ctl_reset(p->ctl);
	run(w, REVOKE_AGAIN_MS);
	assert_int_equal(p->telling, 1);
}

/* Less and less often, to a DC that is gone for good. */
static void again_less_often(void **state)
{
	struct world *w = *state;
	struct foreign *p = dc_of(w, P);
	unsigned rounds = 0;

	p->counters.sessions = 1;
	revoke_nodes(w, 1, 2);
	for (int64_t end_ms = w->timers.now_ms + 6 * DAY * INT64_C(1000);
	     w->timers.now_ms < end_ms && ntm_timer_armed(&p->again); rounds++)
		run(w, p->again.due_ms - w->timers.now_ms);
	assert_in_range(rounds, 6 * 24, 6 * 24 + 13);
	run(w, 2 * DAY * INT64_C(1000)); /* the certificate has run out */
	assert_false(ntm_timer_armed(&p->again));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(goes_to_all_nodes),
		T(one_number_in_two_domains),
		T(only_of_its_own_addresses),
		T(ends_nobody_here),
		T(bounded),
		T(told_while_the_list_changes),
		T(kept_for_a_while),
		T(ends_with_the_trust),
		T(a_direction_to_it_is_not_shared),
		T(a_few_at_a_time),
		T(after_a_restart),
		T(channel_is_full),
		T(again_less_often),
	};

	return cmocka_run_group_tests_name("revoke_foreign", tests, NULL, NULL);
}
