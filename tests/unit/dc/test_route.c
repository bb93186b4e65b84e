/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of design.md 7, without a relay and with one, and what a peer may be told to send to.
 */
#include "route.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* "a b c" */
static struct ntm_addr_list list_of(const char *text)
{
	struct ntm_addr_list list = {.count = 0};
	char copy[400], *save = NULL;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		assert_int_equal(ntm_addr_parse(&list.item[list.count++], word, 4330), 0);
	return list;
}

static struct route_card card_of(const char *reflexive, const char *own)
{
	struct route_card card = {.own = list_of(own)};

	assert_int_equal(ntm_addr_parse(&card.reflexive, reflexive, 4330), 0);
	card.behind_nat = ntm_addr_list_behind_nat(&card.own, &card.reflexive);
	return card;
}

static void assert_list(const struct ntm_addr_list *list, const char *expected, const char *what)
{
	char text[NTM_MSG_ADDRS * NTM_ADDR_STR] = "";
	char addr[NTM_ADDR_STR];

	for (uint8_t i = 0; i < list->count; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, ntm_addr_str(&list->item[i], addr));
	}
	if (strcmp(text, expected) != 0)
		fail_msg("%s: got \"%s\", expected \"%s\"", what, text, expected);
}

/* mn and cn: reflexive, own. requests: 'm', 'c', 'B' for both, or 0 for no relay. In capitals: it
 * is possible without a relay, but not sure. */
