/* SPDX-License-Identifier: BSD-2-Clause */
/* A trusted domain whose DC lies: as DC_MN about who asks, as DC_CN about who is asked for. */
#include "sim_two.h"

#include "dc_priv.h"
#include "node_priv.h"
#include "tunnel_priv.h"

struct evil {
	struct two two; /* b is the evil one */
	struct sim_dc *c;
	struct sim_node *anna, *cecil;
	struct ntm_cert mallory;                /* of b, sound */
	struct ntm_msg_information_request req; /* about mallory and alice, sound */
};

/* What came back for a request by hand. */
struct answer {
	bool is_there;
	int err;
	struct ntm_msg msg;
};

static void on_answer(void *arg, int err, const struct ntm_msg *reply)
{
	struct answer *answer = arg;

	answer->is_there = true;
	answer->err = err;
	if (err == 0)
		answer->msg = *reply;
}

static void sign(const struct ntm_cert *cert, const struct ntm_root *root,
		 struct ntm_cert_blob *blob)
{
	blob->len = (uint16_t)ntm_cert_sign(cert, root, blob->data);
	assert_true(blob->len > 0);
}

static void make_mallory(struct evil *evil)
{
	struct ntm_keys keys;

	ntm_keys_make(&keys);
	evil->mallory = (struct ntm_cert){.type = NTM_CERT_NODE,
					  .serial = 4711,
					  .not_before_s = SIM_NOW_S - 100,
					  .not_after_s = SIM_NOW_S + 86400,
					  .fqdn = "mallory.b.example",
					  .vip4 = sim_ip("198.19.6.6"),
					  .vip6 = sim_ip("fd00:1:3::666")};
	memcpy(evil->mallory.key, keys.pub, NTM_KEY_LEN);
	evil->req = (struct ntm_msg_information_request){.fqdn_cn = "alice.a.example",
							 .reason = NTM_REASON_NAME,
							 .correlation = 0xbad,
							 .reflexive = sim_addr("192.0.2.66", 4330),
							 .own = {.count = 1,
								 .item = {sim_addr("192.0.2.66",
										   4330)}}};
	sign(&evil->mallory, &evil->two.b->root, &evil->req.cert);
}

/* The DCs have a session; the world is quiet. */
static void evil_up(struct sim *sim, struct evil *evil)
{
	struct two *two = &evil->two;

	two_dcs(sim, two);
	evil->c = sim_dc_new(sim, "c.example", "192.0.2.3");
	sim_trust_each_other(two->a, two->b);
	sim_trust_each_other(two->a, evil->c);
	two_nodes(two, NULL, NULL);
	evil->anna = sim_node_up(two->a, &sim->internet, "192.0.2.12", "anna");
	evil->cecil = sim_node_up(evil->c, &sim->internet, "192.0.2.40", "cecil");
	sim_run(sim, 500);
	two_warm(two);
	make_mallory(evil);
}

static struct foreign *to_a(const struct evil *evil)
{
	return foreign_by_domain(evil->two.b->dc, "a.example");
}

static struct foreign *at_a(const struct evil *evil)
{
	return foreign_by_domain(evil->two.a->dc, "b.example");
}

static void ask(struct evil *evil, const struct ntm_msg_information_request *req,
		struct answer *answer)
{
	struct ntm_msg msg = {.type = NTM_MSG_INFORMATION_REQUEST, .information_request = *req};

	*answer = (struct answer){.err = 0};
	assert_int_equal(ntm_ctl_request(to_a(evil)->ctl, &msg, on_answer, answer, NULL), 0);
}

static void check_refused(struct evil *evil, const struct ntm_msg_information_request *req,
			  const char *part)
{
	struct sim *sim = evil->two.sim;
	uint64_t refused = at_a(evil)->counters.refused;
	struct answer answer;

	ask(evil, req, &answer);
	sim_run(sim, 1000);
	assert_true(answer.is_there);
	assert_int_equal(answer.err, 0);
	assert_int_equal(answer.msg.type, NTM_MSG_DIRECTION_ERROR);
	assert_int_equal(answer.msg.direction_error.code, NTM_DIR_UNTRUSTED);
	sim_assert_says(answer.msg.direction_error.words, part);
	assert_int_equal(at_a(evil)->counters.refused, refused + 1);
	assert_int_equal(sim_tunnel_count(evil->two.alice), 0);
	assert_true(dc_is_online(evil->two.a->dc, "alice.a.example"));
}