static const struct row {
	const char *what;
	const char *mn[2], *cn[2];
	char requests;
	const char *to_mn, *to_cn;
} rows[] = {
	{"open, open",
	 {"192.0.2.1", "192.0.2.1"},
	 {"192.0.2.2", "192.0.2.2"},
	 'm',
	 "192.0.2.1:4330",
	 "192.0.2.2:4330"},
	{"open, open, more addresses: reflexive first, each once, only of families in common",
	 {"192.0.2.1", "10.0.0.1 192.0.2.1 [2001:db8::1]"},
	 {"192.0.2.2", "192.0.2.2 10.0.0.2"},
	 'm',
	 "192.0.2.1:4330 10.0.0.1:4330",
	 "192.0.2.2:4330 10.0.0.2:4330"},
	{"NAT, open",
	 {"203.0.113.1:40000", "10.0.0.1"},
	 {"192.0.2.2", "192.0.2.2"},
	 'm',
	 "203.0.113.1:40000",
	 "192.0.2.2:4330"},
	{"open, NAT",
	 {"192.0.2.1", "192.0.2.1"},
	 {"203.0.113.1:40000", "10.0.0.1"},
	 'c',
	 "192.0.2.1:4330",
	 "203.0.113.1:40000"},
	{"a NAT that changes only the port",
	 {"203.0.113.1:40000", "203.0.113.1"},
	 {"192.0.2.2", "192.0.2.2"},
	 'm',
	 "203.0.113.1:40000",
	 "192.0.2.2:4330"},
	{"NAT, other NAT",
	 {"203.0.113.1:40000", "10.0.0.1"},
	 {"203.0.113.2:40000", "10.0.0.2"},
	 0,
	 NULL,
	 NULL},
	{"NAT, other NAT, both with IPv6",
	 {"203.0.113.1:40000", "10.0.0.1 fd00::1 [2001:db8:1::1]"},
	 {"203.0.113.2:40000", "10.0.0.2 [2001:db8:2::2]"},
	 'B',
	 "[2001:db8:1::1]:4330",
	 "[2001:db8:2::2]:4330"},
	{"NAT, other NAT, one with IPv6",
	 {"203.0.113.1:40000", "10.0.0.1 [2001:db8:1::1]"},
	 {"203.0.113.2:40000", "10.0.0.2"},
	 0,
	 NULL,
	 NULL},
	{"NAT, other NAT, IPv6 of one of them inside only",
	 {"203.0.113.1:40000", "10.0.0.1 [2001:db8:1::1]"},
	 {"203.0.113.2:40000", "10.0.0.2 fd00::2"},
	 0,
	 NULL,
	 NULL},
	{"NAT, open, both with IPv6: where the NAT sends first nothing has to be opened",
	 {"203.0.113.1:40000", "10.0.0.1 [2001:db8:1::1]"},
	 {"192.0.2.2", "192.0.2.2 [2001:db8:2::2]"},
	 'm',
	 "203.0.113.1:40000 [2001:db8:1::1]:4330",
	 "192.0.2.2:4330 [2001:db8:2::2]:4330"},
	{"NAT, other NAT, same inside",
	 {"203.0.113.1:40000", "10.0.0.1"},
	 {"203.0.113.2:40000", "10.0.0.1"},
	 0,
	 NULL,
	 NULL},
	{"NAT, same outside address",
	 {"203.0.113.1:40000", "10.0.0.1 10.1.0.1"},
	 {"203.0.113.1:40001", "10.0.0.2"},
	 'M',
	 "10.0.0.1:4330 10.1.0.1:4330",
	 "10.0.0.2:4330"},
	{"same outside address, CN tells no address",
	 {"203.0.113.1:40000", "10.0.0.1"},
	 {"203.0.113.1:40001", ""},
	 0,
	 NULL,
	 NULL},
	{"same outside address, MN tells no address: it requests all the same",
	 {"203.0.113.1:40000", ""},
	 {"203.0.113.1:40001", "10.0.0.2"},
	 'M',
	 "",
	 "10.0.0.2:4330"},
	{"NAT, the NAT itself",
	 {"203.0.113.1", "203.0.113.1 10.0.0.254"},
	 {"203.0.113.1:40001", "10.0.0.2"},
	 'c',
	 "203.0.113.1:4330 10.0.0.254:4330",
	 "203.0.113.1:40001"},
	{"IPv6: a router may have a firewall there",
	 {"[2001:db8::1]", "[2001:db8::1]"},
	 {"[2001:db8::2]", "[2001:db8::2]"},
	 'B',
	 "[2001:db8::1]:4330",
	 "[2001:db8::2]:4330"},
	{"no common family, open",
	 {"192.0.2.1", "192.0.2.1"},
	 {"[2001:db8::2]", "[2001:db8::2]"},
	 0,
	 NULL,
	 NULL},
	{"no common family, NAT",
	 {"203.0.113.1:40000", "10.0.0.1"},
	 {"[2001:db8::2]", "[2001:db8::2]"},
	 0,
	 NULL,
	 NULL},
	{"the DC sees them in different families, but they share one",
	 {"192.0.2.1", "192.0.2.1 [2001:db8::1]"},
	 {"[2001:db8::2]", "[2001:db8::2]"},
	 'B',
	 "[2001:db8::1]:4330",
	 "[2001:db8::2]:4330"},
	{"behind a NAT in IPv4, open peer in IPv6: its own IPv6 reaches it",
	 {"203.0.113.1:40000", "10.0.0.1 [2001:db8::1]"},
	 {"[2001:db8::2]", "[2001:db8::2]"},
	 'B',
	 "[2001:db8::1]:4330",
	 "[2001:db8::2]:4330"},
	{"the same, the other way round",
	 {"[2001:db8::2]", "[2001:db8::2]"},
	 {"203.0.113.1:40000", "10.0.0.1 [2001:db8::1]"},
	 'B',
	 "[2001:db8::2]:4330",
	 "[2001:db8::1]:4330"},
	{"the DC sees MN over IPv6, CN has no IPv6: in IPv4 MN is inside, and sends first",
	 {"[2001:db8::1]", "[2001:db8::1] 192.168.1.2"},
	 {"192.0.2.2", "192.0.2.2"},
	 'm',
	 "192.168.1.2:4330",
	 "192.0.2.2:4330"},
	{"the same, the other way round",
	 {"192.0.2.2", "192.0.2.2"},
	 {"[2001:db8::1]", "[2001:db8::1] 192.168.1.2"},
	 'c',
	 "192.0.2.2:4330",
	 "192.168.1.2:4330"},
	{"the DC sees MN over IPv6, CN behind a NAT in IPv4: both are inside, maybe of one network",
	 {"[2001:db8::1]", "[2001:db8::1] 192.168.1.2"},
	 {"203.0.113.1:40000", "192.168.1.3"},
	 'C',
	 "192.168.1.2:4330",
	 "203.0.113.1:40000"},
	{"the same, the other way round",
	 {"203.0.113.1:40000", "192.168.1.3"},
	 {"[2001:db8::1]", "[2001:db8::1] 192.168.1.2"},
	 'M',
	 "203.0.113.1:40000",
	 "192.168.1.2:4330"},
	{"the DC sees CN over IPv6, but it is outside in IPv4 as well",
	 {"203.0.113.1:40000", "192.168.1.3"},
	 {"[2001:db8::1]", "[2001:db8::1] 192.0.2.2"},
	 'm',
	 "203.0.113.1:40000",
	 "192.0.2.2:4330"},
	{"one network, and the DC in it",
	 {"10.0.0.1", "10.0.0.1"},
	 {"10.0.0.2", "10.0.0.2"},
	 'm',
	 "10.0.0.1:4330",
	 "10.0.0.2:4330"},
	{"the DC is in MN's network, CN outside",
	 {"10.0.0.1", "10.0.0.1"},
	 {"203.0.113.1:40000", "10.0.0.1"},
	 'C',
	 "10.0.0.1:4330",
	 "203.0.113.1:40000"},
	{"the DC is in CN's network, MN open",
	 {"192.0.2.1", "192.0.2.1"},
	 {"10.0.0.1", "10.0.0.1"},
	 'c',
	 "192.0.2.1:4330",
	 "10.0.0.1:4330"},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct route_card mn = card_of(row->mn[0], row->mn[1]);
		struct route_card cn = card_of(row->cn[0], row->cn[1]);
		struct route route;

		memset(&route, 0xff, sizeof(route));
		route_decide(&mn, &cn, &route);
		print_message("%s\n", row->what);
		assert_int_equal(route.possible, row->requests != 0);
		assert_int_equal(route.needs_relay, row->requests == 0 || isupper(row->requests));
		if (row->requests == 0) {
			assert_int_equal(route.error, NTM_DIR_NO_RELAY);
			assert_int_equal(route.to_mn.count, 0);
			assert_int_equal(route.to_cn.count, 0);
			continue;
		}
		assert_int_equal(route.mn_role, tolower(row->requests) != 'c' ? NTM_ROLE_REQUESTS
									      : NTM_ROLE_ANSWERS);
		assert_int_equal(route.cn_role, tolower(row->requests) == 'm' ? NTM_ROLE_ANSWERS
									      : NTM_ROLE_REQUESTS);
		assert_list(&route.to_mn, row->to_mn, row->what);
		assert_list(&route.to_cn, row->to_cn, row->what);
	}
}

/* With a relay that both have bound: who sends first, and what is tried beside it. */
static void test_relayed(void **state)
{
	static const struct row relayed[] = {
		{"NAT, other NAT: outside first",
		 {"203.0.113.1:40000", "10.0.0.1"},
		 {"203.0.113.2:40000", "10.0.0.2 192.168.1.1"},
		 'm',
		 "203.0.113.1:40000 10.0.0.1:4330",
		 "203.0.113.2:40000 10.0.0.2:4330 192.168.1.1:4330"},
		{"same outside address: inside first",
		 {"203.0.113.1:40000", "10.0.0.1"},
		 {"203.0.113.1:40001", "10.0.0.2"},
		 'm',
		 "10.0.0.1:4330 203.0.113.1:40000",
		 "10.0.0.2:4330 203.0.113.1:40001"},
		{"no common family",
		 {"192.0.2.1", "192.0.2.1"},
		 {"[2001:db8::2]", "[2001:db8::2]"},
		 'm',
		 "",
		 ""},
		{"no common family, CN behind a NAT",
		 {"[2001:db8::2]", "[2001:db8::2]"},
		 {"203.0.113.1:40000", "10.0.0.1"},
		 'c',
		 "",
		 ""},
		{"the DC sees one over IPv6, the other behind a NAT in IPv4",
		 {"203.0.113.1:40000", "192.168.1.3"},
		 {"[2001:db8::1]", "[2001:db8::1] 192.168.1.2"},
		 'm',
		 "203.0.113.1:40000 192.168.1.3:4330",
		 "192.168.1.2:4330"},
		{"many: six of each",
		 {"203.0.113.1:1",
		  "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7"},
		 {"203.0.113.2:1", ""},
		 'm',
		 "203.0.113.1:1 10.0.0.1:4330 10.0.0.2:4330 10.0.0.3:4330 10.0.0.4:4330 "
		 "10.0.0.5:4330",
		 "203.0.113.2:1"},
		{"many behind the same outside: it is among the six",
		 {"203.0.113.1:1",
		  "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7"},
		 {"203.0.113.1:2", "10.0.0.9"},
		 'm',
		 "10.0.0.1:4330 10.0.0.2:4330 10.0.0.3:4330 10.0.0.4:4330 10.0.0.5:4330 "
		 "203.0.113.1:1",
		 "10.0.0.9:4330 203.0.113.1:2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(relayed) / sizeof(relayed[0]); i++) {
		const struct row *row = &relayed[i];
		struct route_card mn = card_of(row->mn[0], row->mn[1]);
		struct route_card cn = card_of(row->cn[0], row->cn[1]);
		struct route route;

		route_decide(&mn, &cn, &route);
		assert_true(route.needs_relay);
		memset(&route, 0xff, sizeof(route));
		route_relayed(&mn, &cn, &route);
		print_message("%s\n", row->what);
		assert_true(route.possible);
		assert_int_equal(route.mn_role, tolower(row->requests) == 'm' ? NTM_ROLE_REQUESTS
									      : NTM_ROLE_ANSWERS);
		assert_int_not_equal(route.mn_role, route.cn_role);
		assert_list(&route.to_mn, row->to_mn, row->what);
		assert_list(&route.to_cn, row->to_cn, row->what);
	}
}

/* A gateway behind a NAT of its own is reached where it is seen. */
static void test_to_a_gateway(void **state)
{
	static const struct row gateways[] = {
		{"1:1 NAT, from behind a NAT",
		 {"203.0.113.1:40000", "10.0.0.1"},
		 {"203.0.113.2:4332", "172.31.0.5:4332"},
		 'm',
		 "203.0.113.1:40000",
		 "203.0.113.2:4332"},
		{"1:1 NAT, from the open: the inside sends first",
		 {"192.0.2.1", "192.0.2.1"},
		 {"203.0.113.2:4332", "172.31.0.5:4332"},
		 'c',
		 "192.0.2.1:4330",
		 "203.0.113.2:4332"},
		{"behind the same outside address",
		 {"203.0.113.2:40000", "172.31.0.9"},
		 {"203.0.113.2:4332", "172.31.0.5:4332"},
		 'm',
		 "203.0.113.2:40000",
		 "203.0.113.2:4332 172.31.0.5:4332"},
		{"no common family",
		 {"[2001:db8::1]", "[2001:db8::1]"},
		 {"203.0.113.2:4332", "172.31.0.5:4332"},
		 0,
		 "",
		 ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(gateways) / sizeof(gateways[0]); i++) {
		const struct row *row = &gateways[i];
		struct route_card mn = card_of(row->mn[0], row->mn[1]);
		struct route_card cn = card_of(row->cn[0], row->cn[1]);
		struct route route;

		cn.is_public = true;
		route_decide(&mn, &cn, &route);
		print_message("%s\n", row->what);
		assert_int_equal(route.possible, row->requests != 0);
		if (!route.possible)
			continue;
		assert_int_equal(route.mn_role,
				 row->requests == 'm' ? NTM_ROLE_REQUESTS : NTM_ROLE_ANSWERS);
		assert_list(&route.to_mn, row->to_mn, row->what);
		assert_list(&route.to_cn, row->to_cn, row->what);
	}
}

/* The one that sends the Tunnel Request always knows where to. */
static void test_requester_has_candidates(void **state)
{
	static const char *const places[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1", "192.0.2.1 [2001:db8::1]"},
		{"[2001:db8::1]", "[2001:db8::1]"},
		{"203.0.113.1:4", "10.0.0.1"},
		{"203.0.113.1:5", "10.0.0.2 [2001:db8::5]"},
		{"203.0.113.1:6", ""},
		{"203.0.113.2:4", "10.0.0.1"},
		{"[2001:db8:5::1]:9", "[fd00::1]"},
	};
	size_t count = sizeof(places) / sizeof(places[0]);

	(void)state;
	for (size_t i = 0; i < count * count; i++) {
		struct route_card mn = card_of(places[i / count][0], places[i / count][1]);
		struct route_card cn = card_of(places[i % count][0], places[i % count][1]);
		struct route route;

		route_decide(&mn, &cn, &route);
		if (!route.possible)
			continue;
		assert_true(route.mn_role == NTM_ROLE_REQUESTS ||
			    route.cn_role == NTM_ROLE_REQUESTS);
		if (route.mn_role == NTM_ROLE_REQUESTS)
			assert_true(route.to_cn.count > 0);
		if (route.cn_role == NTM_ROLE_REQUESTS)
			assert_true(route.to_mn.count > 0);
	}
}

static void test_full_list_is_bounded(void **state)
{
	struct route_card mn = card_of("192.0.2.9", "");
	struct route_card cn = card_of("192.0.2.1", "192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 "
						    "192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.10");
	struct route route;

	(void)state;
	cn.behind_nat = false; /* so that nine addresses are in the running */
	mn.behind_nat = false;
	route_decide(&mn, &cn, &route);
	assert_int_equal(route.to_cn.count, NTM_MSG_ADDRS);
	assert_true(ntm_addr_eq(&route.to_cn.item[0], &cn.reflexive));
}

static void test_filter(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"10.0.0.1 192.168.1.1:5", "10.0.0.1:4330 192.168.1.1:5"},
		{"10.0.0.1 10.0.0.1 10.0.0.1:5", "10.0.0.1:4330 10.0.0.1:5"},
		{"127.0.0.1 224.0.0.1 255.255.255.255 0.0.0.0 0.1.2.3 240.0.0.1 169.254.1.1", ""},
		{"[::1] [::] [ff02::1] [fe80::1]", ""},
		{"198.18.0.7 198.19.0.7", "198.19.0.7:4330"}, /* 198.18/16 is virtual */
		{"[fd00:1:2::7] [fd00:1:3::7]", "[fd00:1:3::7]:4330"},
		{"10.0.0.1:0", ""},
	};
	struct ntm_prefix virtual4, virtual6, none = {.len = 0};
	struct ntm_addr_list list;

	(void)state;
	assert_int_equal(ntm_prefix_parse(&virtual4, "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&virtual6, "fd00:1:2::/48"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list = list_of(cases[i].in);
		route_filter(&list, &virtual4, &virtual6);
		assert_list(&list, cases[i].out, cases[i].in);
	}
	list = list_of("198.18.0.7");
	route_filter(&list, &none, &none);
	assert_list(&list, "198.18.0.7:4330", "no prefix filters nothing");
	list.count = 200; /* nobody is to read behind the end */
	route_filter(&list, &virtual4, &virtual6);
	assert_int_equal(list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_relayed),
		cmocka_unit_test(test_to_a_gateway),
		cmocka_unit_test(test_requester_has_candidates),
		cmocka_unit_test(test_full_list_is_bounded),
		cmocka_unit_test(test_filter),
	};
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