static void check_cert_refused(struct evil *evil, const struct ntm_cert *cert, const char *part)
{
	struct ntm_msg_information_request req = evil->req;

	sign(cert, &evil->two.b->root, &req.cert);
	check_refused(evil, &req, part);
}

/* ---- as DC_MN ---- */

/* By hand it works as long as nothing is wrong: what is refused below is refused for its fault. */
static void sound_request(void **state)
{
	struct evil evil;
	struct answer answer;

	evil_up(*state, &evil);
	ask(&evil, &evil.req, &answer);
	sim_run(*state, 200);
	assert_true(answer.is_there);
	assert_int_equal(answer.msg.type, NTM_MSG_INFORMATION_RESPONSE);
	assert_int_equal(sim_tunnel_count(evil.two.alice), 1); /* awaits mallory */
	sim_run(*state, 20000);
	assert_int_equal(sim_tunnel_count(evil.two.alice), 0);
}

static void mn_of_wrong_name(void **state)
{
	static const char *const names[] = {"mallory.c.example", "mallory.example", "b.example.org",
					    "mallory.a.example", "xb.example"};
	struct evil evil;

	evil_up(*state, &evil);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ntm_cert cert = evil.mallory;

		strcpy(cert.fqdn, names[i]);
		check_cert_refused(&evil, &cert, names[i]);
	}
}

static void mn_of_wrong_vip(void **state)
{
	static const char *const vips[] = {"198.18.0.1",  "198.20.0.1",  "192.0.2.66",
					   "fd00:1:2::1", "fd00:1:4::1", "2001:db8::1"};
	struct evil evil;

	evil_up(*state, &evil);
	for (size_t i = 0; i < sizeof(vips) / sizeof(vips[0]); i++) {
		struct ntm_cert cert = evil.mallory;
		struct ntm_ip vip = sim_ip(vips[i]);

		if (vip.family == 4)
			cert.vip4 = vip;
		else
			cert.vip6 = vip;
		check_cert_refused(&evil, &cert, "is outside of the prefix pinned for b.example");
	}
}

static void mn_of_wrong_cert(void **state)
{
	struct ntm_msg_information_request req;
	struct ntm_cert cert;
	struct evil evil;

	evil_up(*state, &evil);
	cert = evil.mallory;
	cert.not_after_s = SIM_NOW_S - 10;
	cert.not_before_s = SIM_NOW_S - 7 * 86400;
	cert.not_after_s = SIM_NOW_S - NTM_CERT_SKEW_S - 10;
	check_cert_refused(&evil, &cert, "is not valid now");
	cert = evil.mallory;
	cert.type = NTM_CERT_RELAY;
	cert.vip4 = cert.vip6 = (struct ntm_ip){.family = 0};
	check_cert_refused(&evil, &cert, "is not one of a node");
	req = evil.req;
	sign(&evil.mallory, &evil.c->root, &req.cert);
	check_refused(&evil, &req, "is not signed by the root that is pinned");
	req.cert = evil.cecil->lease.cert; /* a node of another domain */
	check_refused(&evil, &req, "is not signed by the root that is pinned");
	req.cert = evil.anna->lease.cert; /* of the very domain that it asks */
	check_refused(&evil, &req, "is not signed by the root that is pinned");
	req = evil.req;
	req.cert.data[40] ^= 1;
	check_refused(&evil, &req, "a certificate from b.example");
}

/* The key of somebody else under a name of b's: theirs is not to be disturbed. */
static void mn_with_a_key_of_ours(void **state)
{
	const struct sim_want *want;
	struct ntm_cert cert;
	struct evil evil;

	evil_up(*state, &evil);
	cert = evil.mallory;
	memcpy(cert.key, evil.two.alice->lease.keys.pub, NTM_KEY_LEN);
	check_cert_refused(&evil, &cert, "mallory.b.example has the key of a node of a.example");
	memcpy(cert.key, evil.anna->lease.keys.pub, NTM_KEY_LEN);
	check_cert_refused(&evil, &cert, "mallory.b.example has the key of a node of a.example");
	want = sim_want_now(evil.anna, evil.two.alice, SIM_BY_VIP4);
	assert_int_equal(want->err, 0);
}

/* A direction of two others is neither given away nor ended. */
static void mn_with_a_key_of_a_third_domain(void **state)
{
	struct ntm_msg_information_request req;
	const struct sim_want *want;
	struct answer answer;
	struct ntm_cert cert;
	struct evil evil;

	evil_up(*state, &evil);
	want = sim_want_now(evil.cecil, evil.two.alice, SIM_BY_NAME);
	assert_int_equal(want->err, 0);
	cert = evil.mallory;
	memcpy(cert.key, evil.cecil->lease.keys.pub, NTM_KEY_LEN);
	req = evil.req;
	req.fqdn_cn[0] = '\0';
	req.vip_cn = evil.two.alice->lease.vip4;
	req.reflexive = req.own.item[0] = evil.cecil->addr; /* as its DC says */
	sign(&cert, &evil.two.b->root, &req.cert);
	ask(&evil, &req, &answer);
	sim_run(*state, 200);
	assert_true(answer.is_there);
	if (answer.msg.type == NTM_MSG_INFORMATION_RESPONSE)
		assert_memory_not_equal(answer.msg.information_response.pair,
					sim_pair_of(evil.two.alice, evil.cecil), NTM_PAIR_LEN);
	sim_say(evil.cecil, evil.two.alice, 4, 9999, "hello");
	sim_run(*state, 200);
	assert_string_equal(evil.two.alice->data, "hello");
	assert_int_equal(sim_check_peers(evil.two.alice), 1);
}

static void mn_is_nowhere(void **state)
{
	static const char *const places[] = {"127.0.0.1",   "224.0.0.1",  "255.255.255.255",
					     "198.18.0.9",  "198.19.0.1", "198.20.0.1",
					     "::1",         "ff02::1",    "fd00:1:2::9",
					     "fd00:1:3::1", "fd00:1:4::1"};
	struct evil evil;

	evil_up(*state, &evil);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct ntm_msg_information_request req = evil.req;

		req.reflexive = sim_addr(places[i], 4330);
		check_refused(&evil, &req, "mallory.b.example is said to be where nothing");
	}
}

struct sent {
	struct ntm_addr from;
	unsigned count, strange;
};

/* Datagrams of alice's that go neither to the DC nor to where mallory said to be. */
static void on_datagram(void *arg, const struct ntm_addr *from, const struct ntm_addr *to,
			const uint8_t *data, size_t len)
{
	struct sent *sent = arg;
	struct ntm_ip dc = sim_ip("192.0.2.1"), mallory = sim_ip("192.0.2.66");

	(void)data;
	(void)len;
	if (!ntm_addr_eq(from, &sent->from))
		return;
	sent->count++;
	if (!ntm_ip_eq(&to->ip, &dc) && !ntm_ip_eq(&to->ip, &mallory))
		sent->strange++;
}

/* Own addresses that are no real ones are left out of what alice is told. */
static void mn_has_strange_own_addresses(void **state)
{
	struct sim *sim = *state;
	struct ntm_msg_information_request req;
	struct sent sent = {.count = 0};
	struct answer answer;
	struct evil evil;

	evil_up(sim, &evil);
	req = evil.req;
	req.own.count = 5;
	req.own.item[1] = sim_addr("198.18.0.9", 4330);
	req.own.item[2] = sim_addr("198.20.0.1", 4330);
	req.own.item[3] = sim_addr("127.0.0.1", 4330);
	req.own.item[4] = sim_addr("198.19.0.1", 4330);
	/* alice is the one that sends: she is behind a NAT, as far as her DC knows. */
	registry_by_name(&evil.two.a->dc->registry, "alice.a.example")->card.behind_nat = true;
	sent.from = evil.two.alice->addr;
	sim->tap = on_datagram;
	sim->tap_arg = &sent;
	ask(&evil, &req, &answer);
	sim_run(sim, 1000);
	assert_int_equal(answer.msg.type, NTM_MSG_INFORMATION_RESPONSE);
	assert_int_equal(answer.msg.information_response.role, NTM_ROLE_ANSWERS);
	assert_true(sent.count > 1);
	assert_int_equal(sent.strange, 0);
	sim->tap = NULL;
}

/* ---- too much ---- */

static void more_than_the_rate(void **state)
{
	struct sim *sim = *state;
	static struct answer answer[60];
	unsigned busy = 0;
	uint64_t lines;
	struct evil evil;

	evil_up(sim, &evil);
	strcpy(evil.req.fqdn_cn, "nobody.a.example");
	lines = sim->lines;
	for (unsigned round = 0; round < 20; round++) { /* 1200 in 2 s */
		for (unsigned i = 0; i < 60; i++)
			ask(&evil, &evil.req, &answer[i]);
		sim_run(sim, 100);
		for (unsigned i = 0; i < 60; i++) {
			assert_true(answer[i].is_there);
			busy += answer[i].msg.direction_error.code == NTM_DIR_BUSY;
		}
	}
	sim_assert_says(answer[59].msg.direction_error.words,
			"b.example asks for more than 100 directions a second");
	print_message("# 1200 requests in 2 s: %u refused as too many, %llu lines of log\n", busy,
		      (unsigned long long)(sim->lines - lines));
	assert_in_range(busy, 1200 - FOREIGN_BURST - 2 * FOREIGN_RATE_PER_S - 20,
			1200 - FOREIGN_BURST - 2 * FOREIGN_RATE_PER_S + 20);
	assert_int_equal(at_a(&evil)->counters.limited, busy);
	assert_true(sim->lines - lines <= 10);
	/* Others are served, and so is b when it is moderate again. */
	assert_int_equal(sim_want_now(evil.cecil, evil.two.alice, SIM_BY_NAME)->err, 0);
	sim_run(sim, 3000);
	assert_int_equal(sim_want_now(evil.two.bob, evil.two.alice, SIM_BY_NAME)->err, 0);
}

/* The same fault again and again is one line, and then silence for a while. */
static void logged_once(void **state)
{
	struct sim *sim = *state;
	struct answer answer;
	uint64_t lines;
	struct evil evil;

	evil_up(sim, &evil);
	sign(&evil.mallory, &evil.c->root, &evil.req.cert);
	lines = sim->lines;
	for (unsigned i = 0; i < 500; i++) {
		ask(&evil, &evil.req, &answer);
		sim_run(sim, 50);
	}
	print_message("# 500 refusals in 25 s: %llu lines of log\n",
		      (unsigned long long)(sim->lines - lines));
	assert_in_range(sim->lines - lines, 1, 10);
	assert_true(at_a(&evil)->counters.refused >= 500);
}

/* ---- as DC_CN ---- */

static void check_answer_refused(struct evil *evil, const char *part)
{
	struct two *two = &evil->two;
	const struct sim_want *want = sim_want_now(two->alice, two->bob, SIM_BY_NAME);

	print_message("# \"%s\"\n", want->words);
	assert_int_equal(want->code, NTM_DIR_UNTRUSTED);
	sim_assert_says(want->words, part);
	sim_run(two->sim, TUNNEL_NEGATIVE_MS + 500);
	assert_int_equal(sim_tunnel_count(two->alice), 0);
}

static struct registry_node *bob_at_b(const struct evil *evil)
{
	return registry_by_name(&evil->two.b->dc->registry, "bob.b.example");
}

static void cn_is_another(void **state)
{
	struct ntm_cert cert;
	struct evil evil;

	evil_up(*state, &evil);
	sign(&evil.mallory, &evil.two.b->root, &bob_at_b(&evil)->cert.blob);
	check_answer_refused(&evil, "about another node");
	cert = evil.mallory;
	strcpy(cert.fqdn, "bob.b.example");
	cert.vip4 = evil.anna->lease.vip4;
	sign(&cert, &evil.two.b->root, &bob_at_b(&evil)->cert.blob);
	check_answer_refused(&evil, "outside of the prefix");
	bob_at_b(&evil)->cert.blob = evil.cecil->lease.cert;
	check_answer_refused(&evil, "not signed by the root");
	cert = evil.mallory;
	strcpy(cert.fqdn, "bob.b.example");
	memcpy(cert.key, evil.two.alice->lease.keys.pub, NTM_KEY_LEN);
	sign(&cert, &evil.two.b->root, &bob_at_b(&evil)->cert.blob);
	check_answer_refused(&evil, "about another node");
}

static void cn_is_nowhere(void **state)
{
	static const char *const places[] = {"127.0.0.1", "224.0.0.1", "198.18.0.9", "198.20.0.1"};
	struct evil evil;

	evil_up(*state, &evil);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bob_at_b(&evil)->card.reflexive = sim_addr(places[i], 4330);
		check_answer_refused(&evil, "about no place");
	}
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, sim_setup, sim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(sound_request),         scenario(mn_of_wrong_name),
		scenario(mn_of_wrong_vip),       scenario(mn_of_wrong_cert),
		scenario(mn_with_a_key_of_ours), scenario(mn_with_a_key_of_a_third_domain),
		scenario(mn_is_nowhere),         scenario(mn_has_strange_own_addresses),
		scenario(more_than_the_rate),    scenario(logged_once),
		scenario(cn_is_another),         scenario(cn_is_nowhere),
	};

	return sim_main("domains_hostile", tests, sizeof(tests) / sizeof(tests[0]));
}
